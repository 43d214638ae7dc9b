//! Decide: the reports of all shards for one tick become alert changes. The only place that sees the whole.

pub mod line;
pub mod view;
