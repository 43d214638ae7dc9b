//! Counter-evidence: a share of originals that mention or answer somebody well above what pushes show. Fans, conferences
//! and angry crowds repeat themselves as much as an operation does, but they do it in conversation. Its points are
//! negative: they are taken off what the other signals add.
//!
//! Formula: the share of `conversation` times the share of originals whose words occur once (the careful end of
//! `repeated_text`): who sends one text to many names is in no conversation with them. Availability as in
//! `conversation`; read at the lower end of its interval. Blind spot: an operation whose accounts answer each other; it
//! then looks like fans, at the price of a reply network that others can see.

use super::{Definition, Facts, conversation, repeated_text};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition = Definition { name: "talk", family: "content", baseline: 0.4, read, on_core: true };

fn read(crowd: &Crowd, facts: &Facts) -> Option<Estimate> {
    let once = 1.0 - repeated_text::read(crowd, facts).map_or(0.0, |repeated| repeated.low);
    let all = conversation::read(crowd, facts)?;
    Some(Estimate { value: all.value * once, low: all.low * once, high: all.high * once })
}
