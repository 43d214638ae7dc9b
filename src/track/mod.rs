//! Track: mentions become panes. Pure: values and functions, one owner a shard, no locks, no clock.

pub mod actions;
pub mod counted;
pub mod distinct;
mod fixed;
pub mod gather;
pub mod ladder;
pub mod merge;
pub mod open;
pub mod pane;
pub mod rows;
pub mod shard;
pub mod usual;

pub use shard::Shard;
