//! Synthetic posts, and actions on some of them, for `tagwatch simulate` and `demo`, for benches and for tests: named scenarios in event-time order,
//! the same bytes for the same (scenario, seed, options) on every machine.
//!
//! A scenario is a steady population that carries it and a few crowds that arrive, each a small machine of three parts: when
//! posts come (`arrivals`), who writes (`accounts`), what they write (`crowd`). Streams are merged by time; nothing is held
//! but the next post of each, so the length of a stream costs no memory.

mod accounts;
mod actions;
mod arrivals;
mod background;
mod bench;
mod catalogue;
mod crowd;
mod lured;
mod names;
mod organic;
mod pace;
mod post;
mod pushes;
mod random;
mod regulars;
mod scene;
mod sizes;
mod story;
mod variety;
mod words;

use std::io::{self, Write};

use crate::model::EventTime;

pub use actions::{Record, SimAction};
pub use catalogue::{CALLS_COORDINATED, SCENARIOS, Scenario, Verdict, listed};
pub use pace::Pace;
pub use post::{SimPost, Tags, WriteJson, account_name};
pub use story::chapters;

use actions::Followed;
use scene::Scene;
use variety::Variety;

/// What a scenario can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Another seed gives other posts of the same shape.
    pub seed: u64,
    /// At most so many posts. `background` and `bench` go on for as many; the others end with their last event.
    pub posts: Option<u64>,
    /// Posts a second of event time of the carrying population (daily mean), or of `bench`; each scenario has its own default.
    pub rate: Option<f64>,
    /// Event time of the start. Days follow UTC.
    pub start: EventTime,
    /// Whether a seed also draws how large the crowds are and what their habits are, or gives each as described.
    pub varied: bool,
}

impl Options {
    /// Thursday, 6 May 2021, 20:00 UTC, where no other start is asked for.
    pub const START: EventTime = EventTime(1_620_331_200_000);

    /// A seed, and the scenario's own defaults for the rest.
    pub fn new(seed: u64) -> Options {
        Options { seed, posts: None, rate: None, start: Options::START, varied: false }
    }
}

/// How long the carrier runs before an event, in hours: long enough that no post in 24 hours means a new hashtag.
const LEAD_HOURS: f64 = 24.5;

/// How a scenario is made.
struct Recipe {
    /// The hashtag it is about, as most spell it.
    hashtag: Option<&'static str>,
    /// Posts a second of the carrier, unless asked otherwise.
    rate: f64,
    /// When the event begins and when everything ends, in hours after the start.
    onset_hours: f64,
    hours: f64,
    build: fn(&mut Scene, f64),
}

