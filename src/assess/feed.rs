//! A feed: one source that writes by the clock, such as gauges, a timetable or a ticker. It repeats itself as a push does,
//! so what tells them apart has to be beyond doubt: a single source writes nearly all of it, in originals, by the clock.
//!
//! A single source is at most [`ACCOUNTS_MAX`] accounts, or one client that declares itself automated (see
//! `exchange/route.rs`) behind at most [`CLIENT_ACCOUNTS_MAX`]. It keeps the clock where, for one of [`PERIODS`], the gaps g
//! between consecutive posts of an account come whole: the mean of cos(2πg/period) over the gaps above half a period (the
//! resultant of phase differences; Mardia and Jupp 2000, section 2.3) is 1 for a clock, 0 or less for people. Read over the last
//! hour; none where only a sample is at hand: what is so large is no feed.
//! For the first [`UNSURE_SECONDS`], in which a clock has hardly struck, a declared client may be a feed.
//! Cost to an attacker: a client that says in public that it is automated, no reposts, at most fifty accounts, and a clock
//! that the signals of synchrony read. What it buys: ten minutes, or no page while all of that is kept up.

use serde::{Deserialize, Serialize};

use super::interval::{Estimate, mean};
use crate::model::Mention;
use crate::model::mention::FLAG_DECLARED;
use crate::track::gather::Gathered;

/// Accounts that are one source without saying so: fewer than any alert about a crowd needs.
pub const ACCOUNTS_MAX: usize = 3;
/// Accounts behind one client: a network of gauges or stations, not a crowd.
pub const CLIENT_ACCOUNTS_MAX: usize = 50;
/// Seconds from a declared client's first post within which it is given the benefit of the doubt.
pub const UNSURE_SECONDS: u32 = 600;
/// Periods in seconds that clocks are set to, longest first: a clock of five minutes also fits one of one.
const PERIODS: [u32; 10] = [1800, 1200, 900, 600, 300, 240, 180, 120, 60, 30];
/// Gaps from which a clock is told from chance.
const GAPS_MIN: usize = 6;
/// Part of the gaps that has to be above half a period; the others lie within one beat, as of two items at a time.
const BEATS_MIN: f64 = 0.4;
/// Lower end of the mean that a clock has: gaps that stray by an eighth of the period have 0.7.
const CLOCK_MIN: f64 = 0.75;
/// Largest share of reposts.
const REPOSTS_MAX: f64 = 0.05;

/// What the source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// At most [`ACCOUNTS_MAX`] accounts.
    Accounts,
    /// One client that declares itself automated.
    Client,
}

/// A single source.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    /// What it is.
    pub source: Source,
    /// Its accounts.
    pub accounts: u64,
    /// Share of the last hour's posts that it wrote.
    pub share: f64,
    /// The clock that it keeps; none while it is too early to read one.
    pub clock: Option<Clock>,
}

/// A clock that posts keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Its period in seconds.
    pub period_seconds: u32,
    /// How well it is kept: 1 without a second's error, 0 by chance.
    pub kept: Estimate,
}

/// The feed behind a hashtag's last hour, if there is one that wrote at least `share_min` of it.
pub fn feed(hour: &Gathered, share_min: f64) -> Option<Feed> {
    if !hour.is_complete() || hour.mentions.is_empty() {
        return None;
    }
    let (source, mut own) = of_client(&hour.mentions, share_min).or_else(|| of_accounts(&hour.mentions, share_min))?;
    let reposts = own.iter().filter(|found| !found.is_original()).count();
    if reposts as f64 > REPOSTS_MAX * own.len() as f64 {
        return None;
    }
    own.sort_unstable_by_key(|found| (found.account, found.second));
    let gaps: Vec<u32> = own
        .chunk_by(|a, b| a.account == b.account)
        .flat_map(|same| same.windows(2).map(|two| two[1].second - two[0].second))
        .collect();
    let clock = clock(&gaps);
    let seconds = || own.iter().map(|found| found.second);
    let span = seconds().max().unwrap_or(0) - seconds().min().unwrap_or(0);
    let unsure = source == Source::Client && span < UNSURE_SECONDS;
    (clock.is_some() || unsure).then(|| Feed {
        source,
        accounts: accounts_of(&own).len() as u64,
        share: own.len() as f64 / hour.mentions.len() as f64,
        clock,
    })
}

/// The longest clock that the gaps keep.
fn clock(gaps: &[u32]) -> Option<Clock> {
    PERIODS.into_iter().find_map(|period_seconds| {
        let beats = gaps.iter().filter(|gap| **gap * 2 > period_seconds);
        let turn = std::f64::consts::TAU / f64::from(period_seconds);
        let phases: Vec<f64> = beats.map(|gap| libm::cos(turn * f64::from(*gap))).collect();
        if phases.len() < GAPS_MIN || (phases.len() as f64) < BEATS_MIN * gaps.len() as f64 {
            return None;
        }
        let kept = mean(&phases);
        (kept.low >= CLOCK_MIN).then_some(Clock { period_seconds, kept })
    })
}

