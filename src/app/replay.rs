//! `tagwatch replay`: posts from files, the alert log out, the same bytes every time.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};

use super::replaying::{Logs, Options, open, replay_beside};
use super::{Common, Exit, cli, counting};
use crate::config::{KeyUse, load_shadow, sketch_key};
use crate::model::EventTime;

/// What is read and where the alert log goes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Posts, one a line: plain, gzip or zstd; `-` is stdin. Each file is a source partition of its own. Native posts may have
    /// actions among them.
    #[arg(required_unless_present = "counts", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Actions alone, one a line, for posts of any format; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub actions: Vec<PathBuf>,
    /// Instead of posts a series of counts, a CSV file with the columns timestamp and value: the burst axis alone, one line
    /// a row on stdout.
    #[arg(long, value_name = "CSV", conflicts_with_all = ["files", "actions", "alerts", "partitions", "as_of", "shadow"])]
    pub counts: Option<PathBuf>,
    /// Write the alert log here instead of stdout; the file is truncated.
    #[arg(long, value_name = "PATH")]
    pub alerts: Option<PathBuf>,
    /// Decide by other rules too, on the same state: a config file of which only [detect] and [[expected]] count, over all
    /// other layers. The alert log stays what it is.
    #[arg(long, value_name = "FILE", requires = "shadow_alerts")]
    pub shadow: Option<PathBuf>,
    /// Write the shadow's alert log here; the file is truncated.
    #[arg(long, value_name = "PATH", requires = "shadow")]
    pub shadow_alerts: Option<PathBuf>,
    /// Form of the summary at the end, on stderr [default: text, with --quiet none].
    #[arg(long, value_enum)]
    pub summary: Option<Summary>,
    /// Deal the posts over so many simulated partitions in uneven order; the alert log is the same.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub partitions: u32,
    /// Reject posts more than time.max_future after this time; without it no post is too far in the future.
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    pub as_of: Option<EventTime>,
}

/// Form of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Summary {
    /// For people.
    Text,
    /// One object.
    Json,
    /// Nothing.
    None,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch replay april.ndjson.zst > alerts.ndjson
  tagwatch replay --alerts alerts.ndjson --summary json a.ndjson b.ndjson
  zcat posts.gz | tagwatch replay -
  tagwatch replay april.ndjson.zst --alerts a.ndjson --shadow other.toml --shadow-alerts b.ndjson
  tagwatch replay april.ndjson.zst --actions actions.ndjson > alerts.ndjson
  tagwatch replay --counts posts_a_minute.csv > bursts.ndjson

Writes no state. Without TAGWATCH_KEY and privacy.key_file a fixed key is used, so that two people get the same log.";

/// Replays the files.
///
/// # Errors
/// The config is wrong (78), the alert log is one of the files (2), or a file cannot be read or written (1).
pub fn execute(args: Args, common: &Common) -> anyhow::Result<Exit> {
    if args.files.iter().chain(&args.actions).filter(|file| file.as_os_str() == "-").count() > 1 {
        return Err(anyhow!("stdin (`-`) can be read once").context(Exit::Usage));
    }
    // First the shadow: it reads all layers, so that the faults of all are told at once.
    let shadow = args.shadow.as_deref().map(|file| load_shadow(&common.sources(), file)).transpose()?;
    let config = common.config()?;
    let form = args.summary.unwrap_or(if common.quiet { Summary::None } else { Summary::Text });
    if let Some(path) = &args.counts {
        return counting::execute(path, form, &config);
    }
    let options = Options {
        files: args.files,
        actions: args.actions,
        partitions: args.partitions,
        as_of: args.as_of,
        format: common.format.into(),
        key: sketch_key(&config, KeyUse::Replay)?,
    };
    // Before the alert log is truncated: a FILE that is not there must not cost the last one.
    let source = open(&options, &config)?;
    let files: Vec<PathBuf> = options.files.iter().chain(&options.actions).cloned().collect();
    let (alerts, beside) = (args.alerts.as_deref(), args.shadow_alerts.as_deref());
    check_logs(alerts, beside, &files)?;
    let mut out = BufWriter::new(AlertLog::create(alerts)?);
    let mut beside = beside.map(|path| AlertLog::create(Some(path)).map(BufWriter::new)).transpose()?;
    let shadow = shadow.as_ref().zip(beside.as_mut().map(|log| log as &mut dyn Write));
    let bar = (!common.quiet && io::stderr().is_terminal()).then(progress_bar);
    let shown = bar.clone();
    let logs = Logs { alerts: &mut out, shadow };
    let summary = replay_beside(source, &options, &config, logs, move |read, all| {
        if let Some(bar) = &shown {
            all.into_iter().for_each(|all| bar.set_length(all));
            bar.set_position(read);
        }
    })?;
    bar.iter().for_each(ProgressBar::finish_and_clear);
    // Where stderr is closed there is nobody left to tell.
    if form != Summary::Json && summary.understood_none() {
        let _ = writeln!(
            io::stderr(),
            "tagwatch: understood no post; `tagwatch check --sample FILE` says why, line by line"
        );
    }
    let _ = match form {
        Summary::Text => writeln!(io::stderr(), "{summary}"),
        Summary::Json => writeln!(io::stderr(), "{}", serde_json::to_string(&summary)?),
        Summary::None => Ok(()),
    };
    Ok(Exit::Done)
}

/// What tells a regular file from every other, whatever it is called; none of what is no such file.
fn inode(path: &Path) -> Option<(u64, u64)> {
    let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some((file.dev(), file.ino()))
}

/// Whether two logs would be one, also where none of them is there yet.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let folder = |path: &Path| path.parent().map(|folder| std::fs::canonicalize(Path::new(".").join(folder)).ok());
    match (inode(one), inode(other)) {
        (None, None) => !one.exists() && one.file_name() == other.file_name() && folder(one) == folder(other),
        (one, other) => one == other,
    }
}

/// The logs must be none of the `files` that are read, and not each other. Asked before either is truncated.
fn check_logs(alerts: Option<&Path>, beside: Option<&Path>, files: &[PathBuf]) -> anyhow::Result<()> {
    for (flag, path) in [("--alerts", alerts), ("--shadow-alerts", beside)] {
        let Some(path) = path else { continue };
        if inode(path).is_some_and(|log| files.iter().any(|file| inode(file) == Some(log))) {
            let name = path.display();
            return Err(anyhow!("{flag} {name} would overwrite a FILE that is to be read").context(Exit::Usage));
        }
    }
    if alerts.zip(beside).is_some_and(|(alerts, beside)| is_one_file(alerts, beside)) {
        return Err(anyhow!("--alerts and --shadow-alerts name one file; give each log its own").context(Exit::Usage));
    }
    Ok(())
}

/// Where alert lines go; its errors name it.
struct AlertLog {
    out: Box<dyn Write>,
    name: String,
}

impl AlertLog {
    /// Truncates `path`; without it, stdout.
    fn create(path: Option<&Path>) -> anyhow::Result<AlertLog> {
        let Some(path) = path else { return Ok(AlertLog { out: Box::new(io::stdout()), name: "stdout".into() }) };
        let name = path.display().to_string();
        let out = File::create(path).map_err(|error| unwritable(&name, &error))?;
        Ok(AlertLog { out: Box::new(out), name })
    }
}

impl Write for AlertLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).map_err(|error| unwritable(&self.name, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|error| unwritable(&self.name, &error))
    }
}

fn unwritable(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write the alert log to {name}: {error}"))
}

/// Bytes as they lie on the disk: of a packed file, too, the end is known.
pub(super) fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes_per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
