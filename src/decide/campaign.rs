//! Campaigns: hashtags that one crowd carries, or that look alike, joined into one alert that lists them.
//!
//! Every hashtag whose alert fired as coordinated or suspected is remembered for a day, with its crowd. Two of them are of
//! one campaign where the smaller crowd lies within the larger far beyond chance: at least [`COMMON_MIN`] accounts, and
//! `detect.kinds.campaign_share` of the smaller crowd at the lower end of the interval. Crowds are compared as wholes and by
//! their repeat cores, which the public does not thin. Lookalikes are of one campaign too. Who spread by itself is never a
//! member: fans who carry two organic hashtags are no campaign.
//!
//! One incident, one page: whoever is a member calls nobody any more; the campaign does, once, at the highest severity that an
//! open alert of a member has. It is over when the last of them is. A crew that comes back within a day makes a new campaign
//! that lists its earlier hashtags too.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::further::{Further, id};
use super::line::{AlertLine, Kind};
use crate::assess::crowd::CORE_POSTS;
use crate::assess::interval::{Estimate, share};
use crate::assess::report::Member;
use crate::model::Tick;
use crate::model::hashtag::look_alike;
use crate::track::ladder::DAY;

/// Hashtags that are remembered, and that a campaign may have; the one unseen for longest makes room. At most 512 accounts and
/// a line each, 13 KB: 3.4 MB in all.
const HASHTAGS_MAX: usize = 256;
/// Fewest accounts in common, and fewest in a crowd that is compared.
const COMMON_MIN: u64 = 8;

/// A hashtag that was carried by few.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Carried {
    seen: Tick,
    /// The earliest onset of its alerts, as lines write it, so that text sorts like time.
    onset: String,
    crowd: Crowd,
    /// The last campaign that it was of and that is over.
    former: Option<String>,
    #[serde(with = "super::kept")]
    line: AlertLine,
}

/// The accounts of a crowd, all of them and those that wrote much, sorted; complete up to `cut`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Crowd {
    all: Vec<u64>,
    core: Vec<u64>,
    cut: u64,
}

/// Why the last member joined.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Link {
    hashtags: (String, String),
    /// Accounts in common, and those of the smaller crowd; none where they look alike.
    common: Option<(u64, u64)>,
}

/// An open campaign.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Group {
    id: String,
    onset: String,
    members: BTreeSet<String>,
    link: Link,
}

/// What is remembered of hashtags that were carried by few, and the open campaigns by their earliest hashtag.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Campaigns {
    carried: BTreeMap<String, Carried>,
    groups: BTreeMap<String, Group>,
}

impl Campaigns {
    /// Takes a hashtag whose alert stands as `line` says, with its crowd as of this tick. Returns the campaigns that it
    /// joined into an earlier one, which are over.
    pub fn see(&mut self, tick: Tick, line: &AlertLine, members: &[Member], cut: u64, share_min: f64) -> Vec<String> {
        let crowd = Crowd::of(members, cut);
        let before = self.carried.remove(&line.hashtag);
        let former = before.as_ref().and_then(|before| before.former.clone());
        let earliest = before.iter().map(|before| &before.onset).chain([&line.onset]).min().cloned();
        let onset = earliest.unwrap_or_default();
        let now = Carried { seen: tick, onset, crowd, former, line: line.clone() };
        let mut links = Vec::new();
        for (other, known) in &self.carried {
            if self.leader(other).is_some() && self.leader(other) == self.leader(&line.hashtag) {
                continue;
            }
            let common = now.crowd.common(&known.crowd, share_min);
            // Names do not change, so they are compared once.
            if common.is_some() || (before.is_none() && look_alike(other, &line.hashtag)) {
                links.push(Link { hashtags: (other.clone(), line.hashtag.clone()), common });
            }
        }
        self.carried.insert(line.hashtag.clone(), now);
        let closed = links.into_iter().filter_map(|link| self.join(link)).collect();
        self.forget(tick);
        closed
    }

