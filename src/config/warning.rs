//! What is allowed and still looks like a mistake. Warnings are said by `check` and in the log of a start; they stop
//! nothing.

use std::time::Duration;

use super::{Config, Exchange, Start};

impl Config {
    /// One sentence for each setting that is allowed and looks like a mistake.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |holds: bool, text: String| {
            if holds {
                warnings.push(text);
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shards = self.track.shards;
        warn(
            shards > cores && self.exchange == Exchange::InProcess,
            format!("track.shards ({shards}) is more than the {cores} cores of this machine: nothing gained"),
        );
        let share = self.memory.budget_bytes / shards as u64;
        warn(
            share < 8 << 20,
            format!("memory.budget leaves {} a shard: evictions are likely", super::show_size(share)),
        );
        warn(
            self.time.watermark_delay > Duration::from_secs(600),
            "time.watermark_delay is above 10m: every alert comes that much later".to_string(),
        );
        warn(
            self.state.checkpoint_interval > Duration::from_secs(600),
            "state.checkpoint_interval is above 10m: a crash means reading that much again".to_string(),
        );
        warn(
            self.kafka.start == Start::Latest,
            "kafka.start is latest: posts written before the first start are never read".to_string(),
        );
        warn(self.http.listen.port() == 0, "http.listen has port 0: the port changes with every start".to_string());
        let detect = &self.detect;
        warn(detect.pages_per_hour == 0, "detect.pages_per_hour is 0: nothing ever pages".to_string());
        warn(
            detect.family_points_max.values().all(|points| *points < detect.strong_points_min),
            "no detect.family_points_max reaches detect.strong_points_min: no coordinated_burst can fire".to_string(),
        );
        warn(
            detect.family_points_max.values().sum::<f64>() < detect.coordination_enter,
            "all detect.family_points_max together stay below detect.coordination_enter: no coordination alert can fire"
                .to_string(),
        );
        warnings
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Sources, load};

    fn warnings(set: &[&str]) -> Vec<String> {
        let set = set.iter().map(|text| text.to_string()).collect();
        load(Sources { set, ..Sources::default() }).expect("a good config").warnings()
    }

    #[test]
    fn settings_that_look_like_mistakes_are_warned_of() {
        assert_eq!(warnings(&["track.shards=1"]), Vec::<String>::new());
        let set = ["track.shards=256", "kafka.start=latest", "detect.pages_per_hour=0", "detect.strong_points_min=90"];
        let told = warnings(&set);
        for words in [
            "track.shards (256)",
            "memory.budget",
            "kafka.start is latest",
            "nothing ever pages",
            "no coordinated_burst",
        ] {
            assert!(told.iter().any(|warning| warning.contains(words)), "{words}: {told:?}");
        }
    }
}
