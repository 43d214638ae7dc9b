//! The coordination axis: every signal adds points by its ramp, read at the conservative end of its interval; families
//! and the whole are capped. All in integers of a hundredth, so the printed contributions add up to the printed score.

use super::crew::Crew;
use crate::assess::crowd::View;
use crate::assess::interval::Estimate;
use crate::assess::report::Reading;
use crate::assess::signals::{ALL, Definition, overlap};
use crate::assess::values::{Adjusted, Score, Signal};
use crate::config::{Detect, Ramp};

/// Most points there are, in hundredths.
const POINTS_MAX: i64 = 10_000;
/// Accounts that a crowd must have to be read at all, whole or its repeat core.
const ACCOUNTS_MIN: usize = 8;
/// Families of which one must be strong for a coordinated burst: they ask how people act, not what they say.
const STRONG: [&str; 2] = ["concentration", "synchrony"];

/// A hashtag's coordination.
#[derive(Clone, Debug, Default)]
pub struct Coordination {
    /// The score at the conservative ends.
    pub score: Score,
    /// The score at the estimates themselves: what it may become when more is known.
    pub estimate: Score,
    /// The score without what the memory of crowds adds; 0 where fewer than two families are left then.
    pub unaided: Score,
    /// Whether at least two families count, one of them strong.
    pub two_families: bool,
    /// The same, at the estimates themselves.
    pub two_families_estimate: bool,
    /// Which accounts the strongest reading was of.
    pub view: View,
    /// Over how many hours.
    pub hours: i64,
    /// The numbers behind the crew's contrast, where it is the crew that was read.
    pub basis: Vec<(&'static str, f64)>,
    /// Every signal with its contribution.
    pub signals: Vec<Signal>,
    /// Both scores without what actions took out; the decider fills it in, which alone knows all bursts of the tick.
    pub adjusted: Option<Adjusted>,
}

/// What the memory of crowds says of a hashtag's accounts, by view: all of them, and the repeat core.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// All accounts.
    pub all: Option<Estimate>,
    /// The repeat core.
    pub core: Option<Estimate>,
    /// The crew inside the crowd.
    pub crew: Option<Crew>,
}

/// Scores every reading of a hashtag and takes the strongest; of equals, the first.
pub fn coordination(readings: &[Reading], remembered: &Remembered, detect: &Detect) -> Coordination {
    let readings = readings.iter().chain(remembered.crew.iter().map(|crew| &crew.reading));
    let scored = readings.filter(|read| read.accounts >= ACCOUNTS_MIN).map(|read| scored(read, remembered, detect));
    let stronger = |best: Coordination, next: Coordination| {
        let unaided = best.unaided.max(next.unaided);
        Coordination { unaided, ..if next.score > best.score { next } else { best } }
    };
    scored.reduce(stronger).unwrap_or_default()
}

fn scored(reading: &Reading, remembered: &Remembered, detect: &Detect) -> Coordination {
    let mut estimates = reading.estimates.clone();
    let at = |definition: &Definition| ALL.iter().position(|signal| signal.name == definition.name);
    let at = at(&overlap::DEFINITION).expect("it is one of all");
    match reading.view {
        View::All => estimates[at] = remembered.all,
        View::Core => estimates[at] = remembered.core,
        View::Crew => {}
    }
    let estimates = &estimates;
    let conservative = contributions(
        estimates,
        detect,
        |estimate, ramp| {
            if ramp.to > ramp.from { estimate.low } else { estimate.high }
        },
    );
    let mut unaided = conservative.clone();
    unaided[at] = 0;
    // Without the memory nobody knows who the crew is.
    let is_unaided = reading.view != View::Crew && two_families(&unaided, detect);
    let likely = contributions(estimates, detect, |estimate, _| estimate.value);
    let signals = ALL
        .iter()
        .zip(estimates)
        .zip(&conservative)
        .map(|((signal, estimate), points)| Signal {
            name: signal.name.to_owned(),
            family: signal.family.to_owned(),
            value: estimate.map(|e| rounded(e.value)),
            low: estimate.map(|e| rounded(e.low)),
            high: estimate.map(|e| rounded(e.high)),
            baseline: Some(signal.baseline),
            contribution: Score(*points as i32),
            available: estimate.is_some(),
        })
        .collect();
    Coordination {
        score: Score(conservative.iter().sum::<i64>() as i32),
        estimate: Score(likely.iter().sum::<i64>() as i32),
        unaided: Score(if is_unaided { unaided.iter().sum::<i64>() as i32 } else { 0 }),
        basis: remembered
            .crew
            .iter()
            .filter(|_| reading.view == View::Crew)
            .flat_map(|crew| crew.basis.clone())
            .collect(),
        two_families: two_families(&conservative, detect),
        two_families_estimate: two_families(&likely, detect),
        view: reading.view,
        hours: reading.hours,
        signals,
        adjusted: None,
    }
}

