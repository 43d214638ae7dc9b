//! Counter-evidence: a share of originals that mention or answer somebody well above what pushes show. Fans, conferences
//! and angry crowds repeat themselves as much as an operation does, but they do it in conversation. Its points are
//! negative: they are taken off what the other signals add.
//!
//! Formula and availability as in `conversation`; read at the lower end of its interval. Blind spot: an operation whose
//! accounts answer each other; it then looks like fans, at the price of a reply network that others can see.

use super::{Definition, conversation};

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "talk", family: "content", baseline: 0.4, read: conversation::read, on_core: true };
