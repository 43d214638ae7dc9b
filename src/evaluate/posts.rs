//! When a hashtag's posts were written, and which of them belong to a known operation. Only hashtags that an episode or
//! an alert names are kept.

use std::collections::BTreeMap;

use super::episode::Episode;
use crate::model::EventTime;

/// How far back an alert's truth looks, in ms.
const LOOK_BACK_MS: i64 = 30 * 60_000;
/// The post of an episode from which time to detect counts, from 1.
const COUNTED_FROM: usize = 20;

/// Posts while they are read, in any order.
#[derive(Debug, Default)]
pub struct Gathering {
    total: u64,
    rejected: u64,
    coordinated: u64,
    /// Earliest and latest event time.
    span: Option<(EventTime, EventTime)>,
    /// Of each hashtag asked about: time, and whether it is coordinated.
    posts: BTreeMap<String, Vec<(EventTime, bool)>>,
}

impl Gathering {
    /// Nothing yet, of these hashtags.
    pub fn of<'a>(hashtags: impl IntoIterator<Item = &'a str>) -> Gathering {
        let posts = hashtags.into_iter().map(|hashtag| (hashtag.to_owned(), Vec::new())).collect();
        Gathering { posts, ..Gathering::default() }
    }

    /// Takes a post with its distinct canonical hashtags.
    pub fn add<'a>(&mut self, ts: EventTime, hashtags: impl IntoIterator<Item = &'a str>, coordinated: bool) {
        self.total += 1;
        self.coordinated += u64::from(coordinated);
        let (first, last) = self.span.unwrap_or((ts, ts));
        self.span = Some((first.min(ts), last.max(ts)));
        for hashtag in hashtags {
            if let Some(posts) = self.posts.get_mut(hashtag) {
                posts.push((ts, coordinated));
            }
        }
    }

    /// Takes a record that is no usable post.
    pub fn reject(&mut self) {
        self.rejected += 1;
    }

    /// All posts have been read.
    pub fn finish(mut self) -> Posts {
        self.posts.values_mut().for_each(|posts| posts.sort_unstable());
        let Gathering { total, rejected, coordinated, span, posts } = self;
        let length_ms = span.map_or(0, |(first, last)| last.0 - first.0);
        Posts { total, rejected, coordinated, length_ms, posts }
    }
}

/// All posts, in time order.
#[derive(Debug)]
pub struct Posts {
    /// Posts, of whatever hashtag.
    pub total: u64,
    /// Records that were no usable post.
    pub rejected: u64,
    /// Posts that belong to a known operation.
    pub coordinated: u64,
    /// From the first to the last of them, in ms.
    pub length_ms: i64,
    posts: BTreeMap<String, Vec<(EventTime, bool)>>,
}

impl Posts {
    /// The coordinated share of a hashtag's posts of the 30 minutes up to `at`, both ends included; 0 where it has none.
    pub fn coordinated_share(&self, hashtag: &str, at: EventTime) -> f64 {
        let posts = self.of(hashtag);
        let from = posts.partition_point(|(ts, _)| *ts < at.minus_ms(LOOK_BACK_MS));
        let to = posts.partition_point(|(ts, _)| *ts <= at);
        let recent = &posts[from..to];
        let coordinated = recent.iter().filter(|(_, coordinated)| *coordinated).count();
        if recent.is_empty() { 0.0 } else { coordinated as f64 / recent.len() as f64 }
    }

    /// Whether the episode has any post.
    pub fn any_in(&self, episode: &Episode) -> bool {
        let posts = self.of(&episode.hashtag);
        let first = posts.partition_point(|(ts, _)| *ts < episode.start);
        posts.get(first).is_some_and(|(ts, _)| *ts <= episode.end)
    }

    /// When the episode's 20th post was written; its start where it has fewer.
    pub fn counted_from(&self, episode: &Episode) -> EventTime {
        let posts = self.of(&episode.hashtag);
        let first = posts.partition_point(|(ts, _)| *ts < episode.start);
        let twentieth = posts.get(first + COUNTED_FROM - 1).map(|(ts, _)| *ts);
        twentieth.filter(|ts| *ts <= episode.end).unwrap_or(episode.start)
    }

    fn of(&self, hashtag: &str) -> &[(EventTime, bool)] {
        self.posts.get(hashtag).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::super::episode::Label;
    use super::super::episode::tests::{MINUTE, T, episode};
    use super::*;

    fn at(minute: i64) -> EventTime {
        EventTime(T + minute * MINUTE)
    }

    fn posts(posts: impl IntoIterator<Item = (EventTime, bool)>) -> Posts {
        let mut gathering = Gathering::of(["a"]);
        posts.into_iter().for_each(|(ts, coordinated)| gathering.add(ts, ["a", "b"], coordinated));
        gathering.finish()
    }

    #[test]
    fn the_share_is_of_the_30_minutes_up_to_the_alert_with_both_ends() {
        let posts = posts([(at(0), true), (at(30), true), (at(31), false), (EventTime(at(31).0 + 1), true)]);
        assert!((posts.coordinated_share("a", at(30)) - 1.0).abs() < f64::EPSILON);
        assert!((posts.coordinated_share("a", at(31)) - 0.5).abs() < f64::EPSILON);
        assert!(posts.coordinated_share("a", at(90)).abs() < f64::EPSILON, "no post, no share");
        assert!(posts.coordinated_share("b", at(31)).abs() < f64::EPSILON, "nobody asked about it");
        assert_eq!((posts.total, posts.length_ms), (4, 31 * MINUTE + 1));
    }

    #[test]
    fn time_counts_from_the_20th_post_of_the_episode_however_posts_are_ordered() {
        let reversed = (-5..25).rev().map(|minute| (at(minute), false));
        let posts = posts(reversed);
        assert_eq!(posts.counted_from(&episode("a", Label::Coordinated, 0, 60)), at(19));
        assert_eq!(posts.counted_from(&episode("a", Label::Coordinated, 0, 19)), at(19), "at its very end");
        assert_eq!(posts.counted_from(&episode("a", Label::Coordinated, 0, 18)), at(0), "19 posts");
        assert_eq!(posts.counted_from(&episode("a", Label::Coordinated, 10, 60)), at(10), "15 posts");
        assert!(posts.any_in(&episode("a", Label::Organic, 24, 60)), "one, at its very start");
        assert!(
            !posts.any_in(&episode("a", Label::Organic, 25, 60)) && !posts.any_in(&episode("b", Label::Organic, 0, 9))
        );
        assert_eq!(posts.counted_from(&episode("b", Label::Coordinated, 1, 60)), at(1));
    }
}
