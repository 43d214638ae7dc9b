//! The shadow at work: other rules that decide on the same state at the same time, so that their log can be compared with
//! ours before anybody is woken by them. Its lines go to a file of their own and nowhere else; whatever happens to that
//! file, the service goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::config::Config;
use crate::decide::Decider;
use crate::decide::line::AlertLine;
use crate::report::metrics::Metrics;

/// Longest a file of shadow lines grows, in bytes; then it is put aside as `PATH.1`, in the place of the one before.
const LOG_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a file's end that are searched for its last line.
const TAIL_BYTES: u64 = 1 << 20;

/// What a service runs its shadow with.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Our config with the shadow's rules in it.
    pub config: Config,
    /// Where its lines go.
    pub alerts: PathBuf,
}

/// The deciders of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Ours.
    pub own: Vec<u8>,
    /// The shadow's, with the hash of the rules that it decided by.
    shadow: Option<(String, Vec<u8>)>,
}

impl Saved {
    /// The bytes of both.
    pub fn encode(own: &Decider, shadow: Option<&Decider>) -> Vec<u8> {
        let shadow = shadow.map(|decider| (decider.config_version().to_owned(), decider.encode()));
        postcard::to_stdvec(&Saved { own: own.encode(), shadow }).expect("plain values encode")
    }

    /// Both from their bytes.
    ///
    /// # Errors
    /// Says what does not read.
    pub fn decode(bytes: &[u8]) -> Result<Saved, String> {
        postcard::from_bytes(bytes).map_err(|error| format!("state of the deciders does not read: {error}"))
    }

    /// The shadow's decider where the checkpoint holds one of the same rules; else one that begins beside `own`.
    ///
    /// # Errors
    /// Says what does not read.
    pub fn shadow(&self, own: &Decider, wanted: Option<&Config>) -> Result<Option<Decider>, String> {
        let Some(config) = wanted else {
            if self.shadow.is_some() {
                info!("the checkpoint holds a shadow and none is asked for: it ends here");
            }
            return Ok(None);
        };
        let (detect, version) = (config.detect.clone(), config.version.clone());
        let decider = match &self.shadow {
            Some((was, bytes)) if *was == version => Decider::restore(detect, version, bytes)?,
            other => {
                let was = other.as_ref().map_or("none", |(was, _)| was);
                info!(was, is = version, "the shadow begins anew: the checkpoint holds none of these rules");
                own.beside(detect, version)
            }
        };
        Ok(Some(decider.expecting(config.expected.clone())))
    }
}

/// The file of a running shadow's lines. Written as the alerts topic is: what stands in it is not written again.
#[derive(Debug)]
pub struct ShadowLog {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// At which length the file is put aside.
    bytes_max: u64,
    /// The last line that is in the file: tick and number.
    last: Option<(i64, u32)>,
    /// Whether the last write failed, so that it is said once.
    broken: bool,
    metrics: Arc<Metrics>,
}

/// What of a line says where the file ends.
#[derive(Deserialize)]
struct Numbered {
    tick: i64,
    n: u32,
}