/// Hundredths of points by signal, after the caps. Counter-evidence takes off at most what the others add.
fn contributions(estimates: &[Option<Estimate>], detect: &Detect, end: impl Fn(&Estimate, &Ramp) -> f64) -> Vec<i64> {
    let mut points: Vec<i64> = ALL
        .iter()
        .zip(estimates)
        .map(|(signal, estimate)| match (estimate, detect.signals.get(signal.name)) {
            (Some(estimate), Some(ramp)) => ramp_points(rounded(end(estimate, ramp)), ramp),
            _ => 0,
        })
        .collect();
    for (family, most) in &detect.family_points_max {
        let members: Vec<usize> = (0..ALL.len()).filter(|index| ALL[*index].family == family).collect();
        cap(&mut points, &members, hundredths(*most));
    }
    let everything: Vec<usize> = (0..points.len()).collect();
    let sum: i64 = points.iter().sum();
    let against: Vec<usize> = everything.iter().copied().filter(|index| points[*index] < 0).collect();
    if let (true, [only]) = (sum < 0, &against[..]) {
        points[*only] -= sum;
    }
    cap(&mut points, &everything, POINTS_MAX);
    points
}

fn ramp_points(value: f64, ramp: &Ramp) -> i64 {
    let along = ((value - ramp.from) / (ramp.to - ramp.from)).clamp(0.0, 1.0);
    libm::round(along * ramp.points * 100.0) as i64
}

/// Shrinks the points of `members` in proportion until they sum to at most `most`, exactly: what rounding down leaves
/// over goes to the largest remainders, ties to the first.
fn cap(points: &mut [i64], members: &[usize], most: i64) {
    let members: Vec<usize> = members.iter().copied().filter(|index| points[*index] > 0).collect();
    let sum: i64 = members.iter().map(|index| points[*index]).sum();
    if sum <= most {
        return;
    }
    let mut remainders: Vec<(i64, usize)> = Vec::new();
    let mut left = most;
    for index in members {
        let product = points[index] * most;
        points[index] = product / sum;
        left -= points[index];
        remainders.push((-(product % sum), index));
    }
    remainders.sort_unstable();
    for (_, index) in remainders.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        points[index] += 1;
    }
}

fn two_families(points: &[i64], detect: &Detect) -> bool {
    let of = |family: &str| -> i64 {
        (0..ALL.len()).filter(|index| ALL[*index].family == family).map(|index| points[index]).sum()
    };
    let counting = detect.family_points_max.keys().filter(|family| of(family) >= hundredths(detect.family_points_min));
    let strong = STRONG.iter().any(|family| of(family) >= hundredths(detect.strong_points_min));
    counting.count() >= 2 && strong
}

fn hundredths(points: f64) -> i64 {
    libm::round(points * 100.0) as i64
}

/// Four decimals: what is printed is what the thresholds saw.
fn rounded(value: f64) -> f64 {
    libm::round(value * 10_000.0) / 10_000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn capped_points_sum_to_the_cap_and_never_grow(points in prop::collection::vec(0_i64..10_000, 1..12), most in 0_i64..20_000) {
            let mut capped = points.clone();
            let members: Vec<usize> = (0..points.len()).collect();
            cap(&mut capped, &members, most);
            let (before, after): (i64, i64) = (points.iter().sum(), capped.iter().sum());
            prop_assert_eq!(after, before.min(most));
            for (was, is) in points.iter().zip(&capped) {
                prop_assert!(is <= was && *is >= 0);
            }
        }
    }

    #[test]
    fn a_ramp_may_fall() {
        let ramp = Ramp { points: 15.0, from: 0.3, to: 0.06 };
        assert_eq!(ramp_points(0.3, &ramp), 0);
        assert_eq!(ramp_points(0.18, &ramp), 750);
        assert_eq!(ramp_points(0.0, &ramp), 1500);
    }
}
