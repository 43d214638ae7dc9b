//! Error rates over scenarios: each is played under many seeds, and what was said of it is counted against what should be.

use std::fmt;

use serde::Serialize;

use super::round::{median, p90, round, share};

/// What was said of one scenario under one seed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    /// The seed.
    pub seed: u64,
    /// Minutes from the first pushed post to the first firing alert of a kind that finds the scenario, on one of its
    /// hashtags; none where there was no such alert, or nothing to find.
    pub found_after: Option<f64>,
    /// The same to the first alert that is provisional or firing.
    pub provisional_after: Option<f64>,
    /// Whether a crowd was called coordinated: any hashtag of an organic scenario, another one than the pushed of the others.
    pub called: bool,
    /// Whether a crowd was at least suspected.
    pub suspected: bool,
    /// Whether a line paged.
    pub paged: bool,
    /// The highest coordination score of the scenario's hashtags.
    pub score: f64,
}

/// A scenario with its error rates. Shares have four decimals, minutes two.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fingerprint {
    /// Its name.
    pub scenario: String,
    /// What should be said of it: organic, coordinated or not visible.
    pub expected: String,
    /// Seeds played.
    pub seeds: usize,
    /// Share found; null where there is nothing to find.
    pub found: Option<f64>,
    /// Share in which a crowd was called coordinated.
    pub called_coordinated: Option<f64>,
    /// Share in which a crowd was called coordinated or suspected.
    pub at_least_suspected: Option<f64>,
    /// Share in which something paged.
    pub paged: Option<f64>,
    /// From the first pushed post to the first firing alert; null where none was found.
    pub minutes_to_detect: Option<f64>,
    /// Nine tenths up.
    pub minutes_to_detect_p90: Option<f64>,
    /// From the first pushed post to the first alert that is provisional or firing.
    pub minutes_to_provisional: Option<f64>,
    /// Highest coordination score of a seed, median over the seeds.
    pub score: Option<f64>,
    /// Highest coordination score of all seeds.
    pub score_max: Option<f64>,
    /// Seeds of which something wrong was said: missed, or a crowd called coordinated.
    pub wrong_seeds: Vec<u64>,
}

impl Fingerprint {
    /// Counts the trials of a scenario; `findable` where it should be found.
    pub fn of(scenario: &str, expected: &str, findable: bool, trials: &[Trial]) -> Fingerprint {
        let of = |holds: fn(&Trial) -> bool| share(trials.iter().filter(|trial| holds(trial)).count(), trials.len());
        let minutes: Vec<f64> = trials.iter().filter_map(|trial| trial.found_after).collect();
        let provisional: Vec<f64> = trials.iter().filter_map(|trial| trial.provisional_after).collect();
        let scores: Vec<f64> = trials.iter().map(|trial| trial.score).collect();
        let wrong = |trial: &&Trial| trial.called || findable && trial.found_after.is_none();
        let two = |value: f64| round(value, 2);
        Fingerprint {
            scenario: scenario.to_owned(),
            expected: expected.to_owned(),
            seeds: trials.len(),
            found: of(|trial| trial.found_after.is_some()).filter(|_| findable),
            called_coordinated: of(|trial| trial.called),
            at_least_suspected: of(|trial| trial.suspected),
            paged: of(|trial| trial.paged),
            minutes_to_detect: median(&minutes).map(two),
            minutes_to_detect_p90: p90(&minutes).map(two),
            minutes_to_provisional: median(&provisional).map(two),
            score: median(&scores).map(two),
            score_max: scores.iter().copied().reduce(f64::max).map(two),
            wrong_seeds: trials.iter().filter(wrong).map(|trial| trial.seed).collect(),
        }
    }
}

/// Scenarios as a table in Markdown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fingerprints(pub Vec<Fingerprint>);

/// Wrong seeds that a row names.
const SEEDS_SHOWN: usize = 8;

impl fmt::Display for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent =
            |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{} %", round(share * 100.0, 1)));
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| round(value, 1).to_string());
        writeln!(
            f,
            "| scenario | expected | seeds | found | a crowd called coordinated | or suspected | paged | minutes to detect, \
             median, p90 | highest score, median, all | wrong seeds |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        for row in &self.0 {
            let minutes = match row.minutes_to_detect {
                None => "-".to_owned(),
                some => format!("{}, {}", number(some), number(row.minutes_to_detect_p90)),
            };
            let mut wrong: Vec<String> = row.wrong_seeds.iter().take(SEEDS_SHOWN).map(u64::to_string).collect();
            wrong.extend((row.wrong_seeds.len() > SEEDS_SHOWN).then(|| "…".to_owned()));
            writeln!(
                f,
                "| {} | {} | {} | {} | {} | {} | {} | {minutes} | {}, {} | {} |",
                row.scenario,
                row.expected,
                row.seeds,
                percent(row.found),
                percent(row.called_coordinated),
                percent(row.at_least_suspected),
                percent(row.paged),
                number(row.score),
                number(row.score_max),
                wrong.join(" ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSED: Trial = Trial {
        seed: 1,
        found_after: None,
        provisional_after: None,
        called: false,
        suspected: false,
        paged: false,
        score: 10.0,
    };

    #[test]
    fn rates_are_shares_of_the_seeds_and_wrong_ones_are_named() {
        let found = Trial { seed: 2, found_after: Some(4.0), paged: true, score: 70.0, ..MISSED };
        let false_alert = Trial { seed: 3, found_after: Some(8.0), called: true, suspected: true, ..found };
        let row = Fingerprint::of("push", "coordinated", true, &[MISSED, found, false_alert, found]);
        assert_eq!((row.found, row.called_coordinated, row.paged), (Some(0.75), Some(0.25), Some(0.75)));
        assert_eq!((row.minutes_to_detect, row.score_max), (Some(4.0), Some(70.0)));
        assert_eq!(row.wrong_seeds, [1, 3]);
        let crowd = Fingerprint::of("goal", "organic", false, &[MISSED, MISSED]);
        assert_eq!((crowd.found, crowd.wrong_seeds.len()), (None, 0));
        let table = Fingerprints(vec![row, crowd]).to_string();
        assert!(
            table.contains("| push | coordinated | 4 | 75 % | 25 % | 25 % | 75 % | 4, 4 | 70, 70 | 1 3 |"),
            "{table}"
        );
        assert!(table.contains("| goal | organic | 2 | - | 0 % | 0 % | 0 % | - | 10, 10 |  |"), "{table}");
    }
}
