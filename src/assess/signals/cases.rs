//! Tables of cases: how the tests of the signals write a crowd or a stream down in a line, and how they hold what is read of
//! it to what was worked out by hand.

use std::ops::Range;

use super::{ALL, Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;
use crate::assess::report::{CROWD_HOURS, hashtag_report};
use crate::config::{Detect, defaults};
use crate::model::mention::{FLAG_ALONE, FLAG_MENTIONS, FLAG_REPLIES, FLAG_REPOST, FLAG_TEXT};
use crate::model::{Act, EventTime, Mention, MentionBatch, TagHash, Taken};
use crate::track::Shard;
use crate::track::pane::AccountRow;

/// A post of which the text is not known.
pub const MUTE: u8 = 0;
/// A post that says something to nobody in particular.
pub const SAID: u8 = FLAG_TEXT;
/// The same under this hashtag and no other.
pub const ALONE: u8 = FLAG_TEXT | FLAG_ALONE;
/// A post that mentions somebody.
pub const TALK: u8 = FLAG_TEXT | FLAG_MENTIONS;
/// A post that answers somebody.
pub const ANSWER: u8 = FLAG_TEXT | FLAG_REPLIES;
/// A repost, of a post that mentions somebody.
pub const REPOST: u8 = FLAG_REPOST | FLAG_TEXT | FLAG_MENTIONS;

/// What values may be off by. At shares of 0 and 1 an end of Wilson's interval can lie a last bit on the wrong side.
const EXACT: f64 = 1e-9;
/// The second of a stream from which its times are counted: the beginning of an hour.
const ZERO: i64 = 416_667 * 3_600;
/// The hashtag of a stream.
const TAG: TagHash = TagHash(7);

/// Posts by groups of accounts: how many, and what each one's posts are. No two say the same.
pub fn groups(groups: &[(u64, &[u8])]) -> Vec<Mention> {
    let (mut posts, mut account) = (Vec::new(), 0);
    for (accounts, each) in groups {
        for _ in 0..*accounts {
            for flags in *each {
                let post = posts.len() as u64;
                let text = if flags & FLAG_TEXT == 0 { 0 } else { 1 + post as u32 };
                posts.push(Mention { post, account, text, flags: *flags, ..Mention::default() });
            }
            account += 1;
        }
    }
    posts
}

/// Posts by groups of accounts: how many, and how often each one posts.
pub fn posting(of: &[(u64, usize)]) -> Vec<Mention> {
    of.iter().fold(Vec::new(), |posts, (accounts, each)| both(posts, groups(&[(*accounts, &vec![SAID; *each])])))
}

/// Posts by accounts of their own: so many copies of each of so many texts, each text with a link. None of [`groups`].
pub fn copies(of: &[(u64, u32)], flags: u8) -> Vec<Mention> {
    let values = (1_000..).zip(of.iter().flat_map(|(copies, different)| (0..*different).map(move |_| *copies)));
    let copied = values.flat_map(|(value, copies)| (0..copies).map(move |_| value));
    let post =
        |(n, value): (u64, u32)| Mention { post: n, account: n, text: value, link: value, flags, ..Mention::default() };
    (0..).zip(copied).map(post).collect()
}

/// The posts of one list and of another, by other accounts.
pub fn both(one: Vec<Mention>, other: Vec<Mention>) -> Vec<Mention> {
    let posts = one.len() as u64;
    let accounts = one.iter().map(|found| found.account + 1).max().unwrap_or(0);
    let moved = |found: Mention| Mention { post: found.post + posts, account: found.account + accounts, ..found };
    one.into_iter().chain(other.into_iter().map(moved)).collect()
}

/// Posts of one hashtag in time, as a shard gets them, and when they are looked at. Times are seconds after [`ZERO`].
#[derive(Clone, Debug)]
pub struct Stream {
    posts: Vec<Mention>,
    taken: Vec<Taken>,
    watched_since: i64,
    until: i64,
}

/// Accounts that post at each of these seconds.
pub fn all_at(accounts: u64, seconds: &[i64]) -> Stream {
    stream((0..accounts).flat_map(|account| seconds.iter().map(move |second| (account, *second))))
}

/// A post at each of these seconds, by accounts of their own.
pub fn each_at(seconds: impl IntoIterator<Item = i64>) -> Stream {
    stream((0..).zip(seconds))
}

fn stream(of: impl Iterator<Item = (u64, i64)>) -> Stream {
    let post =
        |(post, (account, second))| Mention { post, account, second: (ZERO + second) as u32, ..Mention::default() };
    Stream { posts: (0..).zip(of).map(post).collect(), taken: Vec::new(), watched_since: -8 * 86_400, until: 0 }
}

impl Stream {
    /// With the posts of another one.
    pub fn and(self, other: Stream) -> Stream {
        Stream { posts: both(self.posts, other.posts), ..self }
    }

    /// Reposts in place of originals.
    pub fn reposted(mut self) -> Stream {
        self.posts.iter_mut().for_each(|found| found.flags |= FLAG_REPOST);
        self
    }

    /// Looked at when that second is over.
    pub fn until(self, second: i64) -> Stream {
        Stream { until: second, ..self }
    }

    /// Watched since that second; since eight days before otherwise.
    pub fn watched_since(self, second: i64) -> Stream {
        Stream { watched_since: second, ..self }
    }

    /// With an action at that second on some accounts, or posts, by their place.
    pub fn acted(mut self, second: i64, act: Act, targets: Range<u64>) -> Stream {
        self.taken.extend(targets.map(|target| Taken { at: at(second), act, target }));
        self
    }

    fn read(&self, signal: &Definition) -> Option<Estimate> {
        let config = defaults();
        let mut shard = Shard::new(config.windows, usize::MAX);
        shard.watched(at(self.watched_since));
        shard.act(&self.taken);
        let mut batch = MentionBatch::default();
        for found in &self.posts {
            let tick = EventTime(i64::from(found.second) * 1_000).tick();
            batch.push(TAG, tick, "vote", "vote", true, *found);
        }
        shard.apply(&batch);
        while let Some(due) = shard.next_due(at(self.until)) {
            shard.close(due);
        }
        let detect = Detect { candidate_accounts: 1, ..config.detect };
        let report = hashtag_report(&shard, TAG.0, at(self.until).closed_tick().0, CROWD_HOURS, &detect);
        let place = ALL.iter().position(|known| known.name == signal.name).expect("every signal is among all");
        report.expect("it was seen within three hours").readings[0].estimates[place]
    }
}

fn at(second: i64) -> EventTime {
    EventTime((ZERO + second) * 1_000)
}

fn crowd(posts: &[Mention]) -> Crowd {
    let mut accounts: Vec<AccountRow> = posts.iter().map(AccountRow::of).collect();
    accounts.sort_unstable_by_key(|row| row.account);
    accounts.dedup_by(|next, kept| {
        let same = next.account == kept.account;
        if same {
            kept.absorb(next);
        }
        same
    });
    Crowd { accounts, posts: posts.len() as u64, mentions: posts.to_vec(), is_whole: true }
}

/// Holds what a signal reads of crowds to what was worked out by hand.
pub fn check(signal: &Definition, cases: &[(&str, Vec<Mention>, Option<f64>)]) {
    for (what, posts, by_hand) in cases {
        hold(what, (signal.read)(&crowd(posts), &Facts::default()), *by_hand);
    }
}

/// Holds what a signal reads of streams to what was worked out by hand.
pub fn check_streams(signal: &Definition, cases: &[(&str, Stream, Option<f64>)]) {
    for (what, stream, by_hand) in cases {
        hold(what, stream.read(signal), *by_hand);
    }
}

/// Holds a reading to what was worked out by hand, and the ends of its interval to their order.
pub fn hold(what: &str, read: Option<Estimate>, by_hand: Option<f64>) {
    assert_eq!(read.is_some(), by_hand.is_some(), "{what}: {read:?}, by hand {by_hand:?}");
    if let (Some(Estimate { value, low, high }), Some(by_hand)) = (read, by_hand) {
        assert!((value - by_hand).abs() < EXACT, "{what}: {value}, by hand {by_hand}");
        assert!(low < value + EXACT && value < high + EXACT, "{what}: {value} in {low} to {high}");
    }
}
