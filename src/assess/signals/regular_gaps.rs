//! Share of the accounts with five originals or more in the hour that post at regular gaps: timers keep time, people do not.
//!
//! Formula: accounts whose gaps have a standard deviation of at most a quarter of their mean / accounts with five originals or
//! more, Wilson interval; a Poisson process does so in 1 % of the cases with four gaps. Unit: share, 0 to 1. Only where the
//! sample holds every post of the hour, and such accounts are at least eight.
//! Blind spot: a jitter of half the gap, which costs an attacker nothing; people who comment on a match round by round.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};
use crate::track::merge::SAMPLE;

/// Originals of an account from which its gaps are read.
const POSTS_MIN: usize = 5;
/// Accounts from which their share is read.
const ACCOUNTS_MIN: u64 = 8;
/// Standard deviation over mean up to which gaps are regular.
const VARIATION_MAX: f64 = 0.25;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "regular_gaps", family: "synchrony", baseline: 0.02, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    if crowd.mentions.len() >= SAMPLE {
        return None;
    }
    let mut times: Vec<(u64, u32)> = crowd.originals().map(|found| (found.account, found.second)).collect();
    times.sort_unstable();
    let (mut regular, mut accounts) = (0, 0);
    for own in times.chunk_by(|a, b| a.0 == b.0).filter(|own| own.len() >= POSTS_MIN) {
        accounts += 1;
        regular += u64::from(is_regular(own));
    }
    (accounts >= ACCOUNTS_MIN).then(|| share(regular, accounts))
}

/// Whether posts in the order of their seconds keep a gap.
fn is_regular(own: &[(u64, u32)]) -> bool {
    let gaps = own.windows(2).map(|pair| f64::from(pair[1].1 - pair[0].1));
    let n = (own.len() - 1) as f64;
    let (sum, squares) = gaps.fold((0.0, 0.0), |(sum, squares), gap| (sum + gap, squares + gap * gap));
    let mean = sum / n;
    let variance = ((squares - n * mean * mean) / (n - 1.0)).max(0.0);
    sum > 0.0 && variance <= (VARIATION_MAX * mean) * (VARIATION_MAX * mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn crowd(mentions: impl Iterator<Item = Mention>) -> Crowd {
        Crowd { mentions: mentions.collect(), ..Crowd::default() }
    }

    fn posts(account: u64, seconds: &[u32]) -> Vec<Mention> {
        let at = |second: &u32| Mention {
            account,
            second: *second,
            post: account << 32 | u64::from(*second),
            ..Mention::default()
        };
        seconds.iter().map(at).collect()
    }

    #[test]
    fn a_timer_is_told_from_people() {
        let timed = (0..6).flat_map(|account| posts(account, &[0, 300, 610, 905, 1_200]));
        let people = (6..8).flat_map(|account| posts(account, &[0, 10, 900, 910, 1_200]));
        let read = read(&crowd(timed.chain(people)), &Facts::default()).unwrap();
        assert_eq!(read.value, 6.0 / 8.0);
    }

    #[test]
    fn one_second_is_no_gap_and_few_accounts_say_nothing() {
        let at_once = (0..8).flat_map(|account| posts(account, &[7; 5]));
        assert_eq!(read(&crowd(at_once), &Facts::default()).unwrap().value, 0.0);
        let few = (0..7).flat_map(|account| posts(account, &[0, 300, 600, 900, 1_200]));
        assert_eq!(read(&crowd(few), &Facts::default()), None);
    }
}
