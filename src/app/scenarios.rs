//! `tagwatch evaluate --scenarios`: the error rates of synthetic stories whose answer is known, each under many seeds.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow, bail};

use super::playing::play;
use super::{Common, Exit};
use crate::config::{Config, KeyUse, sketch_key};
use crate::decide::line::{AlertLine, Severity, State};
use crate::evaluate::{Fingerprint, Fingerprints, Trial};
use crate::model::hashtag::canonical;
use crate::model::{EventTime, Tick};
use crate::simulate::{self, CALLS_COORDINATED, SCENARIOS, Scenario, Verdict};

const MINUTE_MS: f64 = 60_000.0;
/// Posts a second of the population that carries a scenario, a fifth of what `simulate` takes: what a hashtag is held against
/// hardly changes, and a run takes half the time.
const CARRIER_RATE: f64 = 0.1;
/// The kind that says less than that a crowd is coordinated.
const SUSPECTED: &str = "suspected_coordination";
/// What `all` leaves out: the population of the benches goes on for as long as it is asked to.
const NOT_IN_ALL: &[&str] = &["bench"];

/// How scenarios are played.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Seeds, from 1 on.
    pub seeds: u64,
    /// Whether each seed draws sizes and habits too.
    pub varied: bool,
}

/// Plays the scenarios and prints the table.
///
/// # Errors
/// A scenario is unknown (2), the config is wrong (78), or stdout cannot be written.
pub fn execute(names: &[String], options: Options, json: bool, common: &Common) -> anyhow::Result<Exit> {
    let config = common.config()?;
    let key = sketch_key(&config, KeyUse::Replay)?;
    let scenarios = chosen(names)?;
    let fingerprints = Fingerprints(
        scenarios.iter().map(|scenario| fingerprint(scenario, options, &config, key)).collect::<Result<_, _>>()?,
    );
    let mut stdout = io::stdout().lock();
    let printed = match json {
        true => writeln!(stdout, "{}", serde_json::to_string(&fingerprints)?),
        false => write!(stdout, "{fingerprints}"),
    };
    printed.context("cannot write to stdout").map(|()| Exit::Done)
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Scenario>> {
    if names.iter().any(|name| name == "all") {
        return Ok(SCENARIOS.iter().filter(|scenario| !NOT_IN_ALL.contains(&scenario.name)).collect());
    }
    let listed = |name: &String| {
        simulate::listed(name).ok_or_else(|| simulate::UnknownScenario::new(name)).map_err(anyhow::Error::from)
    };
    names.iter().map(listed).collect::<Result<_, _>>().context(Exit::Usage)
}

/// Plays a scenario under each of the seeds, on as many threads as the machine has cores.
///
/// # Errors
/// If the scenario does not exist or a thread cannot be started.
pub fn fingerprint(
    scenario: &Scenario,
    options: Options,
    config: &Config,
    key: [u8; 16],
) -> anyhow::Result<Fingerprint> {
    let seeds: Vec<u64> = (1..=options.seeds).collect();
    let (next, trials) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(seeds.len())));
    let work = || -> anyhow::Result<()> {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let trial = trial(scenario, &played(scenario, *seed, options.varied), config, key)?;
            trials.lock().map_err(|_| anyhow!("another seed failed"))?.push(trial);
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(seeds.len());
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a seed failed"))?);
        ended.collect::<anyhow::Result<()>>()
    })?;
    let Ok(mut trials) = trials.into_inner() else { bail!("a seed failed") };
    trials.sort_by_key(|trial: &Trial| trial.seed);
    let findable = matches!(scenario.verdict, Verdict::Found(_));
    Ok(Fingerprint::of(scenario.name, scenario.verdict.as_str(), findable, &trials))
}

/// What a scenario is told under a seed.
pub fn played(scenario: &Scenario, seed: u64, varied: bool) -> simulate::Options {
    // Of a population alone its rate is the point.
    let rate = (!scenario.hashtags.is_empty()).then_some(CARRIER_RATE);
    simulate::Options { rate, varied, ..simulate::Options::new(seed) }
}

/// Plays a scenario once and says what was said of it.
///
/// # Errors
/// If the scenario does not exist.
pub fn trial(
    scenario: &Scenario,
    options: &simulate::Options,
    config: &Config,
    key: [u8; 16],
) -> anyhow::Result<Trial> {
    let onset = simulate::onset(scenario.name, options.start).unwrap_or(EventTime::MIN);
    let spelled =
        |hashtags: &[&[&str]]| hashtags.iter().flat_map(|all| all.iter()).filter_map(|tag| canonical(tag)).collect();
    let mut judge = Judge {
        scenario,
        hashtags: spelled(scenario.hashtags),
        aside: spelled(scenario.aside),
        from: onset.plus_ms((scenario.judged_from * MINUTE_MS) as i64),
        trial: Trial { seed: options.seed, ..Trial::default() },
    };
    let mut pushed = None;
    let posts = simulate::scenario(scenario.name, options)?.inspect(|post| {
        if post.coordinated && pushed.is_none() {
            pushed = Some(EventTime(post.ts));
        }
    });
    let mut lines: Vec<AlertLine> = Vec::new();
    play(posts, config, key, |tick, decided| {
        let views = decided.assessed.iter().filter(|_| tick.end() >= judge.from);
        let mine = views.filter(|view| judge.hashtags.contains(&view.hashtag));
        let score = mine.map(|view| f64::from(view.coordination.0) / 100.0).fold(judge.trial.score, f64::max);
        judge.trial.score = score;
        lines.extend(decided.lines);
    });
    for line in &lines {
        judge.hear(line, pushed);
    }
    Ok(judge.trial)
}

/// Holds alert lines against what should be said.
struct Judge<'s> {
    scenario: &'s Scenario,
    /// Canonical forms.
    hashtags: Vec<String>,
    aside: Vec<String>,
    /// From when on the verdict holds.
    from: EventTime,
    trial: Trial,
}

impl Judge<'_> {
    fn hear(&mut self, line: &AlertLine, pushed: Option<EventTime>) {
        let at = Tick(line.tick).end();
        let says = matches!(line.state, State::Provisional | State::Firing);
        if at < self.from || !says || self.aside.contains(&line.hashtag) {
            return;
        }
        self.trial.paged |= line.severity == Severity::Page && !line.suppressed;
        let (kind, firing) = (line.kind.as_str(), line.state == State::Firing);
        let mine = self.hashtags.contains(&line.hashtag);
        match self.scenario.verdict {
            Verdict::Found(kinds) if mine => {
                let since = pushed.filter(|_| kinds.contains(&kind)).map(|pushed| (at.0 - pushed.0) as f64 / MINUTE_MS);
                if let Some(minutes) = since.filter(|minutes| *minutes >= 0.0) {
                    self.trial.provisional_after.get_or_insert(minutes);
                    if firing {
                        self.trial.found_after.get_or_insert(minutes);
                    }
                }
            }
            Verdict::NotVisible if mine => {}
            _ => {
                self.trial.called |= firing && CALLS_COORDINATED.contains(&kind);
                self.trial.suspected |= CALLS_COORDINATED.contains(&kind) || kind == SUSPECTED;
            }
        }
    }
}
