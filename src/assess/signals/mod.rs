//! Signals: each file is one, with its formula, its source, what it is on ordinary participation and where it is blind.
//! A signal reads a crowd and says a value with its interval, or that its input is missing; it knows nothing of points.

pub mod alone;
pub mod bare;
pub mod birth_speed;
#[cfg(test)]
pub(crate) mod cases;
pub mod client_share;
pub mod co_reposts;
pub mod conversation;
pub mod core_share;
pub mod created_together;
pub mod crew_contrast;
pub mod dispersion_10s;
pub mod dispersion_1s;
pub mod ephemerality;
pub mod evenness;
pub mod overlap;
pub mod past;
pub mod posts_per_account;
pub mod regular_gaps;
pub mod repeat_share;
pub mod repeated_link;
pub mod repeated_repost;
pub mod repeated_text;
pub mod repost_volleys;
pub mod salvos;
pub mod same_set;
pub mod silent_accounts;
pub mod silent_core;
pub mod started_together;
pub mod talk;
pub mod top_share;
pub mod traffic_manipulation;
pub mod young_accounts;

use super::crowd::Crowd;
use super::interval::{Estimate, Z};

/// What signals beside the crowd itself need to know of a hashtag.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// The end of the tick, in seconds since the epoch.
    pub now_second: u64,
    /// Seconds from the first post of a new hashtag to its twentieth account with an original; none where it is not new,
    /// was not watched before, or has too few.
    pub birth_seconds: Option<f64>,
    /// Posts and Σ c² by second of the originals of the last five minutes, and the seconds from the first to the last.
    pub by_second: Option<Spread>,
    /// Hours of the last week, up to half a day ago, in which the hashtag was seen; none before a day of watching.
    pub past_hours: Option<u64>,
    /// How the accounts of the last hour post; none where nobody asked.
    pub salvos: Option<Salvos>,
    /// Posts and Σ c² by ten seconds of the originals of the last five minutes.
    pub by_ten_seconds: Option<Spread>,
    /// Which part of the day's posts is gone; none where no actions come in.
    pub vanished: Option<Estimate>,
}

/// Accounts of the last hour by how they post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvos {
    /// Accounts of three posts or more, the first of them at least a quarter of an hour ago.
    pub repeaters: u64,
    /// Those of them that wrote three posts within ten minutes.
    pub hurried: u64,
}

/// Counts over equal slices of time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread {
    /// Slices.
    pub slices: u64,
    /// Posts in all of them.
    pub posts: u64,
    /// Σ c² over them.
    pub squares: f64,
}

impl Spread {
    /// Index of dispersion (variance over mean of the counts by slice), less the 1 of independent posts, over the mean: how
    /// uneven the slices are beyond chance, whatever the number of posts. 0 where posts come independently.
    pub fn unevenness(self) -> Estimate {
        let (n, sum) = (self.slices as f64, self.posts as f64);
        let mean = sum / n;
        let variance = (self.squares - sum * mean) / (n - 1.0).max(1.0);
        let index = variance / mean;
        // Under independence it has a relative standard error of √(2/(n-1)) (Fisher 1950).
        let half = Z * index * libm::sqrt(2.0 / (n - 1.0).max(1.0));
        let beyond = |index: f64| ((index - 1.0) / mean).max(0.0);
        Estimate { value: beyond(index), low: beyond(index - half), high: beyond(index + half) }
    }
}

/// The most of `sorted` values that lie within `width` of each other: from the first to before the first plus `width`.
fn most_within(sorted: &[u32], width: u32) -> u64 {
    busiest(sorted, width).1
}

/// The first of those values, and how many they are.
fn busiest(sorted: &[u32], width: u32) -> (u32, u64) {
    let (mut first, mut most) = (0, (0, 0));
    for (place, value) in sorted.iter().enumerate() {
        while value - sorted[first] >= width {
            first += 1;
        }
        let count = (place + 1 - first) as u64;
        if count > most.1 {
            most = (sorted[first], count);
        }
    }
    most
}

/// One signal: where it belongs and how it is read.
pub struct Definition {
    /// Its name in config, docs and alert lines.
    pub name: &'static str,
    /// `concentration`, `synchrony`, `overlap`, `content`, `provenance` or `ephemerality`.
    pub family: &'static str,
    /// What ordinary participation shows.
    pub baseline: f64,
    /// Reads it; none where its input is missing.
    pub read: fn(&Crowd, &Facts) -> Option<Estimate>,
    /// Whether the repeat core is read as well. Signals that ask how many repeat say nothing about those who do.
    pub on_core: bool,
}

/// All signals, in the order in which alert lines print them.
pub const ALL: [Definition; 31] = [
    repeat_share::DEFINITION,
    posts_per_account::DEFINITION,
    evenness::DEFINITION,
    core_share::DEFINITION,
    top_share::DEFINITION,
    silent_core::DEFINITION,
    salvos::DEFINITION,
    traffic_manipulation::DEFINITION,
    past::DEFINITION,
    birth_speed::DEFINITION,
    dispersion_1s::DEFINITION,
    dispersion_10s::DEFINITION,
    regular_gaps::DEFINITION,
    started_together::DEFINITION,
    repost_volleys::DEFINITION,
    co_reposts::DEFINITION,
    overlap::DEFINITION,
    crew_contrast::DEFINITION,
    silent_accounts::DEFINITION,
    conversation::DEFINITION,
    talk::DEFINITION,
    alone::DEFINITION,
    repeated_text::DEFINITION,
    repeated_link::DEFINITION,
    repeated_repost::DEFINITION,
    bare::DEFINITION,
    same_set::DEFINITION,
    created_together::DEFINITION,
    young_accounts::DEFINITION,
    client_share::DEFINITION,
    ephemerality::DEFINITION,
];
