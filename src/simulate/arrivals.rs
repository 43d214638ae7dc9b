//! When posts arrive: a Poisson process whose rate follows a curve, with the roughness that real streams have (gusts over
//! minutes, echoes within seconds) and the volleys that steered accounts have.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::random::Random;

/// One minute, in milliseconds.
pub(crate) const MINUTE: i64 = 60_000;
/// One hour, in milliseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// Activity by hour of day (UTC) relative to the mean: least at four, most at eight in the evening.
const DAY: [f64; 24] = [
    0.74, 0.59, 0.47, 0.38, 0.33, 0.37, 0.52, 0.80, 1.00, 1.08, 1.14, 1.18, 1.26, 1.25, 1.20, 1.16, 1.19, 1.26, 1.34,
    1.46, 1.53, 1.47, 1.28, 1.00,
];

/// A rate over time.
pub(crate) enum Curve {
    /// Straight lines between (event time in ms, posts a minute); nothing before the first point or after the last.
    Lines(Vec<(i64, f64)>),
    /// The daily rhythm around a mean, in posts a minute, from a time until another (ms).
    Daily { mean: f64, from: i64, until: i64 },
}

impl Curve {
    /// Straight lines between (minutes after `at`, posts a minute).
    pub fn lines(at: i64, points: &[(f64, f64)]) -> Curve {
        Curve::Lines(points.iter().map(|&(minutes, rate)| (at + (minutes * MINUTE as f64) as i64, rate)).collect())
    }

    /// A jump to `peak` posts a minute within `rise` minutes, then halving every `half_life` minutes, six times.
    pub fn burst(at: i64, peak: f64, rise: f64, half_life: f64) -> Curve {
        let mut points = vec![(0.0, 0.0)];
        let mut rate = peak;
        for halving in 0..=6 {
            points.push((rise + f64::from(halving) * half_life, rate));
            rate /= 2.0;
        }
        points.push((rise + 7.0 * half_life, 0.0));
        Curve::lines(at, &points)
    }

    fn from(&self) -> i64 {
        match self {
            Curve::Lines(points) => points[0].0,
            Curve::Daily { from, .. } => *from,
        }
    }

    fn until(&self) -> i64 {
        match self {
            Curve::Lines(points) => points[points.len() - 1].0,
            Curve::Daily { until, .. } => *until,
        }
    }

    /// Length of the steps in which the rate is held constant.
    fn step_ms(&self) -> i64 {
        match self {
            Curve::Lines(_) => 1_000,
            Curve::Daily { .. } => 10_000,
        }
    }

    /// Posts a minute at a time within the curve.
    fn rate(&self, at: i64) -> f64 {
        match self {
            Curve::Lines(points) => {
                let after = points.partition_point(|&(t, _)| t <= at).clamp(1, points.len() - 1);
                let ((t0, r0), (t1, r1)) = (points[after - 1], points[after]);
                r0 + (r1 - r0) * (at - t0) as f64 / (t1 - t0).max(1) as f64
            }
            Curve::Daily { mean, .. } => {
                let of_day = at.rem_euclid(24 * HOUR);
                let hour = (of_day / HOUR) as usize;
                let part = (of_day % HOUR) as f64 / HOUR as f64;
                mean * (DAY[hour] * (1.0 - part) + DAY[(hour + 1) % 24] * part)
            }
        }
    }
}

/// How arrivals clump.
#[derive(Clone, Copy)]
pub(crate) struct Clumps {
    /// Strength of minute-long gusts: standard deviation of the rate's factor.
    pub gust: f64,
    /// Share of arrivals that bring others with them.
    pub chance: f64,
    /// How many others, least and most.
    pub others: (u64, u64),
    /// Mean gap between those that come together, in ms.
    pub gap_ms: f64,
}

impl Clumps {
    /// People: slight gusts, and one in twelve answered at once by someone (1 s dispersion about 1.1 to 1.3).
    pub const PEOPLE: Clumps = Clumps { gust: 0.12, chance: 0.08, others: (1, 1), gap_ms: 900.0 };
    /// Independent arrivals.
    pub const NONE: Clumps = Clumps { gust: 0.0, chance: 0.0, others: (0, 0), gap_ms: 0.0 };

    /// Posts that one independent arrival stands for, on average.
    fn mean(&self) -> f64 {
        1.0 + self.chance * (self.others.0 + self.others.1) as f64 / 2.0
    }
}

/// The arrival times along a curve, ascending.
pub(crate) struct Arrivals {
    curve: Curve,
    clumps: Clumps,
    /// The last independent arrival, and the end of the step it lies in.
    at: f64,
    step_end: i64,
    /// Arrivals a millisecond in this step.
    rate: f64,
    gust: (i64, f64),
    /// The next independent arrival, drawn but not yet given out.
    next: Option<i64>,
    started: bool,
    /// Those that come with an earlier arrival; at most a clump for each arrival of the last seconds.
    together: BinaryHeap<Reverse<i64>>,
}

