//! Crowd memory: which accounts carried earlier alerts. Bounded, aged, and slow to be taught something wrong: only who
//! wrote much, and talked to nobody, under a hashtag that fired without this memory's help is remembered; whoever turns up
//! under organic bursts or talks under hashtags that fired as often, or talks under the hashtag in question, is not
//! counted. An attacker can lure a crowd into his pushes, but not make it silent there and here.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::assess::crowd::{CORE_POSTS, View};
use crate::assess::interval::{Estimate, share};
use crate::assess::report::Member;
use crate::model::Tick;
use crate::track::ladder::DAY;

/// Crowds of either kind that are remembered; the one unseen for longest makes room.
const CROWDS_MAX: usize = 256;
/// Accounts of a crowd, those of the smallest hashes: a sample that does not depend on when they came.
const ACCOUNTS_MAX: usize = 256;
/// Days after which a crowd is forgotten.
const DAYS_KEPT: i64 = 28;
/// All that a crowd can be remembered as.
const NATURES: [Nature; 3] = [Nature::Coordinated, Nature::Talking, Nature::Organic];
/// Accounts from which a share of them says anything.
const ACCOUNTS_MIN: usize = 6;

/// What a crowd was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Nature {
    /// It carried an alert that fired.
    Coordinated,
    /// It stood under a hashtag that fired, and talked to somebody there.
    Talking,
    /// It was under a burst that ended as organic.
    Organic,
}

impl Nature {
    /// For or against whoever is in such a crowd. To have carried an alert weighs as much as to have talked under one, and as
    /// two organic bursts: who pushes by day also comments on the news.
    fn speaks(self) -> i32 {
        match self {
            Self::Coordinated => 2,
            Self::Talking => -2,
            Self::Organic => -1,
        }
    }
}

/// Accounts that carried one hashtag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Crowd {
    seen: i64,
    accounts: BTreeSet<u64>,
}

/// The memory: at most 3 × 256 crowds of 256 accounts, 1.5 MiB as it is written to a checkpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Crowds {
    /// By what it was and the hashtag's identity.
    crowds: BTreeMap<(Nature, u64), Crowd>,
    /// Coordinated less other crowds by account; made anew after a restore.
    #[serde(skip)]
    balance: Option<HashMap<u64, i32>>,
}

impl Crowds {
    /// Takes the accounts that wrote much under a hashtag. A hashtag that once fired is never remembered as organic:
    /// who mocks a push stands beside those who pushed.
    pub fn remember(&mut self, nature: Nature, tag: u64, tick: Tick, accounts: &[u64]) {
        if nature == Nature::Organic && self.crowds.contains_key(&(Nature::Coordinated, tag)) {
            return;
        }
        let crowd = self.crowds.entry((nature, tag)).or_default();
        crowd.seen = tick.0;
        let before = crowd.accounts.len();
        let last = if before < ACCOUNTS_MAX { None } else { crowd.accounts.last().copied() };
        let new: Vec<u64> = accounts
            .iter()
            .copied()
            .filter(|account| last.is_none_or(|last| *account < last) && !crowd.accounts.contains(account))
            .collect();
        if new.is_empty() {
            return;
        }
        crowd.accounts.extend(new);
        while crowd.accounts.len() > ACCOUNTS_MAX {
            crowd.accounts.pop_last();
        }
        self.balance = None;
        let of_nature = |key: &(Nature, u64)| key.0 == nature;
        if self.crowds.keys().filter(|key| of_nature(key)).count() > CROWDS_MAX {
            let oldest =
                self.crowds.iter().filter(|(key, _)| of_nature(key)).min_by_key(|(key, crowd)| (crowd.seen, key.1));
            let oldest = oldest.map(|(key, _)| *key);
            oldest.and_then(|key| self.crowds.remove(&key));
        }
    }

    /// Forgets what is too old.
    pub fn forget(&mut self, tick: Tick) {
        let before = self.crowds.len();
        self.crowds.retain(|_, crowd| crowd.seen > tick.0 - DAYS_KEPT * DAY);
        if self.crowds.len() != before {
            self.balance = None;
        }
    }

