//! Share of the accounts that were created within the same seven days. Accounts are bought and made by the batch.
//!
//! Formula: distinct accounts of the mention sample created in the busiest seven days / those whose day of creation is known,
//! Wilson interval; from twenty on. Unit: share, 0 to 1. Not measured: no labelled stream here says when accounts were created.
//! Blind spots: accounts made over years or bought old. A wave of newcomers to a platform shows in every hashtag at once, and
//! nothing here knows the platform's own newcomers yet; so it is shown, not scored.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Accounts from which the share is read.
const ACCOUNTS_MIN: usize = 20;
/// Days within which they were created.
const WITHIN: u32 = 7;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "created_together", family: "provenance", baseline: 0.05, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let mut days: Vec<u32> = crowd.created_days().iter().map(|(_, day)| *day).collect();
    if days.len() < ACCOUNTS_MIN {
        return None;
    }
    days.sort_unstable();
    Some(share(super::most_within(&days, WITHIN), days.len() as u64))
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
    fn accounts_count_once_and_the_busiest_week_is_found() {
        let batch = (0..12).flat_map(|place| {
            [account(place, 5_000 + place as u16 % 7, 1), account(place, 5_000 + place as u16 % 7, 2)]
        });
        let others = (100..112).map(|place| account(place, place as u16 * 20, 1));
        let unknown = (200..300).map(|place| account(place, 0, 1));
        assert_eq!(read(&crowd(batch.chain(others).chain(unknown)), &Facts::default()).unwrap().value, 0.5);
        assert_eq!(read(&crowd((0..19).map(|place| account(place, 7, 1))), &Facts::default()), None);
    }
}
