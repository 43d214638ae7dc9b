//! Numbers as they are printed, and the summaries of a few.

/// `value` with so many decimals, ties to even on its exact value, as Python's `round` has it.
pub(super) fn round(value: f64, decimals: usize) -> f64 {
    // Adding zero takes the sign off a zero.
    format!("{value:.decimals$}").parse::<f64>().expect("a printed number reads back") + 0.0
}

/// `part` of `whole` with four decimals; none of nothing.
pub(super) fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| round(part as f64 / whole as f64, 4))
}

/// The middle value, or the mean of the middle two; none of nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => None,
        1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The value nine tenths up the sorted ones, rounded down to one of them; none of nothing.
pub(super) fn p90(values: &[f64]) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    Some(sorted(values)[last * 9 / 10])
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_of_the_exact_value() {
        // 2.675 lies below itself in binary; 0.125 is a tie.
        let pairs = [(2.675, 2.67), (0.125, 0.12), (0.375, 0.38), (-0.001, 0.0), (82.666_666, 82.67)];
        for (value, wanted) in pairs {
            assert_eq!(round(value, 2).to_bits(), f64::to_bits(wanted), "{value}");
        }
        assert_eq!((share(5, 7), share(0, 0)), (Some(0.7143), None));
    }

    #[test]
    fn the_median_lies_between_and_the_p90_is_one_of_the_values() {
        assert_eq!((median(&[]), p90(&[])), (None, None));
        assert_eq!((median(&[3.0]), p90(&[3.0])), (Some(3.0), Some(3.0)));
        assert_eq!((median(&[9.0, 1.0, 2.0, 4.0]), p90(&[9.0, 1.0, 2.0, 4.0])), (Some(3.0), Some(4.0)));
        let eleven: Vec<f64> = (0..11).map(f64::from).collect();
        assert_eq!((median(&eleven), p90(&eleven)), (Some(5.0), Some(9.0)));
    }
}
