//! What is done about a scenario's posts afterwards, as actions between the posts, in the order of time. Only what still
//! lies ahead is held.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;

use super::post::{SimPost, WriteJson, put};
use super::random::Random;
use crate::model::Act;

/// An action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimAction {
    /// Event time in milliseconds since the epoch.
    pub at: i64,
    /// What is done.
    pub act: Act,
    /// Number of the account or of the post.
    pub target: u64,
}

impl WriteJson for SimAction {
    fn write_json(&self, out: &mut Vec<u8>) {
        let SimAction { at, act, target } = self;
        put(out, format_args!(r#"{{"at":{at},"action":"{}","{}":""#, act.as_str(), act.target()));
        match act {
            Act::PostDeleted => put(out, format_args!("{target}")),
            Act::AccountActioned | Act::AccountRestored => put(out, format_args!("{}", super::account_name(*target))),
        }
        out.extend_from_slice(b"\"}");
    }
}

/// A post or an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A post.
    Post(SimPost),
    /// An action.
    Action(SimAction),
}

impl Record {
    /// Event time in milliseconds since the epoch.
    pub fn ts(&self) -> i64 {
        match self {
            Record::Post(post) => post.ts,
            Record::Action(action) => action.at,
        }
    }
}

impl WriteJson for Record {
    fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Record::Post(post) => post.write_json(out),
            Record::Action(action) => action.write_json(out),
        }
    }
}

/// Which of the coordinated posts go, and when after they were written. Lengths are ms, each a range to choose from.
#[derive(Clone, Copy)]
pub(super) struct Aftermath {
    /// Share that is deleted by its own accounts.
    pub deleted: f64,
    pub deleted_after: (i64, i64),
    /// Share of the others whose account the platform acts on.
    pub actioned: f64,
    pub actioned_after: (i64, i64),
}

/// Stream of random numbers that no crowd has.
const STREAM: u64 = 1 << 20;

/// Posts with the actions that follow from them.
pub(super) struct Followed<I: Iterator<Item = SimPost>> {
    posts: Peekable<I>,
    aftermath: Aftermath,
    random: Random,
    ahead: BinaryHeap<Reverse<SimAction>>,
}

impl<I: Iterator<Item = SimPost>> Followed<I> {
    pub fn new(seed: u64, posts: I, aftermath: Aftermath) -> Followed<I> {
        Followed { posts: posts.peekable(), aftermath, random: Random::new(seed, STREAM), ahead: BinaryHeap::new() }
    }

    fn follow(&mut self, post: &SimPost) {
        let Aftermath { deleted, deleted_after, actioned, actioned_after } = self.aftermath;
        let (act, target, (from, to)) = if self.random.chance(deleted) {
            (Act::PostDeleted, post.id, deleted_after)
        } else if self.random.chance(actioned) {
            (Act::AccountActioned, post.account, actioned_after)
        } else {
            return;
        };
        let after = from + self.random.below((to - from).max(1).unsigned_abs()).cast_signed();
        self.ahead.push(Reverse(SimAction { at: post.ts + after, act, target }));
    }
}

impl<I: Iterator<Item = SimPost>> Iterator for Followed<I> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let next = self.posts.peek().map_or(i64::MAX, |post| post.ts);
        if self.ahead.peek().is_some_and(|Reverse(action)| action.at <= next) {
            return self.ahead.pop().map(|Reverse(action)| Record::Action(action));
        }
        let post = self.posts.next()?;
        if post.coordinated {
            self.follow(&post);
        }
        Some(Record::Post(post))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, records};
    use super::*;

    #[test]
    fn an_ephemeral_push_is_followed_by_its_deletions_in_the_order_of_time() {
        let records: Vec<Record> = records("ephemeral", &Options::new(3)).unwrap().collect();
        assert!(records.is_sorted_by_key(Record::ts));
        let count =
            |wanted| records.iter().filter(|one| matches!(one, Record::Action(action) if action.act == wanted)).count();
        let pushed = records.iter().filter(|one| matches!(one, Record::Post(post) if post.coordinated)).count();
        assert!(count(Act::PostDeleted) > pushed / 2 && count(Act::AccountActioned) > 0, "of {pushed}");
        let mut line = Vec::new();
        SimAction { at: 5, act: Act::AccountActioned, target: 0xf3 }.write_json(&mut line);
        assert_eq!(line, br#"{"at":5,"action":"account_actioned","account":"a0000000000f3"}"#);
        line.clear();
        SimAction { at: 5, act: Act::PostDeleted, target: 7 }.write_json(&mut line);
        assert_eq!(line, br#"{"at":5,"action":"post_deleted","post":"7"}"#);
    }

    #[test]
    fn other_scenarios_are_posts_alone() {
        let mut records = records("push", &Options { posts: Some(100), ..Options::new(3) }).unwrap();
        assert!(records.all(|record| matches!(record, Record::Post(_))));
    }
}
