//! `tagwatch check`: reads the config exactly as `run` does and shows what it means: what differs from the defaults and
//! who set it, what looks like a mistake, where the sketch key is; for several processes, how their topics stand; with
//! `--sample`, what is understood of a file of posts.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::Context;

use super::{Common, Exit, topics, usable};
use crate::clock;
use crate::config::{
    Config, DEFAULTS, Exchange, Expected, SketchKey, defaults, find_sketch_key, is_secret, load_shadow,
};
use crate::model::{EventTime, Keyed};
use crate::source::decode::Understood;
use crate::source::file::Sample;

/// What is checked besides the config.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Say what is understood of the first lines of this file of posts; ends with 1 where nothing is.
    #[arg(long, value_name = "FILE")]
    pub sample: Option<PathBuf>,
    /// Check this file as the rules of `--shadow` too, and say in what they differ.
    #[arg(long, value_name = "FILE")]
    pub shadow: Option<PathBuf>,
    /// Print every key with its meaning and default, as a config file to begin with, and check nothing.
    #[arg(long, conflicts_with_all = ["sample", "shadow"])]
    pub print_defaults: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch check --print-defaults > tagwatch.toml
  tagwatch check --config tagwatch.toml
  tagwatch check --set time.watermark_delay=30s
  tagwatch check --sample posts.ndjson.gz --format auto

Ends with 78 where `tagwatch run` would, with all faults at once. Makes no file. With exchange = \"kafka\" it compares the
topics with the config and ends with 1 where they differ; where no broker answers it says so and leaves it.";

/// Checks the config and the sample.
///
/// # Errors
/// The config or a secret is wrong (78), or the sample cannot be read (1).
pub fn execute(args: Args, common: &Common) -> anyhow::Result<Exit> {
    if args.print_defaults {
        io::stdout().lock().write_all(DEFAULTS.as_bytes()).context("cannot write to stdout")?;
        return Ok(Exit::Done);
    }
    let shadow = args.shadow.as_deref().map(|file| load_shadow(&common.sources(), file)).transpose()?;
    let (config, origins) = usable::config(common)?;
    let variable = std::env::var_os("TAGWATCH_KEY").map(|value| value.to_string_lossy().into_owned());
    let key = find_sketch_key(&config, variable.as_deref())?;
    let mut stdout = io::stdout().lock();
    show(&mut stdout, &config, &origins, &key).context("cannot write to stdout")?;
    shadow.map_or(Ok(()), |shadow| show_shadow(&mut stdout, &config, &shadow)).context("cannot write to stdout")?;
    let mut unclean = false;
    if config.exchange == Exchange::Kafka {
        unclean = topics::compare(&config, &mut stdout).context("cannot write to stdout")?;
    }
    let exit = if unclean { Exit::Failure } else { Exit::Done };
    let Some(path) = &args.sample else { return Ok(exit) };
    let mut sample = Sample::open(path, SAMPLE_LINES, config.limits.post_bytes_max)?;
    let understood = Understood::of(&mut sample, common.format.into(), config.limits.clone());
    write!(stdout, "\n{understood}").context("cannot write to stdout")?;
    if let Some(error) = sample.broken_off {
        writeln!(stdout, "warning: {error}").context("cannot write to stdout")?;
    }
    Ok(if understood.understood() == 0 { Exit::Failure } else { exit })
}

/// Lines of a sample that are looked at.
const SAMPLE_LINES: usize = 10_000;

