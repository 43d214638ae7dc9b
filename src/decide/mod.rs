//! Decide: the reports of all shards for one tick become alert changes. The only place that sees the whole: birth
//! curves, the testing of many hashtags at once, the alert budget and the alerts' state live here and nowhere else.

pub mod alert;
pub mod birth_curve;
mod birth_prior;
pub mod budget;
pub mod burst;
pub mod campaign;
pub mod counts;
pub mod crew;
pub mod crowds;
pub mod decider;
pub mod ephemeral;
pub mod expected;
pub mod explain;
pub mod further;
mod kept;
pub mod line;
mod recent;
pub mod score;
pub mod slow;
pub mod view;

pub use decider::{Decided, Decider};
