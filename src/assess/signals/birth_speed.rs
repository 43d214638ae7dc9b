//! Seconds from the first post of a new hashtag to its twentieth distinct account with an original post. Ordinary
//! hashtags are picked up by people who saw somebody use them; a thousand controlled accounts need seconds
//! (Elmas, Overdorf and Aberer 2021, on ephemeral astroturfing).
//!
//! Formula: the later of two moments, since the first post: the twentieth distinct account with an original, and the first
//! slice (ten seconds, after five minutes a minute) with at least half as many originals as the fullest one so far. A crowd
//! that gathers goes on to be louder than its first minutes, however large it is; a thousand accounts on command begin at
//! their full rate. Unit: seconds. Unavailable while the second half of its life so far has a fifth more
//! originals than the first (a crowd that still gathers has three times as many, however large; 44 measured pushes began at
//! their full rate and pass this within half a minute), after the first hour, where the stream was not watched before the hashtag
//! appeared, and for hashtags with a past.
//! Reposts do not count: a viral repost of a new hashtag reaches twenty accounts at once without any coordination.
//! Measured: 0 to 16 s on short-lived pushes; 240 s and more on ordinary new hashtags.
//! Blind spot: established hashtags; operations that start slowly, which is free of charge but gives up the surprise.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "birth_speed", family: "synchrony", baseline: 900.0, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    facts.birth_seconds.map(Estimate::exact)
}
