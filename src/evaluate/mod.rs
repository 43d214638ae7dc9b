//! Evaluate: how good an alert log is, held against labelled episodes. Pure: episodes, alert lines and posts come in as
//! values, an [`Evaluation`] goes out. What it reads and prints is the command's matter.
//!
//! The definitions, each with its test in the file that holds it:
//! - An alert is a `firing` line of `coordinated_burst`. It is *true* where at least half of the hashtag's posts of the 30
//!   minutes up to it are coordinated, *ambiguous* (not scored) inside an ambiguous episode, else *false*. Alerts of a
//!   hashtag less than 60 minutes after the one before count as one.
//! - An episode is *detected* by such an alert on its hashtag between its start and 30 minutes past its end, and *seen as
//!   burst* by a `firing` line of any kind of burst there; an organic one also 10 minutes before its start.
//! - Time to detect counts from the episode's 20th post.
//! - A signal *separates* as far as the first values that alert lines show in coordinated episodes differ from those in
//!   organic ones.

pub mod episode;

pub mod alert;

pub mod posts;

pub mod score;

pub mod fingerprints;

pub mod changes;

pub mod compare;

mod compare_table;
mod round;
mod separation;
mod table;

pub use alert::Alert;
pub use changes::{Change, Changes, Counted};
pub use episode::{Episode, Label};
pub use fingerprints::{Fingerprint, Fingerprints, Trial};
pub use posts::{Gathering, Posts};
pub use score::{Evaluation, evaluate};
