//! Share of the accounts that repost the same posts as another one, at the same time, again and again: who reads one list
//! of what to repost works it off together. People share one loud post; that two of them share three, each within two
//! minutes, hardly happens.
//!
//! Formula: accounts that have a partner / accounts, of the last hour, Wilson interval; partners are two accounts that reposted
//! at least three of the same posts, each within two minutes of the other (co-reposting: Pacheco et al. 2021; Schoch, Keller,
//! Stier and Yang 2022, who take one minute; two, because some inputs know minutes only). At most 64 accounts of three reposts or
//! more are compared, the smallest by keyed hash, and stand for all of them. Fewer than five partners are friends. Unit: share,
//! 0 to 1; 0 where nobody can have a partner. Unavailable where the hour's mentions are more than their sample, for then most
//! pairs are missing, and where there are fewer than twenty posts. Measured (`tagwatch
//! evaluate`): 0 at every quartile of the organic episodes of a crisis month.
//! Blind spots: a ring whose accounts take turns, so that no two of them share three posts, at the price of three times the
//! accounts; or that spreads each post over a quarter of an hour, at the price of never looking like a trend. Fans who have
//! the same account's posts announced to them come closest.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Posts that partners have both reposted.
const SHARED_MIN: usize = 3;
/// Seconds between two accounts' reposts of one post.
const TOGETHER_SECONDS: u32 = 120;
/// Accounts that are compared with each other.
const COMPARED_MAX: usize = 64;
/// Accounts with a partner from which it is no circle of friends.
const PARTNERS_MIN: usize = 5;
/// Posts of the hour from which the share is read.
const POSTS_MIN: usize = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "co_reposts", family: "synchrony", baseline: 0.0, read, on_core: false };

/// One account's first repost of a post: account, post, second.
type Repost = (u64, u32, u32);

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    if !crowd.is_whole || crowd.mentions.len() < POSTS_MIN {
        return None;
    }
    let mut accounts: Vec<u64> = crowd.mentions.iter().map(|found| found.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let reposts = reposts(crowd);
    let able: Vec<&[Repost]> = reposts.chunk_by(|a, b| a.0 == b.0).filter(|of| of.len() >= SHARED_MIN).collect();
    let compared = &able[..able.len().min(COMPARED_MAX)];
    let has_partner =
        |one: &&&[Repost]| compared.iter().any(|other| one[0].0 != other[0].0 && are_partners(one, other));
    let partners = compared.iter().filter(has_partner).count();
    let partners = if partners < PARTNERS_MIN { 0 } else { partners * able.len() / compared.len() };
    Some(share(partners as u64, accounts.len() as u64))
}

/// The first repost of every post by every account, sorted.
fn reposts(crowd: &Crowd) -> Vec<Repost> {
    let found = crowd.mentions.iter().filter(|found| found.repost != 0);
    let mut reposts: Vec<Repost> = found.map(|found| (found.account, found.repost, found.second)).collect();
    reposts.sort_unstable();
    reposts.dedup_by_key(|(account, post, _)| (*account, *post));
    reposts
}

/// Whether two accounts reposted enough of the same posts at the same times. Both are sorted by post.
fn are_partners(one: &[Repost], other: &[Repost]) -> bool {
    let same = |(_, post, second): &Repost| {
        let at = other.binary_search_by_key(post, |(_, post, _)| *post);
        at.is_ok_and(|at| other[at].2.abs_diff(*second) <= TOGETHER_SECONDS)
    };
    one.iter().filter(|repost| same(repost)).count() >= SHARED_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn repost(account: u64, post: u32, second: u32) -> Mention {
        Mention { account, repost: post, second, ..Mention::default() }
    }

    fn read_of(mentions: Vec<Mention>) -> Option<f64> {
        read(&Crowd { mentions, is_whole: true, ..Crowd::default() }, &Facts::default()).map(|share| share.value)
    }

    /// Accounts that each repost posts 1 to `posts`, the next account `gap` seconds after the one before.
    fn ring(accounts: u64, posts: u32, gap: u32) -> Vec<Mention> {
        (0..accounts).flat_map(|n| (1..=posts).map(move |post| repost(n, post, post * 300 + n as u32 * gap))).collect()
    }

    fn others(count: u64) -> impl Iterator<Item = Mention> {
        (0..count).map(|n| Mention { account: 1_000 + n, second: n as u32, ..Mention::default() })
    }

    #[test]
    fn who_works_off_one_list_together_is_seen() {
        assert_eq!(read_of(ring(8, 3, 10)), Some(1.0));
        assert_eq!(read_of(ring(8, 3, 10).into_iter().chain(others(24)).collect()), Some(0.25), "among the public");
        assert_eq!(read_of(ring(8, 3, 121)), Some(0.0), "more than two minutes apart");
        assert_eq!(read_of(ring(20, 2, 5)), Some(0.0), "two posts that everybody saw");
        assert_eq!(read_of(ring(4, 6, 5)), Some(0.0), "four friends");
    }

    #[test]
    fn many_are_told_from_a_part_of_them() {
        assert_eq!(read_of(ring(128, 3, 0).into_iter().chain(others(128)).collect()), Some(0.5));
    }

    #[test]
    fn a_viral_post_makes_no_partners() {
        let crowd = (0..200).map(|n| repost(n, 1 + n as u32 % 7, n as u32)).chain(others(20)).collect();
        assert_eq!(read_of(crowd), Some(0.0));
    }

    #[test]
    fn what_is_not_all_there_says_nothing() {
        let part = Crowd { mentions: ring(8, 3, 10), is_whole: false, ..Crowd::default() };
        assert!(read(&part, &Facts::default()).is_none(), "a sample of many");
        assert_eq!(read_of(ring(6, 3, 10)), None, "eighteen posts");
    }
}