impl Arrivals {
    pub fn new(curve: Curve, clumps: Clumps) -> Arrivals {
        let from = curve.from();
        Arrivals {
            curve,
            clumps,
            at: from as f64,
            step_end: from,
            rate: 0.0,
            gust: (i64::MIN, 1.0),
            next: None,
            started: false,
            together: BinaryHeap::new(),
        }
    }

    /// The next arrival in ms since the epoch, or none after the curve's end.
    pub fn next(&mut self, random: &mut Random) -> Option<i64> {
        if !self.started {
            self.started = true;
            self.next = self.independent(random);
        }
        let until = self.curve.until();
        let follows = self.together.peek().map(|&Reverse(at)| at).filter(|&at| at < until);
        match (self.next, follows) {
            (Some(next), None) => self.lead(next, random),
            (Some(next), Some(at)) if next <= at => self.lead(next, random),
            (_, Some(at)) => {
                self.together.pop();
                Some(at)
            }
            (None, None) => None,
        }
    }

    fn lead(&mut self, at: i64, random: &mut Random) -> Option<i64> {
        if random.chance(self.clumps.chance) {
            let (min, max) = self.clumps.others;
            let mut follower = at as f64;
            for _ in 0..min + random.below(max - min + 1) {
                follower += self.clumps.gap_ms * random.exponential();
                self.together.push(Reverse(follower as i64));
            }
        }
        self.next = self.independent(random);
        Some(at)
    }

    fn independent(&mut self, random: &mut Random) -> Option<i64> {
        let mut left = random.exponential();
        loop {
            let room = (self.step_end as f64 - self.at) * self.rate;
            if left < room {
                self.at += left / self.rate;
                return Some(self.at as i64);
            }
            left -= room;
            self.at = self.step_end as f64;
            if self.step_end >= self.curve.until() {
                return None;
            }
            self.open_step(random);
        }
    }

    fn open_step(&mut self, random: &mut Random) {
        let from = self.step_end;
        self.step_end = (from + self.curve.step_ms()).min(self.curve.until());
        let minute = from.div_euclid(MINUTE);
        if self.clumps.gust > 0.0 && self.gust.0 != minute {
            self.gust = (minute, 1.0 - self.clumps.gust + self.clumps.gust * random.exponential());
        }
        let middle = from + (self.step_end - from) / 2;
        self.rate = (self.curve.rate(middle) * self.gust.1 / self.clumps.mean() / MINUTE as f64).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(curve: Curve, clumps: Clumps) -> Vec<i64> {
        let (mut arrivals, mut random) = (Arrivals::new(curve, clumps), Random::new(5, 0));
        std::iter::from_fn(|| arrivals.next(&mut random)).collect()
    }

    /// Variance over mean of the counts in slices of `ms`.
    fn dispersion(times: &[i64], ms: i64, until: i64) -> f64 {
        let mut counts = vec![0.0f64; (until / ms) as usize];
        for &t in times {
            counts[(t / ms) as usize] += 1.0;
        }
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / counts.len() as f64 / mean
    }

    #[test]
    fn the_count_is_the_area_under_the_curve_and_times_ascend() {
        for clumps in [Clumps::NONE, Clumps::PEOPLE, Clumps { gust: 0.0, chance: 0.5, others: (3, 9), gap_ms: 300.0 }] {
            let times = times(Curve::lines(0, &[(0.0, 0.0), (10.0, 600.0), (30.0, 600.0), (40.0, 0.0)]), clumps);
            assert!(times.is_sorted());
            assert!((times.len() as f64 - 18_000.0).abs() < 900.0, "{}", times.len());
        }
    }

    #[test]
    fn people_are_nearly_poisson_and_volleys_are_not() {
        let flat = || Curve::lines(0, &[(0.0, 300.0), (60.0, 300.0)]);
        let even = dispersion(&times(flat(), Clumps::NONE), 1000, HOUR);
        let people = dispersion(&times(flat(), Clumps::PEOPLE), 1000, HOUR);
        let volleys = Clumps { gust: 0.0, chance: 0.3, others: (10, 20), gap_ms: 60.0 };
        let steered = dispersion(&times(flat(), volleys), 1000, HOUR);
        assert!((0.92..1.08).contains(&even), "{even}");
        assert!((1.05..1.5).contains(&people), "{people}");
        assert!(steered > 6.0, "{steered}");
    }

    #[test]
    fn the_day_has_a_night() {
        let times = times(Curve::Daily { mean: 60.0, from: 0, until: 48 * HOUR }, Clumps::NONE);
        let within = |from: i64, to: i64| times.iter().filter(|&&t| (from * HOUR..to * HOUR).contains(&t)).count();
        assert!((times.len() as f64 / 2880.0 - 60.0).abs() < 2.0, "mean {}", times.len() as f64 / 2880.0);
        assert!(within(19, 21) > 3 * within(3, 5));
    }
}
