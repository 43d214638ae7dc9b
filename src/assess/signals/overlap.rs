//! Share of the crowd's accounts that carried earlier coordinated alerts on other hashtags. An operation is its accounts:
//! hashtags change from day to day, who pushes them does not.
//!
//! Formula: accounts remembered / accounts of the sample, Wilson interval. Remembered is who wrote three posts or more
//! under another hashtag while it fired on signals beside this one, more often than under bursts that stayed organic, and
//! mentions or answers nobody, there and here.
//! Unit: share, 0 to 1. The decider reads it, which alone remembers crowds (`decide::crowds`); unavailable until an alert
//! has fired.
//! Blind spots: the first push, and a new crew. To avoid it an operation needs new accounts for every hashtag.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "overlap", family: "overlap", baseline: 0.0, read, on_core: true };

fn read(_: &Crowd, _: &Facts) -> Option<Estimate> {
    None
}
