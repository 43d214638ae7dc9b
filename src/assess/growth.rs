//! Growth: how fast a hashtag rises, in how many minutes its posts double, and how many of its accounts are here for the
//! first time. Shown beside the burst score, which it does not move.

use serde::{Deserialize, Serialize};

use super::interval::{Estimate, Z95, share_at};
use crate::track::gather::Gathered;
use crate::track::ladder::{Ladder, MINUTE, floor};

/// Minutes that are compared with as many before them.
const MINUTES: i64 = 10;
/// Posts in each of both from which they are compared.
const POSTS_MIN: u64 = 10;
/// Accounts from which a share of them is said.
const ACCOUNTS_MIN: u64 = 20;

/// How a hashtag grows. What cannot be told is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Growth rate in 1/h: ln of the posts of the last ten closed minutes over those of the ten before, times six, with the
    /// 95 % interval of two Poisson counts (ln ratio ± 1.96 √(1/a + 1/b)).
    pub per_hour: Option<Estimate>,
    /// Share of the last hour's accounts without a post under the hashtag in the day before that hour, with the 95 % interval
    /// of Wilson. Hours of fewer than 20 accounts keep no accounts, so theirs count as new again.
    pub first_time: Option<Estimate>,
}

impl Growth {
    /// Minutes in which the posts double: 60 ln 2 over the rate. None unless they grow for certain, by the lower end of the
    /// interval.
    pub fn doubling_minutes(&self) -> Option<f64> {
        let rate = self.per_hour.filter(|rate| rate.low > 0.0)?;
        Some(60.0 * core::f64::consts::LN_2 / rate.value)
    }
}

/// How a hashtag grows at `tick`, with its last `hour` and `day` as gathered.
pub(super) fn growth(ladder: &Ladder, tag: u64, tick: i64, (hour, day): (&Gathered, &Gathered)) -> Growth {
    let end = floor(tick, MINUTE);
    let posts =
        |back: i64| ladder.posts_by_minute(tag, end - (back + 1) * MINUTES * MINUTE, end - back * MINUTES * MINUTE);
    let hour_began = (end - 60 * MINUTE) * 10;
    Growth { per_hour: per_hour(posts(0), posts(1)), first_time: first_time(hour, day, hour_began) }
}

fn per_hour(now: u64, before: u64) -> Option<Estimate> {
    if now.min(before) < POSTS_MIN {
        return None;
    }
    let (now, before) = (now as f64, before as f64);
    let hourly = 60.0 / MINUTES as f64;
    let (value, half) = (libm::log(now / before), Z95 * libm::sqrt(1.0 / now + 1.0 / before));
    Some(Estimate { value: value * hourly, low: (value - half) * hourly, high: (value + half) * hourly })
}

fn first_time(hour: &Gathered, day: &Gathered, hour_began: i64) -> Option<Estimate> {
    // Both samples hold every account up to the lower cut.
    let cut = hour.account_cut.min(day.account_cut);
    let here = hour.accounts.iter().filter(|row| row.account <= cut);
    let mut earlier = day.accounts.iter().peekable();
    let (mut new, mut all) = (0, 0);
    for row in here {
        while earlier.next_if(|known| known.account < row.account).is_some() {}
        let known = earlier.peek().filter(|known| known.account == row.account);
        all += 1;
        new += u64::from(known.is_none_or(|known| i64::from(known.first_second) >= hour_began));
    }
    (all >= ACCOUNTS_MIN).then(|| share_at(new, all, Z95))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::gather::{PerSecond, Sizes};
    use crate::track::pane::AccountRow;

    #[test]
    fn posts_that_double_in_ten_minutes_say_so() {
        let growth = Growth { per_hour: per_hour(200, 100), first_time: None };
        let rate = growth.per_hour.expect("enough posts");
        assert!((rate.value - 6.0 * core::f64::consts::LN_2).abs() < 1e-12);
        assert!(rate.low > 0.0 && rate.low < rate.value && rate.value < rate.high);
        assert!((growth.doubling_minutes().expect("grows") - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_rise_within_chance_doubles_in_no_time_that_is_said() {
        for (now, before) in [(12, 10), (10, 10), (50, 100)] {
            let growth = Growth { per_hour: per_hour(now, before), first_time: None };
            assert!(growth.per_hour.is_some() && growth.doubling_minutes().is_none(), "{now} after {before}");
        }
        assert_eq!(per_hour(1000, POSTS_MIN - 1), None);
        assert_eq!(per_hour(POSTS_MIN - 1, 1000), None);
    }

    /// Accounts with the second of their first post; up to `cut` all are known.
    fn gathered(accounts: impl Iterator<Item = (u64, u32)>, cut: u64) -> Gathered {
        let mut gathered = Gathered::new(Sizes { mentions: 512, accounts: 512 }, PerSecond::Closed);
        let row =
            |(account, first_second)| AccountRow { account, posts: 1, reposts: 0, alone: 0, talking: 0, first_second };
        gathered.accounts = accounts.map(row).collect();
        gathered.account_cut = cut;
        gathered
    }

    #[test]
    fn first_time_accounts_are_those_whose_day_begins_in_the_hour() {
        let hour = gathered((0..40).map(|account| (account, 5_000)), u64::MAX);
        let second = |account: u64| if account.is_multiple_of(4) { 1_000 } else { 5_000 };
        let day = gathered((0..60).map(|account| (account, second(account))), u64::MAX);
        let share = first_time(&hour, &day, 3_600).expect("enough accounts");
        assert!((share.value - 0.75).abs() < 1e-12 && share.low < 0.75 && share.high > 0.75);
        // Beyond the cut of either sample nothing is known.
        let cut = gathered((0..24).map(|account| (account, second(account))), 23);
        assert_eq!(first_time(&hour, &cut, 3_600).map(|share| share.value), Some(0.75));
        assert_eq!(first_time(&gathered((0..19).map(|account| (account, 5_000)), u64::MAX), &day, 3_600), None);
    }
}
