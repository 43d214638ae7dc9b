//! The crew inside a crowd: accounts that carried earlier alerts, read beside everybody else under the same hashtag. That they
//! are there says little, for people come back too; that they act together and unlike the rest says what they are.
//!
//! Only their silence is compared. Who was lured into a push is remembered for being busy, and is busier than others wherever
//! he goes.

use super::crowds::Crowds;
use crate::assess::crowd::{Crowd, View};
use crate::assess::interval::{Estimate, difference, share};
use crate::assess::report::{CROWD_HOURS, Member, Reading};
use crate::assess::signals::{ALL, Facts, crew_contrast};
use crate::config::Detect;
use crate::track::pane::AccountRow;

/// Accounts on either side from which they are compared.
const ACCOUNTS_MIN: usize = 8;
/// Part of the posts that a crew has to write: one in so many.
const POSTS_PART: u64 = 20;
/// What is read over the crew alone: how often its accounts post. What they say is known of all together only.
const READ: [&str; 4] = ["repeat_share", "posts_per_account", "evenness", "core_share"];

/// A crew that acts unlike the crowd around it.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Its signals.
    pub reading: Reading,
    /// The numbers behind the contrast, for the line's evidence.
    pub basis: Vec<(&'static str, f64)>,
}

/// Two parts of a crowd.
struct Parts {
    crew: Vec<Member>,
    others: Vec<Member>,
    contrast: Estimate,
}

/// The crew of a crowd, where there is one.
pub fn crew(crowds: &mut Crowds, tag: u64, members: &[Member], detect: &Detect) -> Option<Crew> {
    let from = detect.signals.get(crew_contrast::DEFINITION.name)?.from;
    let (crew, others) = crowds.parted(tag, members)?;
    // Below where its points begin, it is a crowd with old acquaintances in it.
    let parts = compared(crew, others).filter(|parts| parts.contrast.low >= from)?;
    Some(Crew { reading: reading(&parts), basis: basis(&parts) })
}

/// How two parts of a crowd differ; none where either is too small, or the crew writes next to nothing.
fn compared(crew: Vec<Member>, others: Vec<Member>) -> Option<Parts> {
    let (of_crew, of_others) = (posts(&crew), posts(&others));
    let few = crew.len() < ACCOUNTS_MIN || others.len() < ACCOUNTS_MIN;
    if few || of_crew * POSTS_PART < of_crew + of_others {
        return None;
    }
    let silence = |crew: &[Member], others: &[Member]| {
        difference(&part(others, |member| member.talks), &part(crew, |member| member.talks))
    };
    // The busy are compared with the busy too: who posts once has little occasion to talk.
    let [busy, busy_others] = [&crew, &others]
        .map(|members| -> Vec<Member> { members.iter().filter(|member| member.posts >= 2).copied().collect() });
    let enough = busy.len() >= ACCOUNTS_MIN && busy_others.len() >= ACCOUNTS_MIN;
    let (of_all, of_busy) = (silence(&crew, &others), enough.then(|| silence(&busy, &busy_others)));
    let contrast = of_busy.filter(|of_busy| of_busy.low > of_all.low).unwrap_or(of_all);
    Some(Parts { crew, others, contrast })
}

fn posts(members: &[Member]) -> u64 {
    members.iter().map(|member| u64::from(member.posts)).sum()
}

/// The share of some accounts of which something holds.
fn part(members: &[Member], holds: fn(&Member) -> bool) -> Estimate {
    share(members.iter().filter(|member| holds(member)).count() as u64, members.len() as u64)
}

fn reading(parts: &Parts) -> Reading {
    let row = |member: &Member| AccountRow {
        account: member.account,
        posts: member.posts,
        reposts: 0,
        alone: 0,
        talking: 0,
        first_second: 0,
    };
    let accounts: Vec<AccountRow> = parts.crew.iter().map(row).collect();
    let crowd = Crowd { accounts, posts: posts(&parts.crew), ..Crowd::default() };
    let estimates = ALL.iter().map(|signal| match signal.name {
        name if READ.contains(&name) => (signal.read)(&crowd, &Facts::default()),
        name if name == crew_contrast::DEFINITION.name => Some(parts.contrast),
        _ => None,
    });
    Reading { hours: CROWD_HOURS, view: View::Crew, accounts: parts.crew.len(), estimates: estimates.collect() }
}

