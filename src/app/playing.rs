//! Playing: posts through panes, reports and decider in one thread, without files, channels or JSON. The alert lines are
//! those of `tagwatch replay` of the same posts, to the byte; a test holds that. For figures that need thousands of runs.

use std::borrow::Cow;

use super::pipeline::shard_budget;
use crate::assess::{Report, report};
use crate::config::{Config, Detect, Limits};
use crate::decide::{Decided, Decider};
use crate::exchange::frontier::Frontier;
use crate::exchange::route::Router;
use crate::model::hashtag::{TagLimits, TagList};
use crate::model::{Action, EventTime, Keyed, Post, Taken, Tick};
use crate::simulate::{SimPost, account_name};
use crate::track::Shard;

/// Before the tick of every post.
const BEFORE_ALL: Tick = Tick(i64::MIN / 4);

/// One shard that holds every hashtag: posts go in, reports come out.
#[derive(Debug)]
pub struct Reporter {
    router: Router,
    shard: Shard,
    detect: Detect,
    watched_since: Option<EventTime>,
    /// Actions since the last watermark.
    actions: Vec<Taken>,
}

impl Reporter {
    /// A shard that has seen nothing.
    pub fn new(config: &Config, key: [u8; 16]) -> Reporter {
        let budget = shard_budget(config).saturating_mul(config.track.shards);
        Reporter {
            router: Router::new(Keyed::new(key), 1),
            shard: Shard::new(config.windows.clone(), budget),
            detect: config.detect.clone(),
            watched_since: None,
            actions: Vec::new(),
        }
    }

    /// Takes an action that is on time.
    pub fn action(&mut self, action: &Action<'_>) {
        self.actions.push(self.router.action(action));
    }

    /// Takes a post that is on time.
    pub fn post(&mut self, post: &Post<'_>) {
        self.watched_since = Some(self.watched_since.map_or(post.ts, |since| since.min(post.ts)));
        self.router.post(post);
    }

    /// Every post below `watermark` has been taken. Gives a report for each tick that closes and says something.
    pub fn watermark(&mut self, watermark: EventTime, mut on: impl FnMut(Report)) {
        if let Some(since) = self.watched_since {
            self.shard.watched(since);
        }
        self.shard.act(&self.actions);
        self.actions.clear();
        for batch in self.router.take() {
            self.shard.apply(&batch);
        }
        while let Some(tick) = self.shard.next_due(watermark) {
            self.shard.close(tick);
            let report = report(&self.shard, tick, &self.detect);
            if !report.is_empty() {
                on(report);
            }
        }
    }
}

/// A decider with its timers, fed by one shard.
#[derive(Debug)]
pub struct Fold {
    frontier: Frontier,
    decider: Decider,
}

impl Fold {
    /// A decider that has seen nothing.
    pub fn new(detect: Detect, config_version: String) -> Fold {
        Fold { frontier: Frontier::new(1, BEFORE_ALL), decider: Decider::new(detect, config_version) }
    }

    /// Takes a report.
    pub fn report(&mut self, report: Report) {
        self.frontier.report(0, report);
    }

    /// All reports below `watermark` have been taken: decides what is due.
    pub fn watermark(&mut self, watermark: EventTime, mut on: impl FnMut(Tick, Decided)) {
        self.frontier.passed(0, watermark);
        while let Some((tick, reports)) = self.frontier.next(self.decider.next_timer()) {
            on(tick, self.decider.decide(tick, reports));
        }
    }
}

/// Plays synthetic posts, which must come in time order; `on` hears of every tick that is decided.
pub fn play(posts: impl Iterator<Item = SimPost>, config: &Config, key: [u8; 16], mut on: impl FnMut(Tick, Decided)) {
    let mut reporter = Reporter::new(config, key);
    let mut fold = Fold::new(config.detect.clone(), config.version.clone());
    let mut tags = TagList::default();
    let mut open = None;
    let mut pass = |reporter: &mut Reporter, watermark| {
        reporter.watermark(watermark, |report| fold.report(report));
        fold.watermark(watermark, &mut on);
    };
    for post in posts {
        let tick = EventTime(post.ts).tick();
        if open.is_some_and(|open| tick > open) {
            // What lies before the post's own pane is complete.
            pass(&mut reporter, Tick(tick.0 - 1).end());
        }
        open = Some(tick);
        reporter.post(&decoded(&post, &mut tags, &config.limits));
    }
    if let Some(tick) = open {
        pass(&mut reporter, tick.end());
    }
}

/// A synthetic post as decoding its JSON gives it.
fn decoded<'a>(post: &'a SimPost, tags: &'a mut TagList, limits: &Limits) -> Post<'a> {
    let limits = TagLimits { tags_max: limits.hashtags_max, chars_max: limits.hashtag_chars_max };
    tags.clear();
    for tag in post.hashtags.iter() {
        // A second spelling of the same hashtag is no fault, and simulated ones keep the limits.
        tags.push(tag, limits).expect("a simulated hashtag is one");
    }
    let id = |id: Option<u64>| id.map(|id| Cow::Owned(id.to_string()));
    Post {
        id: Cow::Owned(post.id.to_string()),
        ts: EventTime(post.ts),
        account: Cow::Owned(account_name(post.account)),
        platform: Cow::Borrowed(""),
        text: Some(Cow::Borrowed(&post.text)),
        hashtags: tags,
        repost_of: id(post.repost_of),
        reply_to: id(post.reply_to),
        lang: Some(Cow::Borrowed(post.lang)),
        client: post.client.map(Cow::Borrowed),
        account_created: Some(EventTime(post.account_created)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::replaying::{Options, open, replay};
    use super::*;
    use crate::config::defaults;
    use crate::simulate;
    use crate::source::decode::Format;

    #[test]
    fn the_lines_are_those_of_a_replay() {
        let (config, key) = (defaults(), [7; 16]);
        let posts = || simulate::scenario("push", &simulate::Options::new(3)).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        simulate::write(posts(), &mut file.as_file()).unwrap();
        let files = vec![file.path().to_owned()];
        let options = Options { files, actions: Vec::new(), partitions: 3, as_of: None, format: Format::Native, key };
        let mut replayed = Vec::new();
        replay(open(&options, &config).unwrap(), &options, &config, &mut replayed, |_, _| {}).unwrap();
        let mut played = Vec::new();
        play(posts(), &config, key, |_, decided| {
            for line in &decided.lines {
                serde_json::to_writer(&mut played, line).unwrap();
                played.push(b'\n');
            }
        });
        assert!(played.split(|byte| *byte == b'\n').count() > 2);
        assert_eq!(String::from_utf8(played).unwrap(), String::from_utf8(replayed).unwrap());
    }
}
