//! Share of the accounts that wrote their first post within the same five minutes: a crew that starts on command.
//!
//! Formula: accounts first seen in the busiest five minutes (any, not only whole ones) / accounts, over the account sample,
//! Wilson interval; from twenty accounts on. Unit: share, 0 to 1. Measured: .11 to .23 (quartiles) on crisis nights and at
//! conferences, .15 to .35 on pushes.
//! Blind spot: a goal or a siren has the whole crowd start at once too, so it is shown, not scored; crews that start by and by.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Accounts from which the share is read.
const ACCOUNTS_MIN: usize = 20;
/// Seconds within which they start.
const WITHIN: u32 = 300;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "started_together", family: "synchrony", baseline: 0.2, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let mut firsts: Vec<u32> = crowd.accounts.iter().map(|row| row.first_second).collect();
    if firsts.len() < ACCOUNTS_MIN {
        return None;
    }
    firsts.sort_unstable();
    Some(share(super::most_within(&firsts, WITHIN), firsts.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::pane::AccountRow;

    fn crowd(firsts: impl Iterator<Item = u32>) -> Crowd {
        let row = |first_second| AccountRow { account: 1, posts: 1, reposts: 0, alone: 0, talking: 0, first_second };
        Crowd { accounts: firsts.map(row).collect(), ..Crowd::default() }
    }

    #[test]
    fn the_busiest_five_minutes_count() {
        let crowd = crowd((0..10).map(|place| 1_000 + 30 * place).chain((0..10).map(|place| 5_000 + 400 * place)));
        assert_eq!(read(&crowd, &Facts::default()).unwrap().value, 0.5);
    }

    #[test]
    fn few_accounts_say_nothing() {
        assert_eq!(read(&crowd(0..19), &Facts::default()), None);
    }
}
