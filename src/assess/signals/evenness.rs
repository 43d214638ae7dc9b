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
