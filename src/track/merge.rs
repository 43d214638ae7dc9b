//! Panes into panes: the runs of an open pane into a closed one, ten-second panes into a minute, minutes into an hour.

use super::gather::{Gathered, PerSecond, Sizes};
use super::pane::{EntryView, Pane, PaneBuilder, Totals};

/// Mentions from which a hashtag of a ten-second or minute pane is large.
pub const SAMPLE: usize = 512;
/// Samples of ten-second and minute panes, and of windows.
pub const SIZES: Sizes = Sizes { mentions: SAMPLE, accounts: SAMPLE };
/// Samples of hour panes. Half as many accounts as in minutes: with a quarter, the interval of what the most active
/// twentieth writes is too wide to hold a push that goes on for hours.
pub const SIZES_HOUR: Sizes = Sizes { mentions: 128, accounts: 256 };

/// Posts in an hour from which it is remembered for a day that a hashtag of few accounts was there at all.
const FAINT_POSTS_MIN: u64 = 2;

/// What an hour pane keeps of hashtags of few accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourRule {
    /// From this many accounts a hashtag keeps its mention sample.
    pub sample_accounts_min: u64,
    /// Below this many accounts it becomes part of the hour's total.
    pub total_accounts_below: u64,
}

/// What kind of pane is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Into {
    /// A part of an open ten-second pane.
    Run,
    /// A closed ten-second pane, from its runs.
    Tick,
    /// A minute, from ten-second panes.
    Minute,
    /// An hour, from minutes.
    Hour(HourRule),
}

/// Merges panes. The order of `inputs` does not matter.
pub fn merge(inputs: &[&Pane], into: Into) -> Pane {
    let mut places: Vec<(u64, u32, u32)> = Vec::with_capacity(inputs.iter().map(|pane| pane.len()).sum());
    for (input, pane) in inputs.iter().enumerate() {
        places.extend((0..pane.len()).map(|at| (pane.tag_at(at), input as u32, at as u32)));
    }
    // Stable on purpose: each input is sorted already, and merging sorted runs is what that sort is good at.
    places.sort_by_key(|(tag, ..)| *tag);
    let mut builder = PaneBuilder::default();
    let mut views: Vec<EntryView<'_>> = Vec::new();
    let mut order = Vec::new();
    for same in places.chunk_by(|a, b| a.0 == b.0) {
        views.clear();
        views.extend(same.iter().map(|(_, input, at)| inputs[*input as usize].view(*at as usize)));
        if !merge_small(&views, into, &mut order, &mut builder) {
            merge_hashtag(&views, into, &mut builder);
        }
    }
    for pane in inputs {
        builder.total(pane.totals());
        pane.faint().iter().for_each(|tag| builder.faint(*tag));
    }
    builder.finish()
}