    /// Joins two hashtags, and the campaigns that they are of; returns the later campaign, which is over by that.
    fn join(&mut self, link: Link) -> Option<String> {
        let (a, b) = (self.leader(&link.hashtags.0), self.leader(&link.hashtags.1));
        match (a, b) {
            (Some(a), Some(b)) if a == b => None,
            (Some(a), Some(b)) => {
                let order = |leader: &String| (self.groups[leader].onset.clone(), leader.clone());
                let (into, from) = if order(&a) <= order(&b) { (a, b) } else { (b, a) };
                let gone = self.groups.remove(&from)?;
                let group = self.groups.get_mut(&into)?;
                group.members.extend(gone.members);
                group.link = link;
                Some(from)
            }
            (Some(leader), None) | (None, Some(leader)) => {
                let new = self.with_fellows(&link);
                let group = self.groups.get_mut(&leader)?;
                if group.members.len() < HASHTAGS_MAX {
                    group.members.extend(new);
                    group.link = link;
                }
                None
            }
            (None, None) => {
                let members = self.with_fellows(&link);
                // One of an earlier campaign's gave that one its name.
                let fresh = members.iter().filter_map(|member| self.carried.get_key_value(member));
                let (leader, first) = fresh
                    .min_by_key(|(hashtag, known)| (known.former.is_some(), known.onset.clone(), (*hashtag).clone()))?;
                let (leader, onset) = (leader.clone(), first.onset.clone());
                let id = id(&leader, Kind::Campaign, &onset);
                self.groups.insert(leader, Group { id, onset, members, link });
                None
            }
        }
    }

    /// The two hashtags of a link and those with which one of them was of a campaign before.
    fn with_fellows(&self, link: &Link) -> BTreeSet<String> {
        let both = [&link.hashtags.0, &link.hashtags.1];
        let former: Vec<&String> =
            both.iter().filter_map(|hashtag| self.carried.get(*hashtag)?.former.as_ref()).collect();
        let of_former = |known: &Carried| known.former.as_ref().is_some_and(|id| former.contains(&id));
        let fellows = self.carried.iter().filter(|(hashtag, known)| of_former(known) && self.leader(hashtag).is_none());
        fellows.map(|(hashtag, _)| hashtag).chain(both).cloned().collect()
    }

    fn leader(&self, hashtag: &str) -> Option<String> {
        self.groups.iter().find(|(_, group)| group.members.contains(hashtag)).map(|(leader, _)| leader.clone())
    }

    fn forget(&mut self, tick: Tick) {
        let of_group = |hashtag: &String| self.groups.values().any(|group| group.members.contains(hashtag));
        let old: Vec<String> = self
            .carried
            .iter()
            .filter(|(hashtag, known)| known.seen.0 <= tick.0 - DAY && !of_group(hashtag))
            .map(|(hashtag, _)| hashtag.clone())
            .collect();
        old.iter().for_each(|hashtag| {
            self.carried.remove(hashtag);
        });
        if self.carried.len() > HASHTAGS_MAX {
            let oldest = self.carried.iter().min_by_key(|(hashtag, known)| (known.seen, (*hashtag).clone()));
            let oldest = oldest.map(|(hashtag, _)| hashtag.clone());
            oldest.and_then(|hashtag| self.carried.remove(&hashtag));
        }
    }

    /// What is to be said of every open campaign. `is_open` tells whether a hashtag has an open alert that makes it a
    /// member; `quiet` is in ticks.
    pub fn speak(&self, is_open: impl Fn(&str) -> bool, quiet: i64) -> Vec<Further> {
        let all = self.groups.iter().filter_map(|(leader, group)| {
            let open = group.members.iter().filter(|member| is_open(member));
            let severity = open.filter_map(|member| self.carried.get(member)).map(|known| known.line.severity).max();
            let known = group.members.iter().filter_map(|member| self.carried.get(member));
            // Its line is the leader's; where that is forgotten, another's numbers under the leader's name.
            let line = self.carried.get(leader).or_else(|| known.into_iter().next())?.line.clone();
            let mut line = AlertLine { hashtag: leader.clone(), campaign: None, ..line };
            line.members = group.members.iter().cloned().collect();
            line.evidence.basis = basis(group);
            line.explanation = sentence(group);
            let goes_on = group.members.iter().any(|member| is_open(member));
            Some(Further {
                kind: Kind::Campaign,
                holds: goes_on,
                goes_on,
                severity: severity.unwrap_or_default(),
                onset: group.onset.clone(),
                quiet,
                ended: format!("{}: the last of its hashtags has calmed down", named(&line.members)),
                line,
            })
        });
        all.collect()
    }

