//! Track: mentions become panes. Pure: values and functions, one owner a shard, no locks, no clock.

pub mod pane;
pub mod distinct;
pub mod gather;
pub mod merge;
pub mod open;
pub mod ladder;
pub mod rows;
pub mod usual;
pub mod shard;

pub use shard::Shard;
