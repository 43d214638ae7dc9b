//! tagwatch: which hashtags are spreading, how fast, through how many accounts, and whether a crowd or a few are behind it.
//!
//! The modules stand in the order of a post's way; imports point towards `model` only (`tests/tidy.rs` holds this).

pub mod app;
pub mod assess;
pub mod clock;
pub mod config;
pub mod decide;
pub mod evaluate;
pub mod exchange;
pub mod kafka;
pub mod model;
pub mod report;
pub mod simulate;
pub mod source;
pub mod store;
pub mod track;
