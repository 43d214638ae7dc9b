//! The birth prior: histograms of new hashtags in the population of `tagwatch simulate --scenario background`. It is
//! synthetic, and says so in evidence as `birth_curve`; the stream's own curve replaces it after its first day.

use crate::assess::birth::BINS;

/// For ages 5, 15 and 60 minutes: how many of a million new hashtags had 2^b to 2^(b+1)-1 posts, and accounts.
pub const PRIOR: [([u64; BINS], [u64; BINS]); 3] = [
    (
        [920_000, 70_000, 8_500, 1_200, 220, 60, 15, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [935_000, 57_000, 6_900, 900, 150, 40, 8, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ),
    (
        [870_000, 110_000, 17_000, 2_400, 450, 110, 30, 8, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [890_000, 94_000, 14_000, 1_700, 300, 75, 15, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ),
    (
        [800_000, 160_000, 32_000, 6_600, 1_100, 240, 50, 8, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [825_000, 141_000, 28_000, 5_000, 750, 150, 30, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ),
];
