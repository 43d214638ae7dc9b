//! Assess: a shard at a tick becomes its report: counts, own history and readings of every signal for each candidate
//! hashtag. A pure function of one shard's panes; what needs other shards is the decider's.

pub mod values;
pub mod interval;
pub mod candidates;
pub mod history;
pub mod birth;
pub mod crowd;
pub mod signals;
pub mod evidence;
pub mod report;

pub use report::{HashtagReport, Report, report};
