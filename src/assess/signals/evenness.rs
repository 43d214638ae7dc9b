//! Evenness of participation: quotas make equals, while enthusiasm is uneven.
//!
//! Formula: (N² / Σ nᵢ²) / D, the inverse Simpson index over the number of accounts (Simpson 1949). Unit: 0 to 1.
//! Read only where accounts post more than 1.6 times on average: where everybody posts once, everybody is equal.
//! Blind spot: an operation that draws its quotas from a heavy-tailed distribution.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// Posts per account below which evenness says nothing.
const POSTS_PER_ACCOUNT_MIN: f64 = 1.6;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "evenness", family: "concentration", baseline: 0.35, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let (n, d) = (crowd.posts as f64, crowd.accounts.len() as f64);
    if d < 8.0 || n / d < POSTS_PER_ACCOUNT_MIN {
        return None;
    }
    let squares: f64 = crowd.accounts.iter().map(|row| f64::from(row.posts) * f64::from(row.posts)).sum();
    let value = n * n / squares / d;
    // Jackknife-free bound: the relative error of Σ n² over D accounts is about 1/√D on crowds of this kind.
    let half = value / libm::sqrt(d);
    Some(Estimate { value, low: value - half, high: (value + half).min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{check, posting};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                // 20² / (9 + 11²) / 10.
                ("people and one enthusiast", posting(&[(9, 1), (1, 11)]), Some(400.0 / 130.0 / 10.0)),
                ("a push by quotas", posting(&[(10, 4)]), Some(1.0)),
                ("seven accounts", posting(&[(7, 4)]), None),
                ("eight accounts", posting(&[(8, 4)]), Some(1.0)),
                ("people who say it once", posting(&[(10, 1)]), None),
                ("one and a half posts an account", posting(&[(5, 1), (5, 2)]), None),
                // 16² / (4 + 6 × 4) / 10.
                ("1.6 posts an account", posting(&[(4, 1), (6, 2)]), Some(256.0 / 28.0 / 10.0)),
                ("nobody", posting(&[]), None),
                // 128² / (2 + 4 + 16 + 64 + 256 + 1 024 + 4 096) / 8.
                (
                    "quotas that double",
                    posting(&[(2, 1), (1, 2), (1, 4), (1, 8), (1, 16), (1, 32), (1, 64)]),
                    Some(16_384.0 / 5_462.0 / 8.0),
                ),
            ],
        );
    }
}
