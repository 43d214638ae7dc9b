//! What is left of a hashtag without the posts and accounts that actions took out. Panes never change: the samples of a
//! window are read again without them, and what is only counted is scaled by what is left of its sample. Where a sample
//! holds everything, so is the result exact.

use serde::{Deserialize, Serialize};

use super::history::{History, history};
use super::interval::{Estimate, Z95, ratio, ratio_at, share, share_at};
use super::report::{CROWD_HOURS, Member, Reading, Seen, members, of_gathered, readings};
use super::signals::{Facts, Spread};
use super::values::{AdjustedCounts, AdjustedWindows, Counts, Windows};
use crate::model::mention::FLAG_REPOST;
use crate::track::Shard;
use crate::track::actions::Actions;
use crate::track::gather::{Gathered, PIONEERS};
use crate::track::ladder::Window;
use crate::track::pane::AccountRow;

/// Posts from which it is said which part of them vanished.
const POSTS_MIN: usize = 20;
/// Of the first twenty accounts so many must be left to say when the twentieth would have come without the others.
const PIONEERS_MIN: usize = 5;

/// A hashtag as it would be reported without what actions took out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdjustedReport {
    /// Counts by window.
    pub windows: AdjustedWindows,
    /// What is usual for it.
    pub history: History,
    /// The signals.
    pub readings: Vec<Reading>,
    /// Bottom sample of the accounts that are left.
    pub crowd: Vec<Member>,
}

/// The report of a hashtag without what actions took out of it; none where they take out nothing that is at hand.
pub fn adjusted_report(
    shard: &Shard,
    tag: u64,
    tick: i64,
    windows: &Windows,
    seen: &Seen,
    facts: &Facts,
) -> Option<AdjustedReport> {
    let actions = shard.actions();
    if actions.is_empty() {
        return None;
    }
    let [five, hour, hours, day] = [&seen.five, &seen.hour, &seen.hours, &seen.day].map(|one| left(one, actions));
    if [&five, &hour, &hours, &day].into_iter().all(Option::is_none) {
        return None;
    }
    let minute = left(&shard.ladder().window(tag, tick, Window::M1), actions);
    let windows = windows_of(windows, [&minute, &five, &hour, &day]);
    let stands =
        |left: &Option<Left>, seen: &Gathered| left.as_ref().map_or(seen.clone(), |left| left.gathered.clone());
    let (hours, hour, day) = (stands(&hours, &seen.hours), stands(&hour, &seen.hour), stands(&day, &seen.day));
    let spread = |spread: Spread| five.as_ref().map_or(spread, |left| left.spread(spread));
    let facts = Facts {
        now_second: facts.now_second,
        birth_seconds: facts.birth_seconds.and_then(|seconds| birth_seconds(&day, seconds)),
        past_hours: facts.past_hours,
        salvos: facts.salvos,
        by_second: facts.by_second.map(spread),
        by_ten_seconds: facts.by_ten_seconds.map(spread),
        // What is left has not vanished.
        vanished: None,
    };
    Some(AdjustedReport {
        history: history(shard, tag, tick, windows.h1.posts, windows.h24.posts),
        windows,
        readings: readings(&hours, &hour, &facts),
        crowd: members(&hours.accounts),
    })
}

/// Counts of any hashtag without what actions took out; none where they take out nothing that is at hand.
pub fn adjusted_windows(shard: &Shard, tag: u64, tick: i64, windows: &Windows) -> Option<AdjustedWindows> {
    let (actions, ladder) = (shard.actions(), shard.ladder());
    if actions.is_empty() {
        return None;
    }
    let day = left(&ladder.hours(tag, tick, CROWD_HOURS, 24).1, actions);
    let [minute, five, hour] =
        [Window::M1, Window::M5, Window::Minutes(60)].map(|window| left(&ladder.window(tag, tick, window), actions));
    let touched = [&minute, &five, &hour, &day].into_iter().any(Option::is_some);
    touched.then(|| windows_of(windows, [&minute, &five, &hour, &day]))
}

/// The four windows, shortest first, each with at least what the shorter one has and at most what was counted.
fn windows_of(raw: &Windows, lefts: [&Option<Left>; 4]) -> AdjustedWindows {
    let mut shorter = AdjustedCounts::default();
    let mut counts = raw.labelled().into_iter().zip(lefts).map(|((_, raw), left)| {
        let own = left.as_ref().map_or_else(|| unchanged(raw), |left| left.counts);
        let between = |own: u64, shorter: u64, raw: u64| own.max(shorter).min(raw);
        let posts = between(own.posts, shorter.posts, raw.posts);
        let accounts = between(own.accounts, shorter.accounts, raw.accounts);
        shorter = AdjustedCounts {
            posts,
            posts_low: own.posts_low.max(shorter.posts_low).min(posts),
            posts_high: own.posts_high.clamp(posts, raw.posts.max(posts)),
            reposts: between(own.reposts, shorter.reposts, raw.reposts),
            accounts,
            accounts_low: own.accounts_low.max(shorter.accounts_low).min(accounts),
            accounts_high: own.accounts_high.clamp(accounts, raw.accounts_high.max(accounts)),
        };
        shorter
    });
    let mut next = || counts.next().unwrap_or_default();
    AdjustedWindows { m1: next(), m5: next(), h1: next(), h24: next() }
}

