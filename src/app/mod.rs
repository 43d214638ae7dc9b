//! The commands, and the only place that names every stage.

pub mod pipeline;
pub mod replaying;
pub mod simulate;
pub mod topics;
