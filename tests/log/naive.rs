//! What must come out, computed without shards, logs, watermarks that travel, or processes.

use std::collections::{BTreeMap, BTreeSet};

use tagwatch::app::playing::{Fold, Reporter};
use tagwatch::config::Config;
use tagwatch::model::hashtag::{TagLimits, TagList};
use tagwatch::model::{EventTime, Post, Tick};

use crate::world::{KEY, Written};

/// Lines as JSON, and posts by hashtag of the day that ends with the last tick.
pub struct Expected {
    pub lines: Vec<String>,
    pub posts: BTreeMap<String, u64>,
}

/// Counts the posts on time of all partitions, each judged in its own order, all up to `end`.
pub fn expected(config: &Config, topic: &BTreeMap<i32, Vec<Written>>, end: Tick) -> Expected {
    let delay = i64::try_from(config.time.watermark_delay.as_millis()).unwrap();
    let mut on_time: Vec<&Written> = Vec::new();
    for log in topic.values() {
        let mut greatest = i64::MIN / 2;
        for post in log {
            if post.ts >= greatest - delay {
                greatest = greatest.max(post.ts);
                on_time.push(post);
            }
        }
    }
    on_time.sort_by_key(|post| post.ts);
    let mut reporter = Reporter::new(config, KEY);
    let mut fold = Fold::new(config.detect.clone(), config.version.clone());
    let (mut lines, mut counted) = (Vec::new(), BTreeMap::<String, (BTreeSet<String>, BTreeSet<String>)>::new());
    let limits = TagLimits { tags_max: config.limits.hashtags_max, chars_max: config.limits.hashtag_chars_max };
    let mut tags = TagList::default();
    for same in on_time.chunk_by(|a, b| EventTime(a.ts).tick() == EventTime(b.ts).tick()) {
        let tick = EventTime(same[0].ts).tick();
        if tick > end {
            break;
        }
        reporter.watermark(Tick(tick.0 - 1).end(), |report| fold.report(report));
        fold.watermark(Tick(tick.0 - 1).end(), |_, decided| lines.extend(decided.lines));
        for written in same {
            tags.clear();
            for tag in &written.hashtags {
                tags.push(tag, limits).unwrap();
                if tick.0 > end.0 - 8640 {
                    let (posts, accounts) = counted.entry(tag.to_lowercase()).or_default();
                    posts.insert(written.id.clone());
                    accounts.insert(written.account.clone());
                }
            }
            reporter.post(&post(written, &tags));
        }
    }
    reporter.watermark(end.end(), |report| fold.report(report));
    fold.watermark(end.end(), |_, decided| lines.extend(decided.lines));
    let lines = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    // Hours keep hashtags of fewer accounts in one sum.
    let least = config.windows.hour_total_accounts_below as usize;
    let kept = counted.into_iter().filter(|(_, (_, accounts))| accounts.len() >= least);
    Expected { lines, posts: kept.map(|(tag, (posts, _))| (tag, posts.len() as u64)).collect() }
}

fn post<'a>(written: &'a Written, hashtags: &'a TagList) -> Post<'a> {
    Post {
        id: written.id.as_str().into(),
        ts: EventTime(written.ts),
        account: written.account.as_str().into(),
        platform: "".into(),
        text: None,
        hashtags,
        repost_of: None,
        reply_to: None,
        lang: None,
        client: None,
        account_created: None,
    }
}
