//! The commands, and the only place that names every stage.

pub mod pipeline;
pub mod replaying;
mod restoring;
mod scribe;
pub mod simulate;
pub mod topics;
