//! Share of the posts that come from one client. A tool that posts for many accounts leaves its name.
//!
//! Formula: posts of the most frequent client / posts whose client is known, in the mention sample, Wilson interval; from
//! twenty on. Unit: share, 0 to 1. Not measured: no labelled stream here names clients.
//! Blind spots: the platform's own client has most of an ordinary crowd too, and names can be forged. Shown, not scored.

use super::{Definition, Facts};
use crate::assess::crowd::{Crowd, groups};
use crate::assess::interval::{Estimate, share};

/// Posts from which the share is read.
const POSTS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "client_share", family: "provenance", baseline: 0.5, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let groups = groups(crowd.mentions.iter().map(|found| found.client));
    let posts = groups.iter().map(|(_, size)| size).sum();
    (posts >= POSTS_MIN).then(|| share(groups[0].1, posts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn crowd(mentions: impl Iterator<Item = Mention>) -> Crowd {
        Crowd { mentions: mentions.collect(), ..Crowd::default() }
    }

    #[test]
    fn the_most_frequent_client_counts_among_the_known() {
        let from = |client, count| (0..count).map(move |_| Mention { client, ..Mention::default() });
        let posts = from(7, 15).chain(from(8, 5)).chain(from(0, 80));
        assert_eq!(read(&crowd(posts), &Facts::default()).unwrap().value, 0.75);
        assert_eq!(read(&crowd(from(7, 19)), &Facts::default()), None);
    }
}
