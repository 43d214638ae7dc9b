//! The actions that have taken effect: which accounts are actioned and which posts are deleted. A set of its own beside the
//! panes, which no action changes; it is asked when a pane is read.
//!
//! Actions take effect tick by tick, whole ticks at once. Of two on one account the later `at` stands; at the same `at` the
//! restoring one. So the set depends on which actions came and on nothing else: every shard gets all of them and holds the
//! same set. It is bounded; over the bound the oldest actions are forgotten, an eighth at once.

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use super::ladder::{DAY, HOUR, floor};
use super::open::KeepBuild;
use crate::model::keyed::id_of;
use crate::model::{Act, EventTime, Mention, Taken, Tick};

/// Ticks after which a deletion, or an account's restoring, has nothing left to say: no window reaches further back, and a
/// post is older than its deletion.
const KEPT: i64 = DAY + HOUR;
/// Ticks after the last action from which none are said to come in.
const COMING: i64 = DAY;

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Standing {
    /// Event time of the last action on it, in ms.
    at: i64,
    /// Whether that restored it.
    restored: bool,
}

/// The set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Actions {
    accounts: HashMap<u64, Standing, KeepBuild>,
    /// Deleted posts by the hash of their id, with the earliest `at` in ms.
    posts: HashMap<u32, i64, KeepBuild>,
    /// The tick at which an action last took effect.
    latest: Option<i64>,
    /// The end of the hour in which what is too old was last looked for.
    swept: i64,
}

/// The set as a checkpoint holds it: sorted, so that equal sets are equal bytes.
#[derive(Serialize, Deserialize)]
struct Written {
    accounts: Vec<(u64, Standing)>,
    posts: Vec<(u32, i64)>,
    latest: Option<i64>,
    swept: i64,
}

impl From<Written> for Actions {
    fn from(written: Written) -> Actions {
        let Written { accounts, posts, latest, swept } = written;
        Actions { accounts: accounts.into_iter().collect(), posts: posts.into_iter().collect(), latest, swept }
    }
}

impl From<Actions> for Written {
    fn from(actions: Actions) -> Written {
        let mut accounts: Vec<(u64, Standing)> = actions.accounts.into_iter().collect();
        let mut posts: Vec<(u32, i64)> = actions.posts.into_iter().collect();
        accounts.sort_unstable();
        posts.sort_unstable();
        Written { accounts, posts, latest: actions.latest, swept: actions.swept }
    }
}

/// Accounts and posts whose standing changed within some ticks.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    accounts: HashSet<u64, KeepBuild>,
    posts: HashSet<u32, KeepBuild>,
}

impl Changed {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.posts.is_empty()
    }

    /// Whether the account's standing changed.
    pub fn has_account(&self, account: u64) -> bool {
        self.accounts.contains(&account)
    }

    /// Whether the mention's account or post is among what changed.
    pub fn has(&self, mention: &Mention) -> bool {
        self.has_account(mention.account) || (!self.posts.is_empty() && self.posts.contains(&id_of(mention.post)))
    }
}

impl Actions {
    /// Lets the actions of one tick take effect, in any order and however often each is there; of more than `most` accounts
    /// and posts the oldest actions are forgotten. Returns how many were. Ticks come in order.
    pub fn take(&mut self, tick: i64, taken: &[Taken], most: usize) -> u64 {
        for action in taken {
            let at = action.at.0;
            match action.act {
                Act::PostDeleted => {
                    let earliest = self.posts.entry(action.target as u32).or_insert(at);
                    *earliest = at.min(*earliest);
                }
                Act::AccountActioned | Act::AccountRestored => {
                    let new = Standing { at, restored: action.act == Act::AccountRestored };
                    let last = self.accounts.entry(action.target).or_insert(new);
                    *last = new.max(*last);
                }
            }
        }
        self.latest = self.latest.max(Some(tick));
        self.forget_needless(tick);
        self.forget_oldest(most)
    }

    fn forget_needless(&mut self, tick: i64) {
        let hour = floor(tick, HOUR);
        if hour <= self.swept {
            return;
        }
        self.swept = hour;
        let last = Tick(tick - KEPT).end().0;
        self.posts.retain(|_, at| *at > last);
        self.accounts.retain(|_, standing| !standing.restored || standing.at > last);
    }

    /// An eighth more than needed, so that a stream of actions at the bound does not look for the oldest at every tick.
    fn forget_oldest(&mut self, most: usize) -> u64 {
        let held = self.len();
        if held <= most {
            return 0;
        }
        let mut ages: Vec<(i64, bool, u64)> = Vec::with_capacity(held);
        ages.extend(self.accounts.iter().map(|(account, standing)| (standing.at, false, *account)));
        ages.extend(self.posts.iter().map(|(post, at)| (*at, true, u64::from(*post))));
        let gone = held - most / 8 * 7;
        ages.select_nth_unstable(gone - 1);
        for (_, is_post, target) in &ages[..gone] {
            if *is_post {
                self.posts.remove(&(*target as u32));
            } else {
                self.accounts.remove(target);
            }
        }
        gone as u64
    }

    /// Number of accounts and posts that are remembered.
    pub fn len(&self) -> usize {
        self.accounts.len() + self.posts.len()
    }

    /// Whether nothing is remembered, so that nothing is taken out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether actions come in: one took effect within the last day.
    pub fn come_in(&self, tick: i64) -> bool {
        self.latest.is_some_and(|latest| tick - latest < COMING)
    }