fn recipe(name: &str) -> Option<Recipe> {
    let event = |spellings: &[&'static str], after_hours: f64, build: fn(&mut Scene, f64)| Recipe {
        hashtag: spellings.first().copied(),
        rate: 0.5,
        onset_hours: LEAD_HOURS,
        hours: LEAD_HOURS + after_hours,
        build,
    };
    let recipe = match name {
        "story" => Recipe {
            rate: 0.9,
            onset_hours: story::LEAKS_AT / 60.0,
            hours: story::HOURS,
            ..event(pushes::LEAKS, 0.0, story::build)
        },
        "background" => Recipe { rate: 2.0, hours: 48.0, ..event(&[], 0.0, |_, _| {}) },
        "goal" => event(organic::GOAL, 3.0, organic::goal),
        "election" => event(organic::ELECTION, 6.0, organic::election),
        "fandom" => event(organic::FANDOM, 5.0, organic::fandom),
        "breaking" => event(organic::BREAKING, 8.0, organic::breaking),
        "conference" => {
            Recipe { onset_hours: 37.0, hours: 75.0, ..event(organic::CONFERENCE, 0.0, organic::conference) }
        }
        "copypasta" => event(organic::COPYPASTA, 6.0, organic::copypasta),
        "boycott" => event(organic::BOYCOTT, 6.0, organic::boycott),
        "feed" => event(organic::FEED, 8.0, organic::feed),
        "giveaway" => event(pushes::GIVEAWAY, 4.0, pushes::giveaway),
        "viral" => event(organic::VIRAL, 4.0, organic::viral),
        "club" => event(organic::CLUB, 4.0, organic::club),
        "lured" => event(organic::CLUB, 4.0, lured::lured),
        "crowd-300" => event(sizes::CROWD, 6.0, sizes::crowd_300),
        "crowd-3000" => event(sizes::CROWD, 6.0, sizes::crowd_3000),
        "crowd-50000" => event(sizes::CROWD, 6.0, sizes::crowd_50000),
        "crowd-500000" => event(sizes::CROWD, 6.0, sizes::crowd_500000),
        "leaks" => event(pushes::LEAKS, 16.0, pushes::leaks),
        "mockery" => event(pushes::LEAKS, 23.0, pushes::leaks_then_mockery),
        "swarm" => event(pushes::SWARM, 6.0, pushes::swarm),
        "push" => event(pushes::PUSH, 5.0, pushes::push),
        "ephemeral" => event(pushes::EPHEMERAL, 4.0, pushes::ephemeral),
        "slow" => event(pushes::SLOW, 26.0, pushes::slow),
        "joined-1" => event(pushes::JOINED, 6.0, pushes::joined_1),
        "joined-3" => event(pushes::JOINED, 6.0, pushes::joined_3),
        "joined-10" => event(pushes::JOINED, 6.0, pushes::joined_10),
        "campaign" => event(pushes::CAMPAIGN, 6.0, pushes::campaign),
        "lookalike" => event(regulars::LOOKALIKE, 5.0, regulars::lookalike),
        "two-pushes" => event(regulars::TWO, 5.0, regulars::two_pushes),
        "final" => event(regulars::FINAL, 5.0, regulars::final_evening),
        "stamp" => event(regulars::STAMP, 64.0, regulars::stamp),
        "custom" => event(regulars::CUSTOM, 40.0, regulars::custom),
        "fanclub" => event(regulars::CLUB, 40.0, regulars::club),
        "traffic" => event(regulars::TRAFFIC, 40.0, regulars::traffic),
        "desk" => event(regulars::DESK, 47.5, regulars::desk),
        "riding" => event(pushes::RIDING, 9.0, pushes::riding),
        "single-jittered" => event(pushes::SINGLE, 4.0, pushes::single_jittered),
        _ => return None,
    };
    Some(recipe)
}

/// No scenario of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scenario \"{name}\", {}", suggestion(nearest))]
pub struct UnknownScenario {
    /// What was asked for.
    pub name: String,
    /// Scenarios of similar name, best first; may be empty.
    pub nearest: Vec<&'static str>,
}

fn suggestion(nearest: &[&str]) -> String {
    let names = |names: &[&str]| names.join(", ");
    if nearest.is_empty() {
        let all: Vec<&str> = SCENARIOS.iter().map(|known| known.name).collect();
        format!("choose one of {}", names(&all))
    } else {
        format!("did you mean {}?", names(nearest))
    }
}

impl UnknownScenario {
    /// The refusal of `name`.
    pub fn new(name: &str) -> UnknownScenario {
        let mut close: Vec<(f64, &'static str)> = SCENARIOS
            .iter()
            .map(|known| (strsim::jaro_winkler(name, known.name), known.name))
            .filter(|&(similarity, _)| similarity > 0.75)
            .collect();
        close.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        UnknownScenario { name: name.to_owned(), nearest: close.into_iter().take(3).map(|(_, known)| known).collect() }
    }
}

/// The posts of a scenario, in event-time order, made as they are asked for.
///
/// # Errors
/// [`UnknownScenario`] where no scenario has this name.
pub fn scenario(name: &str, options: &Options) -> Result<Box<dyn Iterator<Item = SimPost> + Send>, UnknownScenario> {
    if name == "bench" {
        let posts = options.posts.unwrap_or(2_000_000);
        let bench = bench::Bench::new(options.seed, options.start.0, options.rate.unwrap_or(1_000.0));
        return Ok(Box::new(bench.take(posts as usize)));
    }
    let recipe = recipe(name).ok_or_else(|| UnknownScenario::new(name))?;
    let organic = listed(name).is_some_and(|scenario| scenario.verdict == Verdict::Organic);
    let octaves = if organic { Variety::OF_PEOPLE } else { Variety::OF_PUSHES };
    let variety = if options.varied { Variety::of(options.seed, octaves) } else { Variety::NONE };
    let mut scene = Scene::new(options.seed, options.start.0, variety);
    // A number of posts decides how long the background goes on; ten years are no bound in practice and keep times plausible.
    let hours = if name == "background" && options.posts.is_some() { 87_600.0 } else { recipe.hours };
    scene.carrier(options.rate.unwrap_or(recipe.rate), hours * 60.0);
    (recipe.build)(&mut scene, recipe.onset_hours * 60.0);
    let posts = options.posts.and_then(|posts| usize::try_from(posts).ok()).unwrap_or(usize::MAX);
    Ok(Box::new(scene.merge().take(posts)))
}

/// The posts of a scenario and the actions that follow from them, in the order of time.
///
/// # Errors
/// As [`scenario`].
pub fn records(name: &str, options: &Options) -> Result<Box<dyn Iterator<Item = Record> + Send>, UnknownScenario> {
    let posts = scenario(name, options)?;
    Ok(match name {
        "ephemeral" => Box::new(Followed::new(options.seed, posts, pushes::EPHEMERAL_AFTERMATH)),
        _ => Box::new(posts.map(Record::Post)),
    })
}

/// The hashtag a scenario is about, as most spell it; none for a population alone and for unknown names.
pub fn hashtag(name: &str) -> Option<&'static str> {
    recipe(name)?.hashtag
}

