//! Share of the accounts that were less than thirty days old when they posted.
//!
//! Formula: distinct accounts of the mention sample created within the thirty days before their post / those whose day of
//! creation is known, Wilson interval; from twenty on. Unit: share, 0 to 1. Not measured: no labelled stream here says when
//! accounts were created.
//! Blind spots: as `created_together`; a crisis that brings people to a platform makes its own hashtags young. Shown, not
//! scored.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Accounts from which the share is read.
const ACCOUNTS_MIN: usize = 20;
/// Days up to which an account is young.
const YOUNG: u32 = 30;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "young_accounts", family: "provenance", baseline: 0.05, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let days = crowd.created_days();
    let young = days.iter().filter(|(posted, created)| posted.saturating_sub(*created) < YOUNG).count();
    (days.len() >= ACCOUNTS_MIN).then(|| share(young as u64, days.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn crowd(mentions: impl Iterator<Item = Mention>) -> Crowd {
        Crowd { mentions: mentions.collect(), ..Crowd::default() }
    }

    fn account(account: u64, created_day: u16, second: u32) -> Mention {
        Mention { account, created_day, second, ..Mention::default() }
    }

    #[test]
    fn age_is_counted_at_the_post() {
        // Day 7 000 after the first of January 2000, at noon.
        let now = (10_957 + 7_000) * 86_400 + 43_200;
        let young = (0..5).map(|place| account(place, 6_971 + 1, now));
        let old = (5..20).map(|place| account(place, 6_970 + 1, now));
        assert_eq!(read(&crowd(young.chain(old)), &Facts::default()).unwrap().value, 0.25);
        assert_eq!(read(&crowd((0..19).map(|place| account(place, 7, now))), &Facts::default()), None);
    }
}
