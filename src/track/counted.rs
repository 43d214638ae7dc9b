//! Posts and distinct accounts of one hashtag over several panes, and nothing else: a tenth of the work of gathering its
//! samples. The same numbers come out of [`Gathered`](super::gather::Gathered), whose account sample is as large as the
//! exact form of a [`Distinct`] (a test holds them equal).

use super::distinct::Distinct;
use super::pane::EntryView;
use crate::model::mention::FLAG_REPOST;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Posts, exact.
    pub posts: u64,
    /// Reposts among them, exact.
    pub reposts: u64,
    /// Accounts.
    pub accounts: Distinct,
}

impl Counted {
    /// Adds what one pane knows of the hashtag.
    pub fn add(&mut self, view: &EntryView<'_>) {
        let Some(large) = view.large else {
            for found in view.mentions {
                self.posts += 1;
                self.reposts += u64::from(found.has(FLAG_REPOST));
                self.accounts.insert(found.account);
            }
            return;
        };
        self.posts += large.posts;
        self.reposts += large.reposts;
        match view.registers {
            Some(registers) => self.accounts.merge_registers(registers),
            None => view.accounts.iter().for_each(|row| self.accounts.insert(row.account)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gather::{Gathered, PerSecond};
    use super::super::merge::SIZES;
    use super::super::open::OpenPane;
    use super::*;
    use crate::model::mention::MentionBatch;
    use crate::model::{Mention, TagHash, Tick};

    #[test]
    fn counting_and_gathering_agree_from_small_to_large() {
        for accounts in [1_u64, 5, 500, 512, 513, 600, 3000] {
            let (mut counted, mut gathered) = (Counted::default(), Gathered::new(SIZES, PerSecond::Closed));
            for part in 0..3 {
                let (mut open, mut batch) = (OpenPane::default(), MentionBatch::default());
                for post in 0..accounts * 2 {
                    // Every pane holds two thirds of the accounts, some of them twice.
                    let account = (post % accounts + part * accounts / 3) % accounts;
                    let account = (account + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let flags = if post % 5 == 0 { FLAG_REPOST } else { 0 };
                    let hash = (post * 3 + part + 1).wrapping_mul(0xd134_2543_de82_ef95);
                    let mention =
                        Mention { post: hash, account, second: part as u32 * 10, flags, ..Mention::default() };
                    batch.push(TagHash(7), Tick(1), "vote", "vote", true, mention);
                }
                batch.items.iter().for_each(|item| assert!(open.add(&batch, item)));
                let pane = open.close();
                let view = pane.get(7).expect("it was added");
                counted.add(&view);
                gathered.add(&view);
            }
            gathered.finish();
            assert_eq!((counted.posts, counted.reposts), (gathered.posts, gathered.reposts));
            assert_eq!(counted.accounts.estimate(), gathered.distinct_accounts(), "{accounts} accounts");
        }
    }
}
