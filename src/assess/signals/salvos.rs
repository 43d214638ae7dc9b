//! Share of the last hour's repeaters that wrote three posts within ten minutes. A quota is filled in one sitting; who is
//! moved by an event comes back when there is something new to say. The public that joins a push posts once and is not
//! counted, so it drowns this share less than any other.
//!
//! Formula: accounts with three posts within ten consecutive minutes / accounts with three posts or more in the hour, the
//! first of them a quarter of an hour ago or more (whoever began later had no time to be slow), Wilson interval. Unit: share, 0 to 1. Measured: .2 to .45 (quartiles) on crisis nights, .35 to .55 at conferences, .65
//! to 1 on pushes. Unavailable below eight repeaters.
//! Blind spots: people who comment on a match or a speech line by line; accounts that are told to wait between posts, which
//! costs them the speed they are paid for.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Repeaters from which their share is read.
const REPEATERS_MIN: u64 = 8;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "salvos", family: "concentration", baseline: 0.4, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    let salvos = facts.salvos.filter(|salvos| salvos.repeaters >= REPEATERS_MIN)?;
    Some(share(salvos.hurried, salvos.repeaters))
}
