//! Intervals: how far an estimate from a sample may be off. Only arithmetic and square roots, so that every machine
//! gives the same bits.

use serde::{Deserialize, Serialize};

/// z for a two-sided 50 % interval, the quartiles: the end that speaks against a signal is passed by chance once in four.
/// A score adds several such ends, so all of them at once is far rarer. Wider ones made alerts wait twice as long and
/// hid pushes that the public joins, for the same precision (measured on labelled posts).
pub(super) const Z: f64 = 0.674_489_750_196_1;

/// z for a two-sided 95 % interval, as counts of accounts have it.
pub(super) const Z95: f64 = 1.959_963_984_540_054;

/// An estimate with its 50 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    /// A number known exactly.
    pub fn exact(value: f64) -> Estimate {
        Estimate { value, low: value, high: value }
    }
}

/// A share of `hits` in `n` with Wilson's score interval (Wilson 1927). `n` must not be 0.
pub fn share(hits: u64, n: u64) -> Estimate {
    share_at(hits, n, Z)
}

/// [`share`] with an interval of another width.
pub(super) fn share_at(hits: u64, n: u64, z: f64) -> Estimate {
    let (k, n) = (hits as f64, n as f64);
    let p = k / n;
    let z2 = z * z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * libm::sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n));
    Estimate { value: p, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
}

/// One share less another, from their score intervals (Newcombe 1998, method 10).
pub fn difference(one: &Estimate, other: &Estimate) -> Estimate {
    let value = one.value - other.value;
    let away = |a: f64, b: f64| libm::sqrt(a * a + b * b);
    Estimate {
        value,
        low: value - away(one.value - one.low, other.high - other.value),
        high: value + away(one.high - one.value, other.value - other.low),
    }
}

/// A ratio of sums Σ part / Σ whole over independent units, with a normal interval by the delta method (Cochran 1977,
/// section 2.11). There must be a unit with a whole above 0.
pub fn ratio(units: impl Iterator<Item = (f64, f64)> + Clone) -> Estimate {
    ratio_at(units, Z)
}

/// [`ratio`] with an interval of another width.
pub(super) fn ratio_at(units: impl Iterator<Item = (f64, f64)> + Clone, z: f64) -> Estimate {
    let (parts, wholes, n) =
        units.clone().fold((0.0, 0.0, 0.0), |sum, unit| (sum.0 + unit.0, sum.1 + unit.1, sum.2 + 1.0));
    let value = parts / wholes;
    let residuals: f64 = units.map(|(part, whole)| (part - value * whole) * (part - value * whole)).sum();
    let half = z * libm::sqrt(residuals * n / (n - 1.0_f64).max(1.0)) / wholes;
    Estimate { value, low: (value - half).max(0.0), high: (value + half).min(1.0) }
}

/// The mean of `values` with its normal interval. `values` must not be empty.
pub fn mean(values: &[f64]) -> Estimate {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    let half = Z * libm::sqrt(variance / n);
    Estimate { value: mean, low: mean - half, high: mean + half }
}

/// Σ (nᵢ/N)² without its small-sample bias: the chance that two different ones of the `n` agree, Σ nᵢ(nᵢ-1) / n(n-1),
/// with a normal interval from the delta method. `groups` are the nᵢ; `n` must be at least 2.
pub fn agreement(groups: &[u64], n: u64) -> Estimate {
    let total = n as f64;
    let pairs: f64 = groups.iter().map(|g| *g as f64 * (*g as f64 - 1.0)).sum();
    let value = pairs / (total * (total - 1.0));
    let cubes: f64 = groups.iter().map(|g| (*g as f64 / total) * (*g as f64 / total) * (*g as f64 / total)).sum();
    let half = Z * 2.0 * libm::sqrt(((cubes - value * value) / total).max(0.0));
    Estimate { value, low: (value - half).max(0.0), high: (value + half).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_agrees_with_the_textbook() {
        // Newcombe 1998, table I: 81 of 263 gives .2553 to .3662.
        let share = share_at(81, 263, Z95);
        assert!((share.low - 0.2553).abs() < 5e-5 && (share.high - 0.3662).abs() < 5e-5, "{share:?}");
    }

    #[test]
    fn a_difference_agrees_with_the_textbook() {
        // Newcombe 1998 on differences, table II, method 10: 56 of 70 less 48 of 80 is .2, .0524 to .3339.
        let found = difference(&share_at(56, 70, Z95), &share_at(48, 80, Z95));
        assert!((found.low - 0.0524).abs() < 5e-5 && (found.high - 0.3339).abs() < 5e-5, "{found:?}");
    }

    #[test]
    fn agreement_counts_pairs() {
        assert_eq!(agreement(&[2, 1, 1], 4).value, 2.0 / 12.0);
        assert_eq!(agreement(&[4], 4).value, 1.0);
        assert_eq!(agreement(&[1, 1, 1, 1], 4).value, 0.0);
    }
}
