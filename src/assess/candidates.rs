//! Which hashtags are assessed at a tick. The criterion looks at the hashtag alone, never at a rank or at how busy the
//! shard is, so it does not depend on how hashtags are spread: enough posts and accounts in the last hour, and more of
//! them than usual. Steady hashtags, however large, cost nothing.

use crate::config::Detect;
use crate::track::Shard;
use crate::track::ladder::{HOUR, MINUTE};
use crate::track::usual::{Touched, Usual};

/// Posts in one ten-second pane from which a hashtag is assessed at once, not only at the end of the minute.
const POSTS_AT_ONCE: u32 = 5;
/// Posts in the last hour up to which any post can be the one that decides: at most one assessment a post.
const POSTS_FEW: u32 = 60;
/// Posts in the last hour up to which ten seconds can change the picture; larger ones are assessed once a minute.
const POSTS_EVERY_TICK: u32 = 2_000;
/// Growth of the last hour over the average hour of the day that makes a hashtag worth assessing.
const GROWTH_HOUR: f64 = 2.0;
/// Growth of the last five minutes over the average hour, taken to the hour.
const GROWTH_NOW: f64 = 4.0;
/// Minutes of watching before anything can be compared.
const WATCHED_MINUTES_MIN: i64 = 10;

/// Identities of the hashtags to assess at `tick`, sorted.
pub fn candidates(shard: &Shard, tick: i64, detect: &Detect) -> Vec<u64> {
    let enough = |tag: &u64| {
        let usual = shard.usuals().of(*tag);
        usual.h1 >= detect.candidate_posts && grows(shard, *tag, usual, tick)
    };
    if tick % MINUTE == 0 {
        let pane = shard.ladder().level(1).get(&tick);
        return pane.into_iter().flat_map(|pane| pane.iter()).map(|view| view.tag).filter(enough).collect();
    }
    if !shard.ladder().level(0).contains_key(&tick) {
        return Vec::new();
    }
    let in_time = |touched: &&Touched| {
        touched.h1 <= POSTS_EVERY_TICK && (touched.posts >= POSTS_AT_ONCE || touched.h1 <= POSTS_FEW)
    };
    let touched = shard.usuals().touched().iter().filter(|touched| touched.h1 >= detect.candidate_posts);
    touched.filter(in_time).map(|touched| touched.tag).filter(enough).collect()
}

/// Whether two sets of rules give the same reports: of all rules, a shard asks only which hashtags are assessed and what their kinds rest on. Every
/// rule is named, so that a new one is thought of here.
pub fn same_reports(one: &Detect, other: &Detect) -> bool {
    let asked = |detect: &Detect| {
        let Detect {
            candidate_posts,
            candidate_accounts,
            false_discovery_rate: _,
            burst_enter: _,
            burst_exit: _,
            coordination_enter: _,
            coordination_exit: _,
            family_points_min: _,
            strong_points_min: _,
            minimum_hold: _,
            quiet: _,
            pages_per_hour: _,
            tickets_per_hour: _,
            family_points_max: _,
            signals: _,
            ephemeral_enter: _,
            ephemeral_exit: _,
            kinds,
        } = detect;
        (*candidate_posts, *candidate_accounts, kinds.clone())
    };
    asked(one) == asked(other)
}

/// Whether a hashtag does more than usual, judged from rolling counts alone.
fn grows(shard: &Shard, tag: u64, usual: Usual, tick: i64) -> bool {
    let Some(since) = shard.watched_since() else { return false };
    let watched = tick - since.tick().0;
    let (m5, h1) = (f64::from(usual.m5), f64::from(usual.h1));
    if watched >= 2 * HOUR {
        let hours = ((watched / HOUR) - 1).clamp(1, 23) as f64;
        let average = f64::from(usual.h24.saturating_sub(usual.h1)) / hours;
        return h1 >= GROWTH_HOUR * average || m5 * 12.0 >= GROWTH_NOW * average;
    }
    let minutes = watched / MINUTE;
    if minutes < WATCHED_MINUTES_MIN {
        return false;
    }
    let average = (h1 - m5) / (minutes as f64 / 5.0 - 1.0).max(1.0);
    m5 >= GROWTH_NOW * average || appeared_late(shard, tag, since.tick().0)
}

/// Whether a hashtag was first seen well after the watching began.
fn appeared_late(shard: &Shard, tag: u64, since: i64) -> bool {
    let panes = shard.ladder().level(1).iter().chain(shard.ladder().level(0));
    let mut first = panes.filter(|(_, pane)| pane.get(tag).is_some()).map(|(end, _)| *end);
    first.next().is_some_and(|end| end - since > WATCHED_MINUTES_MIN * MINUTE)
}
