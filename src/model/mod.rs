//! What every stage talks about: times, hashtags, posts, mentions and the keyed hashes that stand for names.
//! Pure values; no I/O, no clock.

pub mod action;
pub mod hashtag;
pub mod keyed;
pub mod mention;
pub mod post;
pub mod time;

pub use action::{Act, Action, Taken};
pub use keyed::{Keyed, TagHash};
pub use mention::{Mention, MentionBatch};
pub use post::Post;
pub use time::{EventTime, Tick};