/// The way of most hashtags: where all of its mentions are at hand and stay, they are listed and nothing is counted.
/// Writes just what [`merge_hashtag`] would (a test holds them equal); false where the hashtag has to go that way.
fn merge_small(
    views: &[EntryView<'_>],
    into: Into,
    order: &mut Vec<(u64, u32, u32)>,
    builder: &mut PaneBuilder,
) -> bool {
    let stays = matches!(into, Into::Run | Into::Tick | Into::Minute)
        && views.iter().all(|view| view.large.is_none())
        && views.iter().map(|view| view.mentions.len()).sum::<usize>() <= SAMPLE;
    if !stays {
        return false;
    }
    builder.begin(views[0].tag, views[0].name());
    if let [only] = views {
        only.mentions.iter().for_each(|found| builder.mention(found, only.spelling(found)));
        return true;
    }
    order.clear();
    for (of, view) in views.iter().enumerate() {
        order.extend(view.mentions.iter().enumerate().map(|(at, found)| (found.post, of as u32, at as u32)));
    }
    order.sort();
    for (_, of, at) in order {
        let view = &views[*of as usize];
        let found = &view.mentions[*at as usize];
        builder.mention(found, view.spelling(found));
    }
    true
}

/// Gathers one hashtag from everything that was seen of it and writes what stays.
pub(super) fn merge_hashtag(views: &[EntryView<'_>], into: Into, builder: &mut PaneBuilder) {
    let (tag, name) = (views[0].tag, views[0].name());
    if let Into::Hour(rule) = into
        && views.iter().map(EntryView::posts).sum::<u64>() < rule.total_accounts_below
    {
        // Fewer posts than accounts wanted: no need to count the accounts.
        return fold(tag, views.iter().map(EntryView::posts).sum(), builder);
    }
    let (sizes, per_second) = match into {
        Into::Run | Into::Tick => (SIZES, PerSecond::SamePane),
        Into::Minute => (SIZES, PerSecond::Closed),
        Into::Hour(_) => (SIZES_HOUR, PerSecond::Closed),
    };
    let mut gathered = Gathered::new(sizes, per_second);
    views.iter().for_each(|view| gathered.add(view));
    gathered.finish();
    match into {
        Into::Tick => gathered.fold_seconds(),
        Into::Hour(rule) => {
            let accounts = gathered.distinct_accounts();
            if accounts < rule.total_accounts_below {
                return fold(tag, gathered.posts, builder);
            }
            if accounts < rule.sample_accounts_min {
                gathered.thin();
            }
        }
        Into::Run | Into::Minute => {}
    }
    gathered.write(tag, name, builder);
}

/// Leaves no more of a hashtag than its part of the totals, and that it was seen where it was seen twice.
fn fold(tag: u64, posts: u64, builder: &mut PaneBuilder) {
    builder.total(Totals { hashtags: 1, posts });
    if posts >= FAINT_POSTS_MIN {
        builder.faint(tag);
    }
}

/// The pane without the hashtags of fewer than `posts_min` posts, and how many those were.
pub fn without_small(pane: &Pane, posts_min: u64) -> (Pane, u64) {
    let mut builder = PaneBuilder::default();
    let mut evicted = 0;
    for view in pane.iter() {
        if view.posts() < posts_min {
            evicted += 1;
        } else {
            builder.copy(&view);
        }
    }
    builder.total(pane.totals());
    pane.faint().iter().for_each(|tag| builder.faint(*tag));
    (builder.finish(), evicted)
}

/// The hashtags of several panes of the same time, no hashtag in two of them, that `keep` asks for: what a shard gets when
/// the number of shards has changed. Sums stay with the first shard, so that they are counted once.
pub fn regroup(panes: &[&Pane], keep: impl Fn(u64) -> bool, with_totals: bool) -> Pane {
    let mut views: Vec<EntryView<'_>> =
        panes.iter().flat_map(|pane| pane.iter()).filter(|view| keep(view.tag)).collect();
    views.sort_unstable_by_key(|view| view.tag);
    let mut builder = PaneBuilder::default();
    views.iter().for_each(|view| builder.copy(view));
    panes.iter().filter(|_| with_totals).for_each(|pane| builder.total(pane.totals()));
    let faint = panes.iter().flat_map(|pane| pane.faint()).copied();
    faint.filter(|tag| keep(*tag)).for_each(|tag| builder.faint(tag));
    builder.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Mention;

    fn pane(mentions: &[(u64, u64, u32, bool)]) -> Pane {
        let mut sorted = mentions.to_vec();
        sorted.sort_unstable();
        sorted.dedup_by_key(|found| (found.0, found.1));
        let mut builder = PaneBuilder::default();
        for same in sorted.chunk_by(|a, b| a.0 == b.0) {
            builder.begin(same[0].0, "vote");
            for (_, post, second, spelt) in same {
                let found = Mention { post: *post, account: post % 7, second: *second, ..Mention::default() };
                builder.mention(&found, spelt.then_some("Vote"));
            }
        }
        builder.finish()
    }

    proptest! {
        #[test]
        fn the_short_way_writes_what_the_long_way_writes(
            one in prop::collection::vec((0..3u64, 0..900u64, 0..9u32, any::<bool>()), 0..60),
            two in prop::collection::vec((0..3u64, 1000..1900u64, 0..9u32, any::<bool>()), 0..60),
        ) {
            let (one, two) = (pane(&one), pane(&two));
            for into in [Into::Run, Into::Tick, Into::Minute] {
                let (mut short, mut long) = (PaneBuilder::default(), PaneBuilder::default());
                for tag in 0..3 {
                    let views: Vec<EntryView<'_>> = [&one, &two].iter().filter_map(|pane| pane.get(tag)).collect();
                    if !views.is_empty() {
                        prop_assert!(merge_small(&views, into, &mut Vec::new(), &mut short));
                        merge_hashtag(&views, into, &mut long);
                    }
                }
                prop_assert_eq!(short.finish(), long.finish());
            }
        }
    }
}