/// When a scenario's event begins; none for a population alone and for unknown names.
pub fn onset(name: &str, start: EventTime) -> Option<EventTime> {
    let recipe = recipe(name)?;
    recipe.hashtag?;
    Some(start.plus_ms((recipe.onset_hours * arrivals::HOUR as f64).round() as i64))
}

/// Writes posts, or posts and actions, as NDJSON and says how many. A reader that closes the pipe has what it wanted: that is a normal end.
///
/// # Errors
/// What the writer says.
pub fn write<T: WriteJson>(posts: impl Iterator<Item = T>, out: &mut dyn Write) -> io::Result<u64> {
    match send(posts, |_, line| {
        line.push(b'\n');
        out.write_all(line)
    }) {
        (count, Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(count),
        (_, Err(error)) => Err(error),
        (count, Ok(())) => match out.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(count),
        },
    }
}

/// Hands each post with its JSON (a buffer that the callee may change) to `deliver` until it fails; says how many it took.
pub fn send<T: WriteJson>(
    posts: impl Iterator<Item = T>,
    mut deliver: impl FnMut(&T, &mut Vec<u8>) -> io::Result<()>,
) -> (u64, io::Result<()>) {
    let (mut line, mut count) = (Vec::with_capacity(1024), 0);
    for post in posts {
        line.clear();
        post.write_json(&mut line);
        if let Err(error) = deliver(&post, &mut line) {
            return (count, Err(error));
        }
        count += 1;
    }
    (count, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_scenario_exists_and_says_where_it_happens() {
        for &Scenario { name, about, hashtags, .. } in SCENARIOS {
            let mut posts = scenario(name, &Options { posts: Some(3), ..Options::new(1) }).unwrap();
            assert!(posts.by_ref().count() == 3, "{name}");
            assert!(!about.is_empty() && listed(name).is_some());
            assert_eq!(hashtags.first().and_then(|spellings| spellings.first()).copied(), hashtag(name), "{name}");
            let alone = ["background", "bench"].contains(&name);
            assert_eq!(hashtag(name).is_none(), alone, "{name}");
            assert_eq!(onset(name, Options::START).is_none(), alone, "{name}");
        }
    }

    #[test]
    fn an_unknown_scenario_names_its_neighbours() {
        let error = scenario("lekas", &Options::new(1)).err().unwrap();
        assert_eq!(error.to_string(), "unknown scenario \"lekas\", did you mean leaks?");
        let error = scenario("zzz", &Options::new(1)).err().unwrap();
        assert!(error.to_string().contains("choose one of story, background"), "{error}");
    }

    #[test]
    fn a_closed_pipe_is_an_end_and_another_error_is_not() {
        struct Fails(usize, io::ErrorKind);
        impl Write for Fails {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(self.1)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let posts = || scenario("bench", &Options { posts: Some(10), ..Options::new(1) }).unwrap();
        assert_eq!(write(posts(), &mut Fails(4, io::ErrorKind::BrokenPipe)).unwrap(), 4);
        assert_eq!(
            write(posts(), &mut Fails(4, io::ErrorKind::StorageFull)).unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert_eq!(write(posts(), &mut Fails(99, io::ErrorKind::Other)).unwrap(), 10);
    }
}