    /// Closes a campaign whose alert is over.
    pub fn ended(&mut self, leader: &str) {
        let Some(group) = self.groups.remove(leader) else { return };
        for member in &group.members {
            if let Some(known) = self.carried.get_mut(member) {
                known.former = Some(group.id.clone());
            }
        }
    }

    /// Writes into the lines of members which campaign they are of.
    pub fn mark(&self, lines: &mut [AlertLine]) {
        for line in lines.iter_mut().filter(|line| carries(line.kind)) {
            let group = self.groups.values().find(|group| group.members.contains(&line.hashtag));
            line.campaign = group.map(|group| group.id.clone());
        }
    }
}

/// Whether an alert of this kind makes its hashtag a member.
pub fn carries(kind: Kind) -> bool {
    matches!(kind, Kind::SuspectedCoordination | Kind::CoordinatedBurst | Kind::LowAndSlow)
}

impl Crowd {
    fn of(members: &[Member], cut: u64) -> Crowd {
        let sorted = |posts_min: u32| {
            let mut accounts: Vec<u64> =
                members.iter().filter(|member| member.posts >= posts_min).map(|member| member.account).collect();
            accounts.sort_unstable();
            accounts
        };
        Crowd { all: sorted(1), core: sorted(CORE_POSTS), cut }
    }

    /// Accounts in common and those of the smaller crowd, where the two are one beyond chance. Samples are compared where
    /// both are complete.
    fn common(&self, other: &Crowd, share_min: f64) -> Option<(u64, u64)> {
        let cut = self.cut.min(other.cut);
        [(&self.core, &other.core), (&self.all, &other.all)].into_iter().find_map(|(a, b)| {
            let within = |accounts: &'_ Vec<u64>| accounts.partition_point(|account| *account <= cut);
            let (a, b) = (&a[..within(a)], &b[..within(b)]);
            let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
            let common = small.iter().filter(|account| large.binary_search(account).is_ok()).count() as u64;
            let of = small.len() as u64;
            (common >= COMMON_MIN && is_one(share(common, of), share_min)).then_some((common, of))
        })
    }
}

fn is_one(common: Estimate, share_min: f64) -> bool {
    common.low >= share_min
}

/// Hashtags named in a sentence; the rest is counted.
const NAMED_MAX: usize = 5;

