//! Counter-evidence: a share of originals that mention or answer somebody well above what pushes show. Fans, conferences
//! and angry crowds repeat themselves as much as an operation does, but they do it in conversation. Its points are
//! negative: they are taken off what the other signals add.
//!
//! Formula: the share of `conversation` times the share of originals whose words occur once (the careful end of
//! `repeated_text`, of however few): who sends one text to many names is in no conversation with them. Availability as in
//! `conversation`; read at the lower end of its interval. Blind spot: an operation whose accounts answer each other; it
//! then looks like fans, at the price of a reply network that others can see.

use super::{Definition, Facts, conversation, repeated_text};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition = Definition { name: "talk", family: "content", baseline: 0.4, read, on_core: true };

fn read(crowd: &Crowd, facts: &Facts) -> Option<Estimate> {
    let once = 1.0 - repeated_text::among(crowd).map_or(0.0, |repeated| repeated.low);
    let all = conversation::read(crowd, facts)?;
    Some(Estimate { value: all.value * once, low: all.low * once, high: all.high * once })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{MUTE, SAID, TALK, both, check, copies, groups};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        // Wilson's lower end of n in n is n / (n + z²), of half of n it is 1/2 - z / 2√(n + z²), and z is that of 50 %.
        let z: f64 = 0.674_489_750_196_1;
        let z2 = z * z;
        check(
            &DEFINITION,
            &[
                ("fans in conversation", groups(&[(8, &[SAID]), (12, &[TALK])]), Some(0.6)),
                ("a push at the hashtag", groups(&[(5, &[SAID; 4])]), Some(0.0)),
                ("a push of one text to many names", copies(&[(20, 1)], TALK), Some(z2 / (20.0 + z2))),
                ("half of it so", copies(&[(10, 1), (1, 10)], TALK), Some(0.5 + z / (2.0 * (20.0 + z2).sqrt()))),
                (
                    "half of it so, and as many silent",
                    both(copies(&[(10, 1)], TALK), groups(&[(10, &[SAID])])),
                    Some(0.25 + z / (4.0 * (20.0 + z2).sqrt())),
                ),
                ("eleven originals", groups(&[(11, &[TALK])]), None),
                ("twelve originals", groups(&[(3, &[SAID]), (9, &[TALK])]), Some(0.75)),
                ("the same of a dozen", copies(&[(12, 1)], TALK), Some(z2 / (12.0 + z2))),
                ("no texts", groups(&[(20, &[MUTE])]), None),
                ("a push whose accounts answer each other", groups(&[(5, &[TALK; 4])]), Some(1.0)),
            ],
        );
    }
}
