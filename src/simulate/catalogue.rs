//! Every scenario with what should be said of it: the one table that the command line, the tests and the documented error
//! rates read.

use super::{lured, organic, pushes, regulars, sizes};

/// What should be said of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing in it is ever called coordinated.
    Organic,
    /// An alert of one of these kinds fires on one of the scenario's hashtags, and on no other one.
    Found(&'static [&'static str]),
    /// It is coordinated, and nothing in counts, times and texts shows it.
    NotVisible,
}

impl Verdict {
    /// The verdict in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Organic => "organic",
            Verdict::Found(_) => "coordinated",
            Verdict::NotVisible => "not visible",
        }
    }
}

/// A scenario as it is listed.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// What should be said of it.
    pub verdict: Verdict,
    /// The hashtags of its event, in every spelling; none for a population alone.
    pub hashtags: &'static [&'static [&'static str]],
    /// Hashtags of which anything may be said: what they are is no matter of the scenario's.
    pub aside: &'static [&'static [&'static str]],
    /// Minutes after the onset from which the verdict holds: where one scenario follows on another, what is said of the
    /// first is not its matter.
    pub judged_from: f64,
}

/// The kinds of alert that say that a few act as many.
pub const CALLS_COORDINATED: &[&str] = &["coordinated_burst", "campaign", "low_and_slow", "ephemeral_amplification"];

const BURST: Verdict = Verdict::Found(&["coordinated_burst"]);
/// Where the core hides in a crowd, or says one thing in one way, an alert of one family is right too.
const AT_LEAST_SUSPECTED: Verdict = Verdict::Found(&["coordinated_burst", "suspected_coordination"]);

const fn scenario(
    name: &'static str,
    about: &'static str,
    verdict: Verdict,
    hashtags: &'static [&'static [&'static str]],
) -> Scenario {
    Scenario { name, about, verdict, hashtags, aside: &[], judged_from: 0.0 }
}

/// All scenarios.
#[rustfmt::skip]
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        aside: pushes::LEAKS_COMPANIONS,
        ..scenario("story", "the demo: 39 hours, three organic bursts, one push and the mockery of it", BURST, &[pushes::LEAKS])
    },
    scenario("background", "a steady population with a daily rhythm", Verdict::Organic, &[]),
    scenario("goal", "a goal in a final", Verdict::Organic, &[organic::GOAL]),
    scenario("election", "an election night", Verdict::Organic, &[organic::ELECTION]),
    scenario("fandom", "a fandom votes: many posts an account, repeated wording", Verdict::Organic, &[organic::FANDOM]),
    scenario("breaking", "breaking news around one viral repost", Verdict::Organic, &[organic::BREAKING]),
    scenario("conference", "a conference of two days", Verdict::Organic, &[organic::CONFERENCE]),
    scenario("copypasta", "ordinary people paste one protest text", Verdict::Organic, &[organic::COPYPASTA]),
    scenario("boycott", "an announced boycott at a fixed hour", Verdict::Organic, &[organic::BOYCOTT]),
    scenario("feed", "automated gauges that say what they are", Verdict::Organic, &[organic::FEED]),
    scenario("viral", "one post that ten thousand people repeat in ten minutes", Verdict::Organic, &[organic::VIRAL]),
    scenario("crowd-300", "people on a new hashtag, 300 posts", Verdict::Organic, &[sizes::CROWD]),
    scenario("crowd-3000", "the same crowd, 3 000 posts", Verdict::Organic, &[sizes::CROWD]),
    scenario("crowd-50000", "the same crowd, 50 000 posts", Verdict::Organic, &[sizes::CROWD]),
    scenario("crowd-500000", "the same crowd, 500 000 posts", Verdict::Organic, &[sizes::CROWD]),
    scenario("club", "a fan club of 160 listens to a record: few people, many posts each", Verdict::Organic, &[organic::CLUB]),
    Scenario {
        aside: lured::BAITS,
        ..scenario("lured", "the same club, its members lured into three pushes on the day before", Verdict::Organic, &[organic::CLUB])
    },
    Scenario {
        aside: pushes::LEAKS_COMPANIONS,
        judged_from: pushes::MOCKERY_AFTER + 30.0,
        ..scenario("mockery", "leaks, and the next day's louder mockery by ordinary people", Verdict::Organic, &[pushes::LEAKS])
    },
    Scenario {
        aside: pushes::LEAKS_COMPANIONS,
        ..scenario("leaks", "a push in the shape of #MacronLeaks: 47 000 posts in 3.5 hours", BURST, &[pushes::LEAKS])
    },
    scenario("swarm", "500 accounts with 20 posts each, hidden in 40 000 posts", BURST, &[pushes::SWARM]),
    scenario("push", "25 accounts with quotas, for three hours", BURST, &[pushes::PUSH]),
    Scenario {
        aside: pushes::GIVEAWAY_COMPANIONS,
        ..scenario("giveaway", "young accounts repeat a prize draw", AT_LEAST_SUSPECTED, &[pushes::GIVEAWAY])
    },
    scenario("ephemeral", "a thousand accounts with one post each within 40 seconds",
        Verdict::Found(&["coordinated_burst", "ephemeral_amplification"]), &[pushes::EPHEMERAL]),
    scenario("slow", "40 accounts push slowly for a day",
        Verdict::Found(&["low_and_slow", "coordinated_burst"]), &[pushes::SLOW]),
    scenario("joined-1", "a push that the public joins with as many posts", BURST, &[pushes::JOINED]),
    scenario("joined-3", "a push that the public joins with three times as many posts", BURST, &[pushes::JOINED]),
    scenario("joined-10", "a push that the public joins with ten times as many posts", AT_LEAST_SUSPECTED, &[pushes::JOINED]),
    scenario("campaign", "45 accounts push three hashtags in one evening", BURST, pushes::CAMPAIGN_ALL),
    scenario("lookalike", "a push, and another crew's under a hashtag that looks the same", BURST, &[regulars::LOOKALIKE, regulars::LOOKALIKE_TOO]),
    scenario("two-pushes", "two pushes of one evening that have nothing to do with each other", BURST, &[regulars::TWO, regulars::TWO_TOO]),
    scenario("final", "two hashtags of one final, carried by the same fans", Verdict::Organic, &[regulars::FINAL, regulars::FINAL_TOO]),
    scenario("stamp", "collectors show a stamp a day, in the customary words", Verdict::Organic, &[regulars::STAMP]),
    scenario("custom", "a custom of recommending people, hardly a post without a name", Verdict::Organic, &[regulars::CUSTOM]),
    scenario("fanclub", "thirty fans all over the world who talk to each other", Verdict::Organic, &[regulars::CLUB]),
    scenario("traffic", "two accounts announce a road's traffic by the clock, and drivers add to it", Verdict::Organic, &[regulars::TRAFFIC]),
    scenario("desk", "an agency's correspondents, in shifts, write day and night to nobody", Verdict::Organic, &[regulars::DESK]),
    scenario("riding", "300 accounts ride the burst of a storm", AT_LEAST_SUSPECTED, &[pushes::RIDING]),
    scenario("single-jittered", "one jittered post an account, unique texts", Verdict::NotVisible, &[pushes::SINGLE]),
    scenario("bench", "the population of the benches: a million hashtags at 1 000 posts a second", Verdict::Organic, &[]),
];

/// The scenario of this name.
pub fn listed(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
