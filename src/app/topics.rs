//! `tagwatch topics`: shows how the topics that the config needs stand (`plan`), or creates the missing ones (`apply`).
//! What exists is never changed; what is not as it must be is said.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;

use super::{Common, Exit};
use crate::config::{Config, Exchange};
use crate::kafka;
use crate::kafka::admin::{Admin, Need, Setting, Standing, needs};
use crate::kafka::topics::{ALERTS, internal};

/// Show or create.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Action {
    /// Show what is missing or differs; ends with 1 where something does.
    Plan,
    /// Create what is missing. Changes nothing that exists; says what differs.
    Apply,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch topics plan  --config tagwatch.toml
  tagwatch topics apply --set kafka.brokers=kafka-1:9092";

/// Shows or creates the topics. Drift is a failure of `plan` only: `apply` says it and leaves it.
///
/// # Errors
/// The config is wrong (78), or the brokers refuse (1).
pub fn execute(args: Args, common: &Common) -> anyhow::Result<Exit> {
    let config = common.config()?;
    let apply = args.action == Action::Apply;
    let unclean = run(&config, apply, &mut std::io::stdout().lock())?;
    Ok(if unclean && !apply { Exit::Failure } else { Exit::Done })
}

/// Writes one line a topic to `out` and returns whether anything is still missing or not as it must be. With `apply`,
/// missing topics are created first.
///
/// # Errors
/// Where no broker answers within half a minute, or creating is refused.
pub fn run(config: &Config, apply: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let admin = Admin::connect(&config.kafka)?;
    let needs = needed(config, &admin, PATIENCE)?;
    let created = if apply { admin.apply(&needs).context("topics were not all created")? } else { Vec::new() };
    let standings = admin.plan(&needs)?;
    let mut clean = true;
    for (need, standing) in needs.iter().zip(&standings) {
        let fresh = created.contains(&need.topic);
        clean &= show(need, standing, fresh, out)?;
    }
    Ok(!clean)
}

/// For `tagwatch check`: the same as a plan, or one line where no broker answers in seconds. True where something is
/// missing or not as it must be.
///
/// # Errors
/// Where `out` cannot be written.
pub fn compare(config: &Config, out: &mut dyn Write) -> std::io::Result<bool> {
    let compared = Admin::connect(&config.kafka).and_then(|admin| {
        let needs = needed(config, &admin, LOOK)?;
        let standings = admin.plan_within(LOOK, &needs)?;
        Ok(needs.into_iter().zip(standings).collect::<Vec<_>>())
    });
    match compared {
        Ok(topics) => {
            writeln!(out, "\ntopics at {}:", config.kafka.brokers)?;
            let mut clean = true;
            for (need, standing) in &topics {
                clean &= show(need, standing, false, out)?;
            }
            Ok(!clean)
        }
        Err(error) => writeln!(out, "\ntopics: not compared, {error}").map(|()| false),
    }
}

/// How long `topics` waits for brokers, and `check`.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_secs(3);

/// The topics that the config needs. Those that several processes share lie on three brokers where there are three.
fn needed(config: &Config, admin: &Admin, patience: Duration) -> Result<Vec<Need>, kafka::Error> {
    let mut needs = needs(&config.kafka);
    if config.exchange == Exchange::Kafka {
        let replicas = admin.size(patience)?.replicas();
        for need in needs.iter_mut().filter(|need| Some(&need.topic) == config.kafka.alerts_topic.as_ref()) {
            need.replicas = Some(replicas);
            need.settings.extend(ALERTS);
        }
        needs.extend(internal(&config.id, config.track.shards, replicas));
    }
    Ok(needs)
}

/// Writes how one topic stands; true where all is well.
fn show(need: &Need, standing: &Standing, fresh: bool, out: &mut dyn Write) -> std::io::Result<bool> {
    let Need { topic, role, .. } = need;
    match standing {
        // A topic just created may be unknown to the broker that lists them for a moment more.
        Standing::Missing if fresh => writeln!(out, "created  {topic} ({role})").map(|()| true),
        Standing::Missing => {
            let partitions = need.partitions.map_or("the brokers' number of partitions".to_owned(), counted);
            let copies = need.replicas.map_or(String::new(), |replicas| format!(" on {replicas} of the brokers"));
            writeln!(out, "missing  {topic} ({role}): `topics apply` creates it with {partitions}{copies}")?;
            for Setting { key, value, why, .. } in need.settings() {
                writeln!(out, "           {key}={value}  # {why}")?;
            }
            Ok(false)
        }
        Standing::Present { partitions, drift } if drift.is_empty() => {
            let word = if fresh { "created" } else { "present" };
            writeln!(out, "{word}  {topic} ({role}): {}", counted(*partitions)).map(|()| true)
        }
        Standing::Present { drift, .. } => {
            for fault in drift {
                writeln!(out, "drift    {topic} ({role}): {fault}")?;
            }
            Ok(false)
        }
    }
}

/// "1 partition", "12 partitions".
fn counted(partitions: i32) -> String {
    if partitions == 1 { "1 partition".into() } else { format!("{partitions} partitions") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_has_its_line() {
        let need =
            Need { topic: "a-alerts".into(), role: "alerts", partitions: Some(1), replicas: Some(3), settings: vec![] };
        let present = |partitions, drift| Standing::Present { partitions, drift };
        let mut out = Vec::new();
        let mut clean = Vec::new();
        for (standing, fresh) in [
            (Standing::Missing, false),
            (present(1, vec![]), false),
            (present(1, vec![]), true),
            (present(3, vec!["has 3 partitions and must have 1: make it anew".to_owned()]), false),
        ] {
            clean.push(show(&need, &standing, fresh, &mut out).unwrap());
        }
        assert_eq!(clean, [false, true, true, false]);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "missing  a-alerts (alerts): `topics apply` creates it with 1 partition on 3 of the brokers\n           \
             min.insync.replicas=2  # what is acknowledged must outlive the loss of a broker\n\
             present  a-alerts (alerts): 1 partition\n\
             created  a-alerts (alerts): 1 partition\n\
             drift    a-alerts (alerts): has 3 partitions and must have 1: make it anew\n"
        );
    }
}
