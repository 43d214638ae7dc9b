//! Birth curves: what new hashtags have become at age 5, 15 and 60 minutes, over the whole stream. It says whether a
//! hashtag without history does more than new hashtags do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::birth_prior::PRIOR;
use crate::assess::birth::{AGES_MIN, BINS, Histogram, bin};
use crate::model::Tick;
use crate::track::ladder::{DAY, floor};

/// New hashtags from which the stream's own curve says more than the prior: below, its tail is a few hashtags, which may
/// be the very ones in question.
const OWN_MIN: u64 = 10_000;
/// Days that the stream's own curve remembers.
const DAYS_KEPT: i64 = 7;

/// The stream's own histograms by day, one an age.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BirthCurve {
    days: BTreeMap<i64, [Histogram; 3]>,
}

impl BirthCurve {
    /// Adds what a tick's reports counted.
    pub fn add(&mut self, tick: Tick, births: &[Histogram; 3]) {
        let day = floor(tick.0, DAY);
        let entry = self.days.entry(day).or_default();
        for (into, from) in entry.iter_mut().zip(births) {
            into.add(from);
        }
        self.days = self.days.split_off(&(day - (DAYS_KEPT - 1) * DAY));
    }

    /// The chance that a new hashtag of that age has at least as many posts, and accounts. The shipped prior, which is
    /// `tagwatch simulate`'s population, answers until whole days of the stream have shown enough of them.
    pub fn tail(&self, tick: Tick, age_minutes: i64, posts: u64, accounts: u64) -> (f64, f64) {
        // The next older age that is counted: an hour's curve is above a quarter's, so a hashtag is never flattered.
        let age = AGES_MIN.iter().position(|age| age_minutes <= *age).unwrap_or(AGES_MIN.len() - 1);
        let today = floor(tick.0, DAY);
        let mut own = Histogram::default();
        self.days.range(..today).for_each(|(_, histograms)| own.add(&histograms[age]));
        if own.posts.iter().sum::<u64>() < OWN_MIN {
            own = Histogram { posts: PRIOR[age].0, accounts: PRIOR[age].1 };
        }
        (tail(&own.posts, posts), tail(&own.accounts, accounts))
    }
}

/// P(X ≥ count) from a log-histogram. Within its bin a count stands at the bin's upper end; above the last filled bin
/// the tail goes on as a power law of exponent 2, which is what cascades of this kind show.
fn tail(histogram: &[u64; BINS], count: u64) -> f64 {
    let total: u64 = histogram.iter().sum();
    let at = bin(count);
    let above: u64 = histogram[(at + 1).min(BINS)..].iter().sum();
    let last = histogram.iter().rposition(|n| *n > 0).unwrap_or(0);
    let beyond = at.saturating_sub(last) as u32;
    let tail = (above as f64 + 0.5) / (total as f64 + 1.0);
    tail / libm::pow(4.0, f64::from(beyond))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_rarer() {
        let curve = BirthCurve::default();
        let mut last = (2.0, 2.0);
        for posts in [1, 4, 16, 64, 256, 1024, 1 << 16] {
            let tail = curve.tail(Tick(0), 5, posts, posts);
            assert!(tail.0 < last.0 && tail.1 < last.1, "{posts}: {tail:?} after {last:?}");
            last = tail;
        }
    }

    #[test]
    fn the_streams_own_days_replace_the_prior_and_are_forgotten_after_a_week() {
        let mut curve = BirthCurve::default();
        let mut births: [Histogram; 3] = Default::default();
        births[0].posts[5] = 20_000;
        births[0].accounts[5] = 20_000;
        let before = curve.tail(Tick(10), 5, 40, 40);
        curve.add(Tick(10), &births);
        assert_eq!(curve.tail(Tick(10), 5, 40, 40), before, "the first day is not over");
        let own = curve.tail(Tick(DAY + 10), 5, 20, 20);
        assert!(own.0 > 0.9, "{own:?}: most new hashtags of that day had 32 to 63 posts");
        curve.add(Tick(9 * DAY), &Default::default());
        assert_eq!(curve.days.len(), 1);
    }
}
