//! The birth prior: what new hashtags become in the population of `tagwatch simulate --scenario background --seed 1
//! --rate 0.5`, two days of it. It is synthetic, and the stream's own curve replaces it once days of the stream have shown
//! enough new hashtags.

use crate::assess::birth::BINS;

/// For ages 5, 15 and 60 minutes: how many new hashtags had 2^b to 2^(b+1)-1 posts, and accounts.
pub const PRIOR: [([u64; BINS], [u64; BINS]); 3] = [
    (bins([34_315, 4_422, 216, 29, 1, 1, 0, 0]), bins([34_598, 4_230, 142, 13, 1, 0, 0, 0])),
    (bins([28_371, 10_579, 855, 123, 32, 3, 1, 0]), bins([28_762, 10_375, 722, 86, 16, 2, 1, 0])),
    (bins([37_144, 25_883, 4_981, 577, 139, 44, 6, 2]), bins([37_700, 25_863, 4_606, 483, 102, 16, 4, 2])),
];

/// The filled bins, and none beyond.
const fn bins(filled: [u64; 8]) -> [u64; BINS] {
    let mut all = [0; BINS];
    let mut at = 0;
    while at < filled.len() {
        all[at] = filled[at];
        at += 1;
    }
    all
}