    /// The share of a hashtag's accounts that carried other alerts; none where nothing is remembered or there are few.
    pub fn overlap(&mut self, tag: u64, members: &[Member], view: View) -> Option<Estimate> {
        let counted: Vec<&Member> =
            members.iter().filter(|member| view == View::All || member.posts >= CORE_POSTS).collect();
        if !self.knows_others(tag) || counted.len() < ACCOUNTS_MIN {
            return None;
        }
        let known = self.known(tag);
        let remembered = counted.iter().filter(|member| !member.talks && known(member.account));
        Some(share(remembered.count() as u64, counted.len() as u64))
    }

    /// A crowd parted into who carried other alerts and everybody else, whatever they do here; none where nothing is
    /// remembered.
    pub fn parted(&mut self, tag: u64, members: &[Member]) -> Option<(Vec<Member>, Vec<Member>)> {
        if !self.knows_others(tag) {
            return None;
        }
        let known = self.known(tag);
        Some(members.iter().partition(|member| known(member.account)))
    }

    /// Whether an alert on another hashtag is remembered.
    fn knows_others(&self, tag: u64) -> bool {
        self.crowds.keys().any(|key| key.0 == Nature::Coordinated && key.1 != tag)
    }

    /// Tells who carried alerts on other hashtags than this one: what is known from the hashtag itself says nothing about it.
    fn known(&mut self, tag: u64) -> impl Fn(u64) -> bool {
        let Crowds { crowds, balance: kept } = self;
        let balance = kept.get_or_insert_with(|| balance(crowds));
        let own = NATURES.map(|nature| (nature, crowds.get(&(nature, tag)).map(|crowd| &crowd.accounts)));
        move |account| {
            let of = own.iter().filter(|(_, crowd)| crowd.is_some_and(|all| all.contains(&account)));
            let own: i32 = of.map(|(nature, _)| nature.speaks()).sum();
            balance.get(&account).copied().unwrap_or(0) - own > 0
        }
    }
}

/// The accounts of a crowd that are remembered: who wrote much, of one that fired who wrote much and talked to nobody, or
/// who talked.
pub fn accounts(nature: Nature, members: &[Member]) -> Vec<u64> {
    let much = |member: &&Member| member.posts >= CORE_POSTS;
    let counts = |member: &&Member| match nature {
        Nature::Coordinated => much(member) && !member.talks,
        Nature::Talking => member.talks,
        Nature::Organic => much(member),
    };
    let mut accounts: Vec<u64> = members.iter().filter(counts).map(|member| member.account).collect();
    accounts.sort_unstable();
    accounts.truncate(ACCOUNTS_MAX);
    accounts
}