/// One window without what actions took out of it.
#[derive(Clone, Debug)]
struct Left {
    /// Counts with their intervals.
    counts: AdjustedCounts,
    /// The window's samples without it, counts scaled alike.
    gathered: Gathered,
    /// Which part of the posts is left.
    part: f64,
}

/// The window without what actions took out; none where they take nothing out of its samples.
fn left(gathered: &Gathered, actions: &Actions) -> Option<Left> {
    let rows_touched = gathered.accounts.iter().any(|row| actions.is_actioned(row.account));
    if !rows_touched && !gathered.mentions.iter().any(|found| actions.takes_out(found)) {
        return None;
    }
    let mut left = gathered.clone();
    left.mentions.retain(|found| !actions.takes_out(found));
    left.accounts.retain(|row| !actions.is_actioned(row.account));
    left.pioneers.retain(|(_, account)| !actions.is_actioned(*account));
    if gathered.is_complete() {
        // Deleted posts leave their account's row too.
        left.accounts = rows(&left);
    } else {
        // Of whom every sampled post is deleted, nothing is known to stand.
        let (sampled, standing) = (writers(gathered, actions), writers(&left, actions));
        let is_in = |writers: &[u64], row: &AccountRow| writers.binary_search(&row.account).is_ok();
        left.accounts.retain(|row| !is_in(&sampled, row) || is_in(&standing, row));
    }
    let part = posts_left(gathered, &left, actions);
    let scaled = |count: u64, part: f64| (libm::round(count as f64 * part) as u64).min(count);
    let posts = scaled(gathered.posts, part.value);
    let reposts = |gathered: &Gathered| gathered.mentions.iter().filter(|found| found.has(FLAG_REPOST)).count() as u64;
    let reposts_left = match (gathered.is_complete(), reposts(gathered)) {
        (true, _) => reposts(&left),
        (false, 0) => scaled(gathered.reposts, part.value),
        (false, sampled) => scaled(gathered.reposts, reposts(&left) as f64 / sampled as f64),
    };
    let accounts = accounts_left(gathered, &left, actions);
    (left.posts, left.reposts) = (posts, reposts_left.min(posts));
    for squares in &mut left.squares {
        *squares = libm::round(thinned(*squares as f64, gathered.posts, part.value)) as u64;
    }
    let counts = AdjustedCounts {
        posts,
        posts_low: scaled(gathered.posts, part.low).min(posts),
        posts_high: scaled(gathered.posts, part.high).max(posts),
        reposts: left.reposts,
        ..accounts
    };
    Some(Left { counts, gathered: left, part: part.value })
}

/// Account rows of a complete list of mentions.
fn rows(gathered: &Gathered) -> Vec<AccountRow> {
    let mut rows: Vec<AccountRow> = gathered.mentions.iter().map(AccountRow::of).collect();
    rows.sort_unstable_by_key(|row| row.account);
    rows.dedup_by(|next, kept| {
        let same = next.account == kept.account;
        if same {
            kept.absorb(next);
        }
        same
    });
    rows
}

/// Which part of a window's posts is left, with its 95 % interval. Posts of actioned accounts are counted where every
/// account is at hand; else, as deleted posts are, their part is that of the mention sample.
fn posts_left(gathered: &Gathered, left: &Gathered, actions: &Actions) -> Estimate {
    let (sampled, kept) = (gathered.mentions.len() as u64, left.mentions.len() as u64);
    if gathered.is_complete() {
        return Estimate::exact(kept as f64 / sampled.max(1) as f64);
    }
    let posts_of = |row: &AccountRow| f64::from(row.posts);
    if gathered.account_cut == u64::MAX {
        let of_actioned: f64 =
            gathered.accounts.iter().filter(|row| actions.is_actioned(row.account)).map(posts_of).sum();
        let rest = 1.0 - (of_actioned / gathered.posts.max(1) as f64).min(1.0);
        let standing = gathered.mentions.iter().filter(|found| !actions.is_actioned(found.account)).count() as u64;
        let undeleted = if standing == kept { Estimate::exact(1.0) } else { share_at(kept, standing, Z95) };
        return Estimate { value: rest * undeleted.value, low: rest * undeleted.low, high: rest * undeleted.high };
    }
    if sampled > 0 {
        return share_at(kept, sampled, Z95);
    }
    let of_row = |row: &AccountRow| {
        let posts = posts_of(row);
        (if actions.is_actioned(row.account) { 0.0 } else { posts }, posts)
    };
    ratio_at(gathered.accounts.iter().map(of_row), Z95)
}

