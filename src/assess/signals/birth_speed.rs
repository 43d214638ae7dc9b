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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{all_at, check_streams, each_at};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        let command = || each_at(0..40).until(40);
        let minutes = || each_at((0..40).map(|minute| minute * 60)).until(2_400);
        check_streams(
            &DEFINITION,
            &[
                ("people, one a minute", minutes(), Some(19.0 * 60.0)),
                // The n-th after √n: 100 of 400 in its first half.
                ("people who still gather", each_at((0..400_i64).map(|n| 3 * n.isqrt())).until(60), None),
                ("accounts on command, one a second", command(), Some(19.0)),
                ("nineteen accounts", each_at(0..19).until(20), None),
                ("twenty accounts", each_at(0..20).until(20), Some(19.0)),
                ("five accounts, of many posts", all_at(5, &[0, 2, 4, 6, 8, 10, 12, 14]).until(20), None),
                (
                    "twice as loud after two minutes",
                    each_at((0..50).map(|n| n / 5)).and(each_at((0..100).map(|n| 120 + n / 10))).until(260),
                    // Five a second: the twentieth is in the fourth.
                    Some(3.0),
                ),
                (
                    "more than twice as loud after two minutes",
                    each_at((0..49).map(|n| n / 5)).and(each_at((0..100).map(|n| 120 + n / 10))).until(260),
                    Some(120.0),
                ),
                ("a repost that goes viral", command().reposted(), None),
                ("an hour old", command().until(3_600), Some(19.0)),
                ("a minute more", command().until(3_660), None),
                ("watched for six hours before", command().watched_since(-6 * 3_600), Some(19.0)),
                ("watched for less", command().watched_since(-6 * 3_600 + 10), None),
                ("two posts two hours ago", each_at([-7_000, -6_000]).and(command()).until(40), None),
                ("one post two hours ago, which is forgotten", each_at([-7_000]).and(command()).until(40), Some(19.0)),
                ("accounts on command, told to take their time", minutes(), Some(19.0 * 60.0)),
            ],
        );
    }
}