fn balance(crowds: &BTreeMap<(Nature, u64), Crowd>) -> HashMap<u64, i32> {
    let mut balance = HashMap::new();
    for ((nature, _), crowd) in crowds {
        for account in &crowd.accounts {
            *balance.entry(*account).or_default() += nature.speaks();
        }
    }
    balance
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::hold;

    fn members(accounts: std::ops::Range<u64>, posts: u32) -> Vec<Member> {
        accounts.map(|account| Member { account, posts, talks: false }).collect()
    }

    fn carried(range: std::ops::Range<u64>, posts: u32) -> Vec<u64> {
        accounts(Nature::Coordinated, &members(range, posts))
    }

    fn overlap(crowds: &mut Crowds, tag: u64, accounts: std::ops::Range<u64>) -> Option<f64> {
        crowds.overlap(tag, &members(accounts, 1), View::All).map(|share| share.value)
    }

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        let mut crowds = Crowds::default();
        crowds.remember(Nature::Coordinated, 1, Tick(0), &carried(0..20, 3));
        let public = |count: u64| members(100..100 + count, 1);
        let crew = |count: u64, posts| members(0..count, posts);
        let cases = [
            ("people", View::All, public(20), Some(0.0)),
            ("a push among people", View::All, [crew(20, 3), public(60)].concat(), Some(0.25)),
            ("its core", View::Core, [crew(20, 3), public(60)].concat(), Some(1.0)),
            ("six accounts", View::All, [crew(3, 1), public(3)].concat(), Some(0.5)),
            ("a core of five", View::Core, [crew(5, 3), public(60)].concat(), None),
            ("a core of six", View::Core, [crew(6, 3), public(60)].concat(), Some(1.0)),
            ("nobody", View::All, vec![], None),
            ("a new crew", View::Core, members(200..220, 3), Some(0.0)),
        ];
        for (what, view, members, by_hand) in cases {
            hold(what, crowds.overlap(2, &members, view), by_hand);
        }
    }

    #[test]
    fn who_carried_another_hashtag_is_known() {
        let mut crowds = Crowds::default();
        assert_eq!(overlap(&mut crowds, 2, 0..10), None, "nothing is remembered yet");
        crowds.remember(Nature::Coordinated, 1, Tick(0), &carried(0..20, 3));
        crowds.remember(Nature::Coordinated, 1, Tick(0), &carried(20..40, 2));
        assert_eq!(overlap(&mut crowds, 1, 0..10), None, "a hashtag does not speak against itself");
        assert_eq!(overlap(&mut crowds, 2, 10..30), Some(0.5), "who wrote twice is not remembered");
        assert_eq!(overlap(&mut crowds, 2, 0..5), None, "too few");
        crowds.forget(Tick(DAYS_KEPT * DAY));
        assert_eq!(overlap(&mut crowds, 2, 0..20), None);
    }

    #[test]
    fn who_is_in_organic_bursts_as_often_is_not_counted() {
        let mut crowds = Crowds::default();
        crowds.remember(Nature::Coordinated, 1, Tick(0), &carried(0..20, 9));
        crowds.remember(Nature::Organic, 2, Tick(1), &carried(10..20, 9));
        assert_eq!(overlap(&mut crowds, 3, 0..20), Some(1.0), "who pushes also comments on the news");
        crowds.remember(Nature::Organic, 5, Tick(1), &carried(10..20, 9));
        assert_eq!(overlap(&mut crowds, 3, 0..20), Some(0.5), "one alert against two bursts");
        assert_eq!(overlap(&mut crowds, 2, 0..20), Some(1.0), "the burst's own crowd says nothing about it");
        crowds.remember(Nature::Coordinated, 4, Tick(2), &carried(0..20, 9));
        assert_eq!(overlap(&mut crowds, 3, 0..20), Some(1.0), "two alerts against two bursts");
        crowds.remember(Nature::Organic, 4, Tick(3), &carried(0..20, 9));
        assert_eq!(overlap(&mut crowds, 3, 0..20), Some(1.0), "what fired is not organic");
    }

    #[test]
    fn who_talks_is_neither_remembered_nor_counted() {
        let talking: Vec<Member> =
            members(0..20, 9).into_iter().map(|member| Member { talks: member.account >= 10, ..member }).collect();
        let mut crowds = Crowds::default();
        crowds.remember(Nature::Coordinated, 1, Tick(0), &accounts(Nature::Coordinated, &talking));
        assert_eq!(overlap(&mut crowds, 2, 0..20), Some(0.5), "who talked there");
        crowds.remember(Nature::Coordinated, 1, Tick(0), &carried(0..20, 9));
        let now = |crowds: &mut Crowds| crowds.overlap(2, &talking, View::All).map(|share| share.value);
        assert_eq!(now(&mut crowds), Some(0.5), "who talks here");
        crowds.remember(Nature::Talking, 4, Tick(1), &accounts(Nature::Talking, &talking));
        let all = |crowds: &mut Crowds| overlap(crowds, 2, 0..20);
        assert_eq!(all(&mut crowds), Some(0.5), "who talks as often as not");
        for tag in [3, 5] {
            crowds.remember(Nature::Organic, tag, Tick(1), &accounts(Nature::Organic, &talking));
        }
        assert_eq!(all(&mut crowds), Some(0.0), "of organic crowds everybody is known");
    }

    #[test]
    fn it_is_bounded_and_does_not_depend_on_the_order() {
        let (mut one, mut other) = (Crowds::default(), Crowds::default());
        one.remember(Nature::Coordinated, 1, Tick(0), &carried(0..300, 3));
        one.remember(Nature::Coordinated, 1, Tick(0), &carried(300..600, 3));
        other.remember(Nature::Coordinated, 1, Tick(0), &carried(300..600, 3));
        other.remember(Nature::Coordinated, 1, Tick(0), &carried(0..300, 3));
        assert_eq!(one.crowds, other.crowds);
        for tag in 0..2 * CROWDS_MAX as u64 {
            one.remember(Nature::Coordinated, tag, Tick(tag as i64), &carried(0..300, 3));
        }
        assert_eq!(one.crowds.len(), CROWDS_MAX);
        assert!(one.crowds.values().all(|crowd| crowd.accounts.len() <= ACCOUNTS_MAX));
        let bytes = postcard::to_stdvec(&one).unwrap();
        assert!(bytes.len() < 1 << 20, "{} bytes", bytes.len());
    }
}
