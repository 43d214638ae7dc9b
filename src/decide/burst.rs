//! The burst axis: how far a hashtag's posts and distinct accounts are above what is usual for it, over all candidates
//! of a tick at once.
//!
//! Hourly counts are over-dispersed: their variance is φ times their mean. With m expected and x observed,
//! z = 2(√(x+3/8) - √(m+3/8)) / √φ is close to standard normal (Anscombe 1948, scaled for a quasi-Poisson variance), and
//! p its upper tail. Posts and accounts are tested apart. Posts must be significant; accounts must agree, at a third of
//! the decades (p³), for the few who act as many are few: the largest of both is p, so one busy account is no burst. q is p after Benjamini and Hochberg (1995) over the candidates of the tick alone.

use super::birth_curve::BirthCurve;
use crate::assess::HashtagReport;
use crate::assess::history::{Baseline, History};
use crate::assess::values::Score;
use crate::model::Tick;

/// A burst of one hashtag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// 0 to 100: 100 · -log10(q) / 6, so 50 is a false discovery in a thousand.
    pub score: Score,
    /// False discovery rate at which this one would still be found.
    pub q: f64,
    /// Expected posts in an hour.
    pub expected_posts: f64,
}

/// -log10(q) that gives the full score.
const DECADES_FULL: f64 = 6.0;
/// Fewest posts and accounts that are ever expected: below, a handful would look like a flood.
const EXPECTED_MIN: f64 = 1.0;

/// The last hour of a hashtag, as the burst axis sees it.
#[derive(Clone, Copy, Debug)]
pub struct Hour {
    posts: u64,
    /// The lower end of an estimate: evidence counts at its conservative end.
    accounts: u64,
    history: History,
    first_second: u32,
}

impl Hour {
    /// As it was counted.
    pub fn of(report: &HashtagReport) -> Hour {
        let HashtagReport { windows, history, first_second, .. } = report;
        Hour {
            posts: windows.h1.posts,
            accounts: windows.h1.accounts_low,
            history: *history,
            first_second: *first_second,
        }
    }

    /// Without what actions took out.
    pub fn adjusted(report: &HashtagReport) -> Hour {
        let Some(adjusted) = &report.adjusted else { return Hour::of(report) };
        let hour = adjusted.windows.h1;
        Hour { posts: hour.posts, accounts: hour.accounts_low, history: adjusted.history, ..Hour::of(report) }
    }
}

/// The bursts of a tick's candidates, in their order.
pub fn bursts(tick: Tick, candidates: &[Hour], curve: &BirthCurve) -> Vec<Burst> {
    let ps: Vec<f64> = candidates.iter().map(|hour| p_value(tick, hour, curve)).collect();
    let qs = benjamini_hochberg(&ps);
    candidates
        .iter()
        .zip(qs)
        .map(|(hour, q)| Burst { score: score(q), q, expected_posts: hour.history.posts })
        .collect()
}

/// The score of a false discovery rate: 100 · -log10(q) / 6.
pub(super) fn score(q: f64) -> Score {
    let decades = -libm::log10(q.max(1e-300));
    Score(libm::round(10_000.0 * (decades / DECADES_FULL).clamp(0.0, 1.0)) as i32)
}

fn p_value(tick: Tick, hour: &Hour, curve: &BirthCurve) -> f64 {
    let Hour { posts, accounts, history, first_second } = *hour;
    match history.baseline {
        // Without anything to compare with, nothing is a burst yet.
        Baseline::None => 1.0,
        Baseline::BirthCurve => {
            let age_minutes = (tick.0 * 10 - i64::from(first_second)) / 60;
            let (posts, accounts) = curve.tail(tick, age_minutes, posts, accounts);
            posts.max(accounts * accounts * accounts)
        }
        Baseline::Recent | Baseline::HourOfWeek => {
            let posts = tail(posts as f64, history.posts, history.dispersion);
            // Accounts are less dispersed than posts: one account's run of posts is one account.
            let accounts = tail(accounts as f64, history.accounts, libm::sqrt(history.dispersion));
            posts.max(accounts * accounts * accounts)
        }
    }
}

/// P(X ≥ observed) by Anscombe's transform.
fn tail(observed: f64, expected: f64, dispersion: f64) -> f64 {
    let expected = expected.max(EXPECTED_MIN);
    let z = 2.0 * (libm::sqrt(observed + 0.375) - libm::sqrt(expected + 0.375)) / libm::sqrt(dispersion.max(1.0));
    upper_tail(z)
}

/// P(Z ≥ z) of a standard normal Z.
pub(super) fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// Benjamini and Hochberg's adjusted p-values, in the order given.
fn benjamini_hochberg(ps: &[f64]) -> Vec<f64> {
    let n = ps.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| ps[*b].total_cmp(&ps[*a]).then(a.cmp(b)));
    let mut adjusted = vec![1.0; n];
    let mut least = 1.0_f64;
    for (place, index) in order.into_iter().enumerate() {
        let rank = (n - place) as f64;
        least = least.min(ps[index] * n as f64 / rank);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benjamini_hochberg_agrees_with_the_paper() {
        // The fifteen p-values of Benjamini and Hochberg 1995, section 3.2: four are rejected at 0.05.
        let ps = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        let rejected = benjamini_hochberg(&ps).into_iter().filter(|q| *q <= 0.05).count();
        assert_eq!(rejected, 4);
    }

    #[test]
    fn the_tail_is_within_a_factor_of_two_of_the_exact_one() {
        // Poisson with mean 10: P(X ≥ 20) = 0.003454.
        let p = tail(20.0, 10.0, 1.0);
        assert!((0.003_454 / 2.0..0.003_454 * 2.0).contains(&p), "{p}");
        assert!(tail(100.0, 10.0, 4.0) > tail(100.0, 10.0, 1.0));
    }
}