fn basis(parts: &Parts) -> Vec<(&'static str, f64)> {
    let Parts { crew, others, .. } = parts;
    let share = posts(crew) as f64 / (posts(crew) + posts(others)) as f64;
    vec![
        ("crew_accounts", crew.len() as f64),
        ("crew_posts_share", share),
        ("crew_repeat_share", part(crew, |member| member.posts >= 2).value),
        ("others_repeat_share", part(others, |member| member.posts >= 2).value),
        ("crew_talk_share", part(crew, |member| member.talks).value),
        ("others_talk_share", part(others, |member| member.talks).value),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::hold;
    use crate::config::defaults;
    use crate::decide::crowds::Nature;
    use crate::model::Tick;

    fn members(accounts: std::ops::Range<u64>, posts: u32, talks: bool) -> Vec<Member> {
        accounts.map(|account| Member { account, posts, talks }).collect()
    }

    /// A memory of accounts 0 to 20 that carried so many alerts.
    fn memory(alerts: u64) -> Crowds {
        let mut crowds = Crowds::default();
        for tag in 1..=alerts {
            crowds.remember(Nature::Coordinated, tag, Tick(tag as i64), &(0..20).collect::<Vec<u64>>());
        }
        crowds
    }

    fn read(crowds: &mut Crowds, crowd: &[Member]) -> Option<Estimate> {
        let at = ALL.iter().position(|signal| signal.name == "crew_contrast").unwrap();
        crew(crowds, 99, crowd, &defaults().detect).and_then(|crew| crew.reading.estimates[at])
    }

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        let silent = |count: u64, posts| members(0..count, posts, false);
        let talking = |count: u64, posts| members(1_000..1_000 + count, posts, true);
        let half = |from: u64, count: u64| {
            [members(from..from + count / 2, 1, false), members(from + count / 2..from + count, 1, true)].concat()
        };
        // Of the others, those who post once are silent too.
        let others = |busy: u64| [talking(busy, 2), members(2_000..2_040, 1, false)].concat();
        let cases = [
            ("people who met before", half(0, 10), half(1_000, 40), Some(0.0)),
            ("a crew among people who talk", silent(20, 4), talking(60, 1), Some(1.0)),
            ("a crew among people half of whom talk", silent(20, 4), half(1_000, 60), Some(0.5)),
            ("people who talk more than everybody", talking(8, 1), silent(8, 1), Some(-1.0)),
            ("seven", silent(7, 1), talking(8, 1), None),
            ("among seven", silent(8, 1), talking(7, 1), None),
            ("eight among eight", silent(8, 1), talking(8, 1), Some(1.0)),
            ("a twentieth of the posts", silent(8, 1), talking(152, 1), Some(1.0)),
            ("less", silent(8, 1), talking(153, 1), None),
            ("the busy are held against the busy", silent(10, 2), others(8), Some(1.0)),
            ("unless they are seven", silent(10, 2), others(7), Some(7.0 / 47.0)),
            ("a crew that nobody remembers", vec![], talking(60, 1), None),
            ("a crew among people who do not talk", silent(20, 9), members(1_000..1_060, 1, false), Some(0.0)),
        ];
        for (what, crew, others, by_hand) in cases {
            hold(what, compared(crew, others).map(|parts| parts.contrast), by_hand);
        }
    }

    #[test]
    fn a_silent_crew_stands_out_among_people_who_talk() {
        let crowd = [members(0..20, 4, false), members(100..160, 4, true)].concat();
        assert_eq!(read(&mut memory(1), &crowd).map(|contrast| contrast.value), Some(1.0));
        let basis = crew(&mut memory(1), 99, &crowd, &defaults().detect).unwrap().basis;
        assert_eq!(basis[..2], [("crew_accounts", 20.0), ("crew_posts_share", 0.25)]);
    }

    #[test]
    fn who_is_only_busier_is_no_crew() {
        let crowd = [members(0..20, 9, false), members(100..160, 1, false)].concat();
        assert_eq!(read(&mut memory(3), &crowd), None);
    }

    #[test]
    fn who_acts_like_everybody_is_no_crew() {
        let crowd = [members(0..20, 2, true), members(100..160, 2, true)].concat();
        assert_eq!(read(&mut memory(3), &crowd), None);
        let few = [members(0..7, 4, false), members(100..160, 1, true)].concat();
        assert_eq!(read(&mut memory(3), &few), None, "seven");
        let drowned = [members(0..10, 3, false), members(100..900, 1, true)].concat();
        assert_eq!(read(&mut memory(3), &drowned), None, "a thirtieth of the posts");
    }
}