fn show(out: &mut impl Write, config: &Config, origins: &BTreeMap<String, String>, key: &SketchKey) -> io::Result<()> {
    writeln!(out, "config ok, version {}", config.version)?;
    let changed = changed(config, origins);
    if changed.is_empty() {
        writeln!(out, "everything is at its default")?;
    } else {
        writeln!(out, "\ndifferent from the defaults:")?;
    }
    let width = changed.iter().map(|(setting, _)| setting.chars().count()).max().unwrap_or(0);
    for (setting, origin) in &changed {
        writeln!(out, "  {setting:width$}   {origin}")?;
    }
    match key {
        SketchKey::Given { key, from } => {
            writeln!(out, "\nsketch key: {from}, fingerprint {:08x}", Keyed::new(*key).fingerprint())?;
        }
        SketchKey::Missing { path } => {
            writeln!(out, "\nsketch key: none yet; the first `tagwatch run` makes {}", path.display())?;
        }
    }
    show_expected(out, config, origins)?;
    let mut warnings = config.warnings();
    warnings.extend(over(config, origins));
    warnings.extend(open_key(key));
    if !warnings.is_empty() {
        writeln!(out, "\nallowed, but look again:")?;
    }
    for warning in warnings {
        writeln!(out, "  {warning}")?;
    }
    Ok(())
}

/// In what a shadow differs.
fn show_shadow(out: &mut impl Write, config: &Config, shadow: &Config) -> io::Result<()> {
    writeln!(out, "\nshadow ok, version {}", shadow.version)?;
    let ours = config.entries();
    for (key, value) in shadow.entries().iter().filter(|(key, value)| ours.get(*key) != Some(value)) {
        writeln!(out, "  {key} = {value}   ours: {}", ours.get(key).map_or("", String::as_str))?;
    }
    let (shadow, ours) = (shadow.expected.len(), config.expected.len());
    if shadow + ours > 0 {
        writeln!(out, "  expected events: {shadow}   ours: {ours}")?;
    }
    Ok(())
}

/// The expected events, and where each begins in the file.
fn show_expected(out: &mut impl Write, config: &Config, origins: &BTreeMap<String, String>) -> io::Result<()> {
    if config.expected.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nexpected events, by event time:")?;
    for (index, Expected { hashtags, from, to, reason }) in config.expected.iter().enumerate() {
        writeln!(out, "  {hashtags}  {from} to {to}  {reason}   {}", origin_of_entry(origins, index))?;
    }
    Ok(())
}

/// Expected events that lie in the past. They expire by event time, so this is no fault: a replay may be about that time.
fn over(config: &Config, origins: &BTreeMap<String, String>) -> Vec<String> {
    let now = EventTime(clock::wall_ms());
    let over = config.expected.iter().enumerate().filter(|(_, entry)| entry.to <= now);
    over.map(|(index, Expected { hashtags, to, .. })| {
        let origin = origin_of_entry(origins, index);
        format!("expected ({origin}): {hashtags} has been over since {to}; remove it, unless you replay that time")
    })
    .collect()
}

fn origin_of_entry(origins: &BTreeMap<String, String>, index: usize) -> &str {
    origins.get(&format!("expected.{index}")).map_or("", String::as_str)
}

/// A key file that others can read. Who has the key can tell which account a hash stands for.
fn open_key(key: &SketchKey) -> Option<String> {
    let SketchKey::Given { from, .. } = key else { return None };
    let mode = std::fs::metadata(from).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| format!("{from} has mode {mode:o}: others can read the sketch key; chmod 600 {from}"))
}

/// `key = value` and who set it, for every key whose value is not the default.
fn changed(config: &Config, origins: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let defaults = defaults().entries();
    let differs = |(key, value): &(String, String)| defaults.get(key) != Some(value);
    config.entries().into_iter().filter(differs).map(|(key, value)| describe(key, value, origins)).collect()
}

fn describe(key: String, value: String, origins: &BTreeMap<String, String>) -> (String, String) {
    // What nobody wrote and still differs follows from another key: alerts_topic from id.
    let origin = origins.get(&key).map_or("follows from id", String::as_str).to_string();
    let value = match is_secret(&key) {
        true => "***".to_string(),
        false if value.is_empty() => "\"\"".to_string(),
        false => value,
    };
    (format!("{key} = {value}"), origin)
}