fn named(members: &[String]) -> String {
    let named: Vec<String> = members.iter().take(NAMED_MAX).map(|member| format!("#{member}")).collect();
    let more = members.len().saturating_sub(NAMED_MAX);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

fn sentence(group: &Group) -> String {
    let members: Vec<String> = group.members.iter().cloned().collect();
    let (a, b) = &group.link.hashtags;
    let why = match group.link.common {
        Some((common, of)) => format!(
            "{common} of {of} sampled accounts of the smaller crowd of #{a} and #{b} are in both ({:.0} %)",
            common as f64 / of as f64 * 100.0
        ),
        None => format!("#{a} and #{b} look alike"),
    };
    format!("{}: {} hashtags are one campaign; {why}", named(&members), members.len())
}

/// The numbers of the sentence.
fn basis(group: &Group) -> Vec<(String, f64)> {
    let mut basis = vec![("campaign_hashtags".to_owned(), group.members.len() as f64)];
    if let Some((common, of)) = group.link.common {
        basis.push(("campaign_common_accounts".to_owned(), common as f64));
        basis.push(("campaign_compared_accounts".to_owned(), of as f64));
        basis.push(("campaign_share".to_owned(), libm::round(common as f64 / of as f64 * 10_000.0) / 10_000.0));
    }
    basis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::line::Severity;

    /// Lets hashtags be seen one after the other, a tick apart, each with the accounts of a range, and says the campaigns.
    fn check(seen: &[(&str, std::ops::Range<u64>)], expected: &[&[&str]]) -> Campaigns {
        let mut campaigns = Campaigns::default();
        for (tick, (hashtag, accounts)) in seen.iter().enumerate() {
            see(&mut campaigns, tick as i64, hashtag, accounts.clone());
            // Whatever happens, it goes on from its checkpoint.
            campaigns = postcard::from_bytes(&postcard::to_stdvec(&campaigns).unwrap()).unwrap();
        }
        let members = |further: Further| further.line.members;
        let said: Vec<Vec<String>> = campaigns.speak(|_| true, 60).into_iter().map(members).collect();
        assert_eq!(said, expected);
        campaigns
    }

    fn see(campaigns: &mut Campaigns, tick: i64, hashtag: &str, accounts: std::ops::Range<u64>) -> Vec<String> {
        let line = AlertLine {
            hashtag: hashtag.to_owned(),
            kind: Kind::CoordinatedBurst,
            severity: Severity::Page,
            onset: Tick(tick).end().to_string(),
            ..AlertLine::default()
        };
        let members: Vec<Member> = accounts.map(|account| Member { account, posts: 4, talks: false }).collect();
        campaigns.see(Tick(tick), &line, &members, u64::MAX, 0.3)
    }

    #[test]
    fn one_crowd_is_one_campaign_and_two_are_not() {
        check(&[("mill", 0..40), ("bridge", 10..50)], &[&["bridge", "mill"]]);
        check(&[("mill", 0..40), ("bridge", 100..140)], &[]);
        check(&[("mill", 0..40), ("bridge", 34..74)], &[]);
        check(&[("mill", 0..7), ("bridge", 0..7)], &[]);
    }

    #[test]
    fn lookalikes_are_joined_whoever_writes_them() {
        check(&[("harvestfraud", 0..40), ("harvestfr\u{430}ud", 100..140)], &[&["harvestfraud", "harvestfr\u{430}ud"]]);
    }

    #[test]
    fn two_campaigns_that_meet_become_the_earlier_one() {
        let mut campaigns =
            check(&[("a", 0..20), ("b", 0..20), ("c", 50..70), ("d", 50..70)], &[&["a", "b"], &["c", "d"]]);
        let id = campaigns.groups["a"].id.clone();
        let line = |hashtag: &str| AlertLine {
            hashtag: hashtag.to_owned(),
            kind: Kind::CoordinatedBurst,
            ..AlertLine::default()
        };
        assert_eq!(see(&mut campaigns, 9, "e", 10..60), ["c"]);
        let mut lines = [line("d"), line("x"), AlertLine { kind: Kind::OrganicBurst, ..line("d") }];
        campaigns.mark(&mut lines);
        assert_eq!(lines.map(|line| line.campaign), [Some(id), None, None]);
    }

    #[test]
    fn a_campaign_that_is_over_gives_its_name_to_none() {
        let mut campaigns = check(&[("a", 0..20), ("b", 0..20)], &[&["a", "b"]]);
        let first = campaigns.groups["a"].id.clone();
        campaigns.ended("a");
        see(&mut campaigns, 100, "c", 10..30);
        assert_eq!(campaigns.groups["c"].members.len(), 3, "the earlier ones are listed");
        assert_ne!(campaigns.groups["c"].id, first);
        campaigns.ended("c");
        see(&mut campaigns, 101 + DAY, "x", 900..920);
        assert_eq!(campaigns.carried.len(), 1, "a day later nothing is left");
    }

    #[test]
    fn it_is_bounded() {
        let mut campaigns = Campaigns::default();
        for tag in 0..300 {
            see(
                &mut campaigns,
                tag,
                &format!("{:02x}zz{:02x}", tag % 251, tag % 241),
                1000 * tag as u64..1000 * tag as u64 + 20,
            );
        }
        assert_eq!(campaigns.carried.len(), HASHTAGS_MAX);
    }
}
