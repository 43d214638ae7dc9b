//! Originals of a hashtag by equal slices of time, off the closed panes: how evenly they come, and how a new hashtag rose.

use super::birth;
use super::signals::Spread;
use crate::track::Shard;
use crate::track::gather::Gathered;
use crate::track::ladder::{HOUR, LEVEL_0_KEPT, MINUTE, ceil, floor};
use crate::track::pane::EntryView;

/// Originals of the last five minutes by second, from the hashtag's first second among them on.
pub(super) fn by_second(five: &Gathered, tick: i64) -> Option<Spread> {
    if !birth::has_seconds(&five.mentions) {
        return None;
    }
    let end = tick * 10;
    let slices = (end - i64::from(five.first_second)).clamp(0, 300) as u64;
    Some(Spread { slices, posts: five.posts - five.reposts, squares: five.squares[0] as f64 })
}

/// Originals of the last five minutes by ten seconds, each slice against the one before it, so that a steady rise counts
/// for nothing: Σ (c - c')² in place of 2 Σ c².
pub(super) fn by_ten_seconds(shard: &Shard, tag: u64, tick: i64) -> Spread {
    let counts: Vec<u64> = (tick - LEVEL_0_KEPT + 1..=tick).map(|end| originals(shard, tag, 0, end)).collect();
    let steps: u64 = counts.windows(2).map(|pair| pair[0].abs_diff(pair[1]).pow(2)).sum();
    let posts: u64 = counts.iter().sum();
    // What Σ (c - c')² is beyond chance, 2 Σ c, put into the terms of Σ c² about the mean.
    let around = (posts * posts) as f64 / LEVEL_0_KEPT as f64;
    Spread { slices: LEVEL_0_KEPT as u64, posts, squares: around + steps as f64 / 2.0 }
}

/// Seconds from a new hashtag's first post to the first slice with at least half as many originals as its fullest one:
/// by ten seconds while it is young enough, by minutes through its first hour; none after that.
pub(super) fn rise_seconds(shard: &Shard, tag: u64, tick: i64, first_second: u32) -> Option<f64> {
    let born = i64::from(first_second).div_euclid(10) + 1;
    let (level, length) = if tick - born < LEVEL_0_KEPT { (0, 1) } else { (1, MINUTE) };
    let (first, last) = (ceil(born, length), floor(tick, length));
    if last - first > HOUR - MINUTE {
        return None;
    }
    let counts: Vec<u64> =
        (0..=(last - first) / length).map(|slice| originals(shard, tag, level, first + slice * length)).collect();
    let most = counts.iter().copied().max()?;
    let risen = counts.iter().position(|count| *count > 0 && *count * 2 >= most)? as i64;
    let begins = (first + (risen - 1) * length) * 10;
    Some((begins - i64::from(first_second)).max(0) as f64)
}

fn originals(shard: &Shard, tag: u64, level: u8, end: i64) -> u64 {
    let view = shard.ladder().level(level).get(&end).and_then(|pane| pane.get(tag));
    view.map_or(0, |view| view.posts() - reposts(&view))
}

fn reposts(view: &EntryView<'_>) -> u64 {
    view.large
        .map_or_else(|| view.mentions.iter().filter(|found| !found.is_original()).count() as u64, |large| large.reposts)
}
