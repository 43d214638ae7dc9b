//! Salvos: who of the last hour's accounts wrote several posts in short order. Minutes are counted, not seconds, because
//! that is what the panes of an hour know of every account alike, however large the hashtag.

use std::ops::Bound::{Excluded, Included};

use super::crowd::CORE_POSTS;
use super::signals::Salvos;
use crate::track::Shard;
use crate::track::ladder::{HOUR, MINUTE, floor};

/// Minutes in a row that a salvo may take.
const SALVO_MINUTES: i64 = 10;
/// Minutes since its first post after which an account is looked at: before, it had no time to be slow.
const SETTLED_MINUTES: i64 = 15;

/// Reads the accounts of a hashtag's last hour up to `account_cut`, where their sample ends.
pub(super) fn of(shard: &Shard, tag: u64, tick: i64, account_cut: u64) -> Salvos {
    let minute = floor(tick, MINUTE);
    let mut posts: Vec<(u64, i64, u32)> = Vec::new();
    for (level, after, until) in [(1, minute - HOUR, minute), (0, minute, tick)] {
        for (end, pane) in shard.ladder().level(level).range((Excluded(after), Included(until))) {
            let Some(view) = pane.get(tag) else { continue };
            let at = (end - 1).div_euclid(MINUTE);
            match view.large {
                Some(_) => posts.extend(view.accounts.iter().map(|row| (row.account, at, row.posts))),
                None => posts.extend(view.mentions.iter().map(|found| (found.account, at, 1))),
            }
        }
    }
    posts.retain(|(account, ..)| *account <= account_cut);
    posts.sort_unstable();
    let now = (tick - 1).div_euclid(MINUTE);
    let mut salvos = Salvos::default();
    for own in posts.chunk_by(|a, b| a.0 == b.0) {
        if sum(own) >= CORE_POSTS && own[0].1 <= now - SETTLED_MINUTES {
            salvos.repeaters += 1;
            salvos.hurried += u64::from(is_salvo(own));
        }
    }
    salvos
}

/// Whether some minutes in a row hold enough posts of one account, given by minute.
fn is_salvo(own: &[(u64, i64, u32)]) -> bool {
    (0..own.len()).any(|first| {
        let until = own.partition_point(|(_, minute, _)| *minute < own[first].1 + SALVO_MINUTES);
        sum(&own[first..until]) >= CORE_POSTS
    })
}

fn sum(own: &[(u64, i64, u32)]) -> u32 {
    own.iter().map(|(.., posts)| posts).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_posts_within_ten_minutes_are_a_salvo() {
        let posts = |minutes: &[i64]| -> Vec<(u64, i64, u32)> { minutes.iter().map(|at| (7, *at, 1)).collect() };
        assert!(is_salvo(&posts(&[0, 5, 9])));
        assert!(!is_salvo(&posts(&[0, 5, 10])));
        assert!(is_salvo(&posts(&[0, 20, 25, 29])));
        assert!(is_salvo(&[(7, 3, 3)]));
        assert!(!is_salvo(&[(7, 3, 2), (7, 30, 2)]));
    }
}