    /// Whether the account is actioned.
    pub fn is_actioned(&self, account: u64) -> bool {
        self.accounts.get(&account).is_some_and(|standing| !standing.restored)
    }

    /// Whether the mention's post is deleted. One of about 4 × 10⁹ others is taken for it.
    pub fn is_deleted(&self, mention: &Mention) -> bool {
        !self.posts.is_empty() && self.posts.contains_key(&id_of(mention.post))
    }

    /// Whether the mention is taken out.
    pub fn takes_out(&self, mention: &Mention) -> bool {
        self.is_actioned(mention.account) || self.is_deleted(mention)
    }

    /// Whether the account was actioned after `second`.
    pub fn actioned_after(&self, account: u64, second: u32) -> bool {
        let since = i64::from(second) * 1000;
        self.accounts.get(&account).is_some_and(|standing| !standing.restored && standing.at >= since)
    }

    /// What took effect in the ticks after `after`, up to `tick`.
    pub fn changed(&self, after: i64, tick: i64) -> Changed {
        if self.latest.is_none_or(|latest| latest <= after) {
            return Changed::default();
        }
        let within = |at: i64| (after + 1..=tick).contains(&EventTime(at).tick().0);
        Changed {
            accounts: self.accounts.iter().filter(|(_, last)| within(last.at)).map(|(account, _)| *account).collect(),
            posts: self.posts.iter().filter(|(_, at)| within(**at)).map(|(post, _)| *post).collect(),
        }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.accounts.allocation_size() + self.posts.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const T: i64 = 149_401_440;

    fn taken(seconds: i64, act: Act, target: u64) -> Taken {
        Taken { at: EventTime(T * 10_000 + seconds * 1000), act, target }
    }

    /// Lets actions take effect tick by tick; what is left, and how many were forgotten.
    fn after(mut all: Vec<Taken>, most: usize) -> (Actions, u64) {
        all.sort_by_key(|action| action.at.tick());
        let mut actions = Actions::default();
        let of_ticks = all.chunk_by(|a, b| a.at.tick() == b.at.tick());
        let forgotten = of_ticks.map(|same| actions.take(same[0].at.tick().0, same, most)).sum();
        (actions, forgotten)
    }

    #[test]
    fn the_last_action_on_an_account_stands_and_a_tie_restores_it() {
        let of = |seconds: [i64; 2]| {
            after(vec![taken(seconds[0], Act::AccountActioned, 7), taken(seconds[1], Act::AccountRestored, 7)], 9).0
        };
        assert!(of([5, 4]).is_actioned(7));
        assert!(!of([4, 5]).is_actioned(7));
        assert!(!of([5, 5]).is_actioned(7));
        assert!(!of([5, 4]).is_actioned(8));
    }

    #[test]
    fn only_what_was_written_before_its_account_was_actioned_vanished_with_it() {
        let (actions, _) = after(vec![taken(0, Act::AccountActioned, 7)], 9);
        let second = (T * 10) as u32;
        assert!(actions.actioned_after(7, second) && actions.actioned_after(7, second - 9));
        assert!(!actions.actioned_after(7, second + 1));
    }

    #[test]
    fn deletions_and_restorings_are_forgotten_when_no_window_reaches_them() {
        let first = vec![
            taken(0, Act::PostDeleted, 1),
            taken(0, Act::AccountRestored, 2),
            taken(0, Act::AccountActioned, 3),
            taken(26 * 3600, Act::AccountActioned, 4),
        ];
        let (actions, forgotten) = after(first, 9);
        assert_eq!((actions.len(), forgotten), (2, 0));
        assert!(actions.is_actioned(3) && actions.is_actioned(4));
        let tick = T + 26 * HOUR;
        assert!(actions.come_in(tick + DAY) && !actions.come_in(tick + DAY + 1));
        assert!(actions.changed(tick, tick + 1).has_account(4) && !actions.changed(tick, tick + 1).has_account(3));
    }

    #[test]
    fn a_flood_forgets_the_oldest_first() {
        let flood = (0..1000).map(|n| taken(n, Act::AccountActioned, n as u64)).collect();
        let (actions, forgotten) = after(flood, 80);
        assert!((70..=80).contains(&actions.len()), "{}", actions.len());
        assert_eq!(actions.len() as u64 + forgotten, 1000);
        assert!(actions.is_actioned(999) && !actions.is_actioned(900));
    }

    fn any_taken() -> impl Strategy<Value = Taken> {
        (0..60i64, 0..3usize, 0..9u64).prop_map(|(seconds, act, target)| taken(seconds, Act::ALL[act], target))
    }

    proptest! {
        /// Against any order and repetition, and through a checkpoint after any tick.
        #[test]
        fn the_set_depends_on_which_actions_came_alone(
            all in prop::collection::vec(any_taken(), 0..40),
            again in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
            most in 4..30usize,
        ) {
            let mut other: Vec<Taken> = all.iter().rev().copied().collect();
            if !all.is_empty() {
                other.extend(again.iter().map(|index| all[index.index(all.len())]));
            }
            let (one, two) = (after(all, most), after(other, most));
            prop_assert_eq!(&one, &two);
            let bytes = postcard::to_stdvec(&one.0).unwrap();
            prop_assert_eq!(&bytes, &postcard::to_stdvec(&two.0).unwrap());
            prop_assert_eq!(postcard::from_bytes::<Actions>(&bytes).unwrap(), one.0);
        }
    }
}
