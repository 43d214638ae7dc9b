//! Assess: a shard at a tick becomes its report: counts, own history and readings of every signal for each candidate
//! hashtag. A pure function of one shard's panes; what needs other shards is the decider's.

pub mod adjusted;
pub mod birth;
pub mod candidates;
pub mod crowd;
pub mod evidence;
pub mod feed;
pub mod growth;
pub mod history;
pub mod interval;
pub mod report;
mod salvos;
pub mod signals;
mod slices;
pub mod slow;
pub mod top;
pub mod touched;
pub mod values;

pub use report::{HashtagReport, Report, report};