/// The mentions of the declared client that wrote most, where it wrote enough of all.
fn of_client(mentions: &[Mention], share_min: f64) -> Option<(Source, Vec<Mention>)> {
    let declared = mentions.iter().filter(|found| found.has(FLAG_DECLARED)).map(|found| found.client);
    let (client, posts) = super::crowd::groups(declared).into_iter().next()?;
    let enough = posts as f64 >= share_min * mentions.len() as f64;
    let own: Vec<Mention> = mentions.iter().filter(|found| found.client == client).copied().collect();
    (enough && accounts_of(&own).len() <= CLIENT_ACCOUNTS_MAX).then_some((Source::Client, own))
}

/// The mentions of the few accounts that wrote most, where they wrote enough of all.
fn of_accounts(mentions: &[Mention], share_min: f64) -> Option<(Source, Vec<Mention>)> {
    let mut accounts = accounts_of(mentions);
    accounts.sort_unstable_by_key(|(account, posts)| (std::cmp::Reverse(*posts), *account));
    accounts.truncate(ACCOUNTS_MAX);
    let posts: usize = accounts.iter().map(|(_, posts)| posts).sum();
    let is_own = |found: &&Mention| accounts.iter().any(|(account, _)| *account == found.account);
    let own = mentions.iter().filter(is_own).copied().collect();
    (posts as f64 >= share_min * mentions.len() as f64).then_some((Source::Accounts, own))
}

fn accounts_of(mentions: &[Mention]) -> Vec<(u64, usize)> {
    let mut accounts: Vec<u64> = mentions.iter().map(|found| found.account).collect();
    accounts.sort_unstable();
    accounts.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mention::FLAG_REPOST;
    use crate::track::gather::PerSecond;
    use crate::track::merge::SIZES;

    /// An hour of `accounts` that each write every `gap` seconds, shifted by what `jitter` gives for a post.
    fn hour(accounts: u64, gap: u32, flags: u8, jitter: impl Fn(u64) -> u32) -> Gathered {
        let mut hour = Gathered::new(SIZES, PerSecond::Closed);
        for beat in 0..3600 / gap {
            for account in 1..=accounts {
                let post = u64::from(beat) * accounts + account;
                let second = beat * gap + jitter(post);
                hour.mentions.push(Mention { post, account, second, client: 7, flags, ..Mention::default() });
            }
        }
        hour
    }

    fn steady(_: u64) -> u32 {
        0
    }

    /// Anything from 0 to 299, the same for the same post.
    fn hasty(post: u64) -> u32 {
        let mixed = (post + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as u32 % 300
    }

    #[test]
    fn one_declared_client_or_three_accounts_by_the_clock_are_a_feed() {
        let found = feed(&hour(24, 300, FLAG_DECLARED, steady), 0.9).unwrap();
        let clock = Some(Clock { period_seconds: 300, kept: Estimate::exact(1.0) });
        assert_eq!(found, Feed { source: Source::Client, accounts: 24, share: 1.0, clock });
        let found = feed(&hour(3, 60, 0, |post| post as u32 % 7), 0.9).unwrap();
        assert_eq!((found.source, found.clock.map(|clock| clock.period_seconds)), (Source::Accounts, Some(60)));
    }

    #[test]
    fn a_crowd_is_none_whatever_its_clock() {
        assert_eq!(feed(&hour(24, 300, 0, steady), 0.9), None, "it does not say that it is automated");
        assert_eq!(feed(&hour(51, 600, FLAG_DECLARED, steady), 0.9), None, "too many accounts");
        assert_eq!(feed(&hour(24, 300, FLAG_DECLARED, hasty), 0.9), None, "it does not keep time");
        assert_eq!(feed(&hour(24, 300, FLAG_DECLARED | FLAG_REPOST, steady), 0.9), None, "it repeats others");
        assert_eq!(feed(&hour(24, 10, FLAG_DECLARED, steady), 0.9), None, "gaps of ten seconds are bunches");
    }

    #[test]
    fn before_there_are_gaps_a_declared_client_may_be_one_for_ten_minutes() {
        let once = |flags, apart: u32| {
            let mut hour = hour(24, 3600, flags, steady);
            hour.mentions.iter_mut().for_each(|found| found.second = found.account as u32 * apart);
            feed(&hour, 0.9).map(|feed| feed.clock)
        };
        assert_eq!(once(FLAG_DECLARED, 1), Some(None));
        assert_eq!(once(FLAG_DECLARED, 27), None, "it has had its time");
        assert_eq!(once(0, 1), None, "it does not say that it is automated");
    }

    #[test]
    fn others_may_write_a_tenth_and_no_more() {
        let mixed = |others: u64| {
            let mut hour = hour(20, 300, FLAG_DECLARED, steady);
            let posts = hour.mentions.len() as u64;
            let other = |n| Mention { post: posts + n, account: 1000 + n, second: n as u32, ..Mention::default() };
            hour.mentions.extend((1..=others).map(other));
            feed(&hour, 0.9)
        };
        assert!(mixed(26).is_some());
        assert!(mixed(27).is_none());
    }
}