impl ShadowLog {
    /// Opens the file, or makes it. A line that a crash has torn is cut off.
    ///
    /// # Errors
    /// If it cannot be written, or holds something else than alert lines: then it is left as it is.
    pub fn open(path: &Path, metrics: Arc<Metrics>) -> io::Result<ShadowLog> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut file = appending(path)?;
        let (bytes, last) = cut(&mut file)?;
        let last = match last {
            Some(last) => Some(last),
            // It was put aside just before.
            None => File::open(aside(path)).ok().map(|mut file| end_of(&mut file)).transpose()?.and_then(|end| end.1),
        };
        Ok(ShadowLog { path: path.to_owned(), file, bytes, bytes_max: LOG_BYTES_MAX, last, broken: false, metrics })
    }

    /// Appends lines; those that stand in the file already are passed over. What cannot be written is counted as lost.
    pub fn write(&mut self, lines: &[AlertLine]) {
        let new: Vec<&AlertLine> =
            lines.iter().filter(|line| self.last.is_none_or(|last| (line.tick, line.n) > last)).collect();
        let Some(end) = new.last().map(|line| (line.tick, line.n)) else { return };
        let mut json = Vec::new();
        for line in &new {
            serde_json::to_writer(&mut json, line).expect("an alert line is plain values");
            json.push(b'\n');
        }
        self.last = Some(end);
        match self.append(&json) {
            Ok(()) => self.broken = false,
            Err(error) => {
                self.metrics.shadow.lost(new.len() as u64);
                if !std::mem::replace(&mut self.broken, true) {
                    warn!(%error, path = %self.path.display(), "lines of the shadow cannot be written; they are lost");
                }
            }
        }
    }

    fn append(&mut self, json: &[u8]) -> io::Result<()> {
        if self.bytes + json.len() as u64 > self.bytes_max && self.bytes > 0 {
            fs::rename(&self.path, aside(&self.path))?;
            (self.file, self.bytes) = (appending(&self.path)?, 0);
        }
        if let Err(error) = self.file.write_all(json) {
            // Half a line would join with the next one.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += json.len() as u64;
        Ok(())
    }

    /// Makes durable what was written, before a checkpoint passes it.
    pub fn sync(&self) {
        if let Err(error) = self.file.sync_data() {
            warn!(%error, path = %self.path.display(), "lines of the shadow may be lost in a crash");
        }
    }
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// Cuts a torn line off the end; the length that is left, and the last line.
fn cut(file: &mut File) -> io::Result<(u64, Option<(i64, u32)>)> {
    let (bytes, last) = end_of(file)?;
    file.set_len(bytes)?;
    Ok((bytes, last))
}

/// Where the last whole line of an alert log ends, and which one it is.
fn end_of(file: &mut File) -> io::Result<(u64, Option<(i64, u32)>)> {
    let foreign = || io::Error::new(io::ErrorKind::InvalidData, "it holds something else than alert lines");
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL_BYTES);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.read_to_end(&mut tail)?;
    let Some(newline) = tail.iter().rposition(|byte| *byte == b'\n') else {
        // The first line may be torn; anything else that long, or that begins otherwise, is no log.
        return if start == 0 && (tail.is_empty() || tail.starts_with(b"{\"tick\":")) {
            Ok((0, None))
        } else {
            Err(foreign())
        };
    };
    let begin = tail[..newline].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
    let line: Numbered = serde_json::from_slice(&tail[begin..newline]).map_err(|_| foreign())?;
    Ok((start + newline as u64 + 1, Some((line.tick, line.n))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, defaults, load};
    use crate::model::Tick;
    use crate::report::board::{Board, Limits};

    fn metrics() -> Arc<Metrics> {
        Arc::new(Metrics::new(Arc::new(Board::new(Limits::new(&defaults().metrics))), &[]))
    }

    fn line(tick: i64, n: u32) -> AlertLine {
        let window = serde_json::json!({"posts":1,"reposts":0,"accounts":1,"accounts_low":1,"accounts_high":1});
        serde_json::from_value(serde_json::json!({
            "tick": tick, "n": n, "alert_id": "x", "kind": "organic_burst", "state": "firing", "severity": "info",
            "hashtag": "a", "display": "a", "at": Tick(tick).end().to_string(), "onset": Tick(tick).end().to_string(),
            "degraded": false, "warming": false, "suppressed": false, "burst": 1.0, "coordination": 2.0,
            "windows": {"1m": window, "5m": window, "1h": window, "24h": window}, "signals": [],
            "evidence": {"view": "all", "window": "3h", "expected_posts": 0.0, "baseline": "none", "top_accounts": [],
                "top_texts": [], "top_links": [], "top_reposts": [], "first_post": null, "watched_since": ""},
            "explanation": "", "config_version": "",
        }))
        .unwrap()
    }

    fn ticks(path: &Path) -> Vec<(i64, u32)> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str::<Numbered>(line).unwrap())
            .map(|line| (line.tick, line.n))
            .collect()
    }

    #[test]
    fn what_stands_in_the_log_is_not_written_again_and_a_torn_line_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/shadow.ndjson");
        let open = || ShadowLog::open(&path, metrics()).unwrap();
        open().write(&[line(1, 0), line(1, 1)]);
        open().write(&[line(1, 1), line(2, 0)]);
        assert_eq!(ticks(&path), [(1, 0), (1, 1), (2, 0)]);
        let whole = fs::read(&path).unwrap();
        // A crash after any byte: decided again, the file is the same.
        for cut in [0, 1, 20, whole.len() / 2, whole.len() - 1] {
            let torn = if cut == 1 { b"{\"tick\":".to_vec() } else { whole[..cut].to_vec() };
            fs::write(&path, torn).unwrap();
            let mut log = open();
            log.write(&[line(1, 0)]);
            log.write(&[line(1, 1), line(2, 0)]);
            log.sync();
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_file_of_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        for text in ["one line", "two\nlines\n", "{\"tick\":\"x\",\"n\":0}\n"] {
            fs::write(&path, text).unwrap();
            let error = ShadowLog::open(&path, metrics()).expect_err("no log").to_string();
            assert_eq!(error, "it holds something else than alert lines");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn it_is_bounded_and_goes_on_after_the_file_that_was_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shadow.ndjson");
        let mut log = ShadowLog::open(&path, metrics()).unwrap();
        log.write(&[line(1, 0)]);
        log.bytes_max = 2 * log.bytes;
        for tick in 2..=5 {
            log.write(&[line(tick, 0)]);
        }
        assert_eq!((ticks(&aside(&path)), ticks(&path)), (vec![(3, 0), (4, 0)], vec![(5, 0)]));
        // A crash between putting aside and writing.
        fs::write(&path, "").unwrap();
        ShadowLog::open(&path, metrics()).unwrap().write(&[line(4, 0), line(5, 0)]);
        assert_eq!(ticks(&path), [(5, 0)]);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shadow.ndjson");
        let metrics = metrics();
        let mut log = ShadowLog::open(&path, Arc::clone(&metrics)).unwrap();
        log.write(&[line(1, 0)]);
        log.file = File::open(&path).unwrap();
        log.write(&[line(2, 0), line(2, 1)]);
        log.file = appending(&path).unwrap();
        log.write(&[line(3, 0)]);
        assert_eq!(ticks(&path), [(1, 0), (3, 0)]);
        let shown = String::from_utf8(metrics.render()).unwrap();
        assert!(shown.contains("\ntagwatch_shadow_alert_lines_lost_total 2\n"), "{shown}");
    }

    #[test]
    fn a_shadow_of_the_same_rules_goes_on_and_of_others_begins_anew() {
        let rules = |set: &str| load(Sources { set: vec![set.to_owned()], ..Sources::default() }).unwrap();
        let (ours, theirs, others) = (defaults(), rules("detect.burst_enter=60"), rules("detect.burst_enter=70"));
        let decider = |config: &Config| Decider::new(config.detect.clone(), config.version.clone());
        let (mut own, mut shadow) = (decider(&ours), decider(&theirs));
        own.state_was_lost();
        shadow.state_was_lost();
        let saved = Saved::decode(&Saved::encode(&own, Some(&shadow))).unwrap();
        let restored = |config: Option<&Config>| saved.shadow(&own, config).unwrap();
        assert!(restored(None).is_none());
        for config in [&theirs, &others] {
            let decider = restored(Some(config)).unwrap();
            assert_eq!(decider.config_version(), config.version);
            assert!(decider.is_warming(Tick(5)), "lost state is lost for both");
        }
        assert!(Saved::decode(&[9]).is_err());
    }
}
