//! Coefficient of traffic manipulation: reposts, the most active and the posts an account in one number, for analysts who
//! know it from reports. Ordinary traffic has at most 12 (Nimmo 2019, "Measuring Traffic Manipulation on Twitter").
//!
//! Formula: R / 10 + F + U with R the percentage of reposts, F that of the posts of the fifty most active accounts and U the
//! posts an account, over the account sample; of a sample, as many of the most active stand for the fifty as are fifty of all.
//! Interval by the delta method. Unit: points.
//! Blind spots: it grows as the crowd gets smaller (the same people with 50 000 posts: 8, with 300: 57), so it says nothing
//! below 10 000 posts; equal quotas, which keep F low. It sums what other signals read apart, so it is shown, not scored.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, ratio};
use crate::track::merge::SAMPLE;

/// Posts from which the number means anything.
const POSTS_MIN: f64 = 10_000.0;
/// Accounts whose share is `F`.
const MOST_ACTIVE: f64 = 50.0;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "traffic_manipulation", family: "concentration", baseline: 8.0, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let sampled = crowd.accounts.len() as f64;
    let each = crowd.posts as f64 / sampled;
    let accounts = all_accounts(crowd)?;
    if each * accounts < POSTS_MIN {
        return None;
    }
    let mut rows: Vec<(u32, u32)> = crowd.accounts.iter().map(|row| (row.posts, row.reposts)).collect();
    rows.sort_unstable_by(|a, b| b.cmp(a));
    let top = libm::ceil(MOST_ACTIVE * sampled / accounts);
    let parts = rows.iter().enumerate().map(|(place, (posts, reposts))| {
        let most_active = if (place as f64) < top { f64::from(*posts) } else { 0.0 };
        // 10 a share of reposts and 100 a share of posts, as one share of 110.
        ((10.0 * f64::from(*reposts) + 100.0 * most_active) / 110.0, f64::from(*posts))
    });
    let sum = ratio(parts);
    Some(Estimate { value: 110.0 * sum.value + each, low: 110.0 * sum.low + each, high: 110.0 * sum.high + each })
}

/// How many accounts the sample stands for: itself, or by its largest pseudonym where it is full (k minimum values,
/// Bar-Yossef et al. 2002).
fn all_accounts(crowd: &Crowd) -> Option<f64> {
    let last = crowd.accounts.last()?.account;
    let sampled = crowd.accounts.len();
    if sampled < SAMPLE { Some(sampled as f64) } else { Some((sampled as f64 - 1.0) * (u64::MAX as f64 / last as f64)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::pane::AccountRow;

    fn crowd(accounts: u64, apart: u64, posts: impl Fn(u64) -> u32) -> Crowd {
        let row = |place| {
            let posts = posts(place);
            AccountRow {
                account: (place + 1) * apart,
                posts,
                reposts: posts / 2,
                alone: 0,
                talking: 0,
                first_second: 0,
            }
        };
        let accounts: Vec<AccountRow> = (0..accounts).map(row).collect();
        Crowd { posts: accounts.iter().map(|row| u64::from(row.posts)).sum(), accounts, ..Crowd::default() }
    }

    #[test]
    fn it_is_the_sum_of_its_three_parts() {
        // 50 accounts of 200 posts, 350 of 2: R = 50, F = 10 000 / 10 700, U = 10 700 / 400.
        let read = read(&crowd(400, 1, |place| if place < 50 { 200 } else { 2 }), &Facts::default()).unwrap();
        let by_hand = 5.0 + 100.0 * 10_000.0 / 10_700.0 + 10_700.0 / 400.0;
        assert!((read.value - by_hand).abs() < 1e-9, "{read:?}, by hand {by_hand}");
        assert!(read.low < read.value && read.value < read.high);
    }

    #[test]
    fn a_full_sample_stands_for_all_and_few_posts_say_nothing() {
        // One account in a hundred is sampled: 51 100 accounts of two posts.
        let apart = u64::MAX / 51_100;
        let many = read(&crowd(512, apart, |_| 2), &Facts::default()).unwrap();
        assert!((many.value - (5.0 + 100.0 / 512.0 + 2.0)).abs() < 1e-9, "{many:?}");
        assert_eq!(read(&crowd(512, u64::MAX / 600, |_| 2), &Facts::default()), None);
        assert_eq!(read(&crowd(0, 1, |_| 1), &Facts::default()), None);
    }
}