/// The accounts in the mention sample that are not actioned, sorted.
fn writers(gathered: &Gathered, actions: &Actions) -> Vec<u64> {
    let mut writers: Vec<u64> = gathered.mentions.iter().map(|found| found.account).collect();
    writers.sort_unstable();
    writers.dedup();
    writers.retain(|account| !actions.is_actioned(*account));
    writers
}

/// Accounts that are left, with their 95 % interval: those that are not actioned, and of these the part of whom a sampled
/// post stands. The posts of the result are none yet.
fn accounts_left(gathered: &Gathered, left: &Gathered, actions: &Actions) -> AdjustedCounts {
    let Counts { accounts, accounts_low, accounts_high, .. } = of_gathered(gathered);
    if gathered.is_complete() {
        let kept = left.accounts.len() as u64;
        return AdjustedCounts { accounts: kept, accounts_low: kept, accounts_high: kept, ..AdjustedCounts::default() };
    }
    let part = |kept: u64, all: u64| match kept == all {
        true => Estimate::exact(1.0),
        false => share_at(kept, all, Z95),
    };
    let rows = gathered.accounts.len() as u64;
    let unactioned = gathered.accounts.iter().filter(|row| !actions.is_actioned(row.account)).count() as u64;
    let unactioned = match gathered.account_cut {
        u64::MAX => Estimate::exact(unactioned as f64 / rows.max(1) as f64),
        _ => part(unactioned, rows),
    };
    let standing = part(writers(left, actions).len() as u64, writers(gathered, actions).len() as u64);
    let value = libm::round(accounts as f64 * unactioned.value * standing.value) as u64;
    AdjustedCounts {
        accounts: value,
        accounts_low: (libm::floor(accounts_low as f64 * unactioned.low * standing.low) as u64).min(value),
        accounts_high: (libm::ceil(accounts_high as f64 * unactioned.high * standing.high) as u64).max(value),
        ..AdjustedCounts::default()
    }
}

/// Σ c² of counts that sum to `posts`, once a part of them is left by chance: each c becomes binomial.
fn thinned(squares: f64, posts: u64, part: f64) -> f64 {
    part * part * squares + part * (1.0 - part) * posts as f64
}

impl Left {
    /// Counts by slices of time, thinned like the window's posts.
    fn spread(&self, spread: Spread) -> Spread {
        Spread {
            slices: spread.slices,
            posts: libm::round(spread.posts as f64 * self.part) as u64,
            squares: thinned(spread.squares, spread.posts, self.part),
        }
    }
}

/// A window as it is, where actions take nothing out of it.
fn unchanged(counts: &Counts) -> AdjustedCounts {
    let Counts { posts, reposts, accounts, accounts_low, accounts_high } = *counts;
    AdjustedCounts { posts, posts_low: posts, posts_high: posts, reposts, accounts, accounts_low, accounts_high }
}

/// Seconds to the twentieth account of those that are left: where some of the first twenty are gone, as if the others went
/// on coming as they came.
fn birth_seconds(day: &Gathered, birth_seconds: f64) -> Option<f64> {
    let seconds: Vec<f64> = day.pioneers.iter().map(|(second, _)| f64::from(*second)).collect();
    let (Some(first), Some(last)) = (seconds.first(), seconds.last()) else { return None };
    match seconds.len() {
        PIONEERS => Some(birth_seconds),
        left if left >= PIONEERS_MIN => Some((last - first) / (left - 1) as f64 * (PIONEERS - 1) as f64),
        _ => None,
    }
}

/// Which part of a day's posts vanished; none where no actions come in, or there are too few posts.
pub fn vanished(day: &Gathered, actions: &Actions, tick: i64) -> Option<Estimate> {
    if !actions.come_in(tick) || day.posts < POSTS_MIN as u64 {
        return None;
    }
    if day.mentions.len() >= POSTS_MIN {
        let gone = day
            .mentions
            .iter()
            .filter(|found| actions.is_deleted(found) || actions.actioned_after(found.account, found.second));
        return Some(share(gone.count() as u64, day.mentions.len() as u64));
    }
    let of_row = |row: &AccountRow| {
        let posts = f64::from(row.posts);
        (if actions.actioned_after(row.account, row.first_second) { posts } else { 0.0 }, posts)
    };
    (!day.accounts.is_empty()).then(|| ratio(day.accounts.iter().map(of_row)))
}
