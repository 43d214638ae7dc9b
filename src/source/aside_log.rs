//! The file behind [`super::aside`]: `<state.dir>/aside.log`, one checksummed line a decision, appended and synced. A line
//! torn by a crash had no effect yet and is cut off; any other damage is an error, because guessing would change results.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::aside::{Entry, History};
use crate::model::EventTime;

/// The file's name in the state folder.
const NAME: &str = "aside.log";

/// Size from which the file is written anew, shortened, while running. A line has about 45 bytes.
const COMPACT_BYTES: u64 = 4 << 20;

/// Why the log could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line inside the file is damaged.
    #[error("{} is damaged in line {line}; move the state folder away to begin anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
    },
    /// The file was written for another topic or by another version.
    #[error("{} says {found:?}, but {wanted:?} is needed; use another state.dir for another topic", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its first line.
        found: String,
        /// The first line it should have.
        wanted: String,
    },
}

/// The open log.
#[derive(Debug)]
pub struct AsideLog {
    path: PathBuf,
    header: String,
    file: File,
    /// Bytes known to be durable; what a failed write may have left behind them is cut off before the next.
    durable_bytes: u64,
    history: History,
}

impl AsideLog {
    /// Opens the log in `dir`, which must exist, creating it where there is none.
    ///
    /// # Errors
    /// If the file cannot be read or written, is damaged before its last line, or belongs to another topic.
    pub fn open(dir: &Path, topic: &str) -> Result<AsideLog, Error> {
        let path = dir.join(NAME);
        let header = format!("tagwatch aside 1 {topic}");
        let io_error = |what| move |path: &Path, source| Error::Io { what, path: path.to_owned(), source };
        let mut text = Vec::new();
        match File::open(&path) {
            Ok(mut file) => {
                file.read_to_end(&mut text).map_err(|source| io_error("read")(&path, source))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error("open")(&path, source)),
        }
        let history = parse(&path, &header, &text)?;
        let (file, durable_bytes) =
            rewrite(&path, &header, &history).map_err(|source| io_error("write")(&path, source))?;
        Ok(AsideLog { path, header, file, durable_bytes, history })
    }

    /// What the log says.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Makes the entries durable. After an error none of them counts; the same ones are to be offered again.
    ///
    /// # Errors
    /// If the file cannot be written or synced, as on a full disk.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), Error> {
        let mut lines = String::new();
        entries.iter().for_each(|entry| push_line(&mut lines, &words(entry)));
        self.write(lines.as_bytes()).map_err(|source| self.error("write", source))?;
        entries.iter().for_each(|&entry| self.history.apply(entry));
        Ok(())
    }

    /// Shortens the file to what a restart from `resume`, the durable offset of each partition, can need. While running,
    /// only once the file has grown.
    ///
    /// # Errors
    /// If the shorter file cannot be written; the old one stays.
    pub fn compact(&mut self, resume: &BTreeMap<i32, i64>) -> Result<(), Error> {
        if self.durable_bytes < COMPACT_BYTES {
            return Ok(());
        }
        self.compact_now(resume)
    }

    /// As [`Self::compact`], whatever the file's size.
    ///
    /// # Errors
    /// As [`Self::compact`].
    pub fn compact_now(&mut self, resume: &BTreeMap<i32, i64>) -> Result<(), Error> {
        self.history.compact(resume);
        let (file, durable_bytes) =
            rewrite(&self.path, &self.header, &self.history).map_err(|source| self.error("write", source))?;
        (self.file, self.durable_bytes) = (file, durable_bytes);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.set_len(self.durable_bytes)?;
        self.file.seek(SeekFrom::Start(self.durable_bytes))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.durable_bytes += bytes.len() as u64;
        Ok(())
    }

    fn error(&self, what: &'static str, source: io::Error) -> Error {
        Error::Io { what, path: self.path.clone(), source }
    }
}

/// Writes the file aside, syncs it, puts it in place and syncs the folder.
fn rewrite(path: &Path, header: &str, history: &History) -> io::Result<(File, u64)> {
    let mut text = String::new();
    push_line(&mut text, header);
    history.entries().iter().for_each(|entry| push_line(&mut text, &words(entry)));
    let beside = path.with_extension("log.new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok((file, text.len() as u64))
}

/// A line: the CRC-32 of its words, then the words.
fn push_line(text: &mut String, words: &str) {
    writeln!(text, "{:08x} {words}", crc32fast::hash(words.as_bytes())).expect("writing to a string does not fail");
}

fn words(entry: &Entry) -> String {
    match entry {
        Entry::Start { partition, position } => format!("start {partition} {position}"),
        Entry::Aside { partition, position, watermark } => format!("aside {partition} {position} {}", watermark.0),
        Entry::Reached { watermark } => format!("reached {}", watermark.0),
        Entry::Back { partition, position, watermark } => format!("back {partition} {position} {}", watermark.0),
    }
}

fn parse(path: &Path, header: &str, text: &[u8]) -> Result<History, Error> {
    let mut history = History::default();
    // Without its newline a last line is torn.
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let words = checked_words(line);
        let entry = words.and_then(parse_words);
        match (words, entry) {
            (Some(words), _) if index == 0 && words == header => {}
            (Some(words), _) if index == 0 => {
                let (path, found, wanted) = (path.to_owned(), words.to_owned(), header.to_owned());
                return Err(Error::Foreign { path, found, wanted });
            }
            (Some(_), Some(entry)) if index > 0 => history.apply(entry),
            // A write of several lines may have left any prefix, or a hole of zeros without a newline.
            (None, _) if index + 1 == lines.len() => {}
            _ => return Err(Error::Damaged { path: path.to_owned(), line: index + 1 }),
        }
    }
    Ok(history)
}

fn checked_words(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, words) = line.split_once(' ')?;
    (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(words.as_bytes())).then_some(words)
}

fn parse_words(words: &str) -> Option<Entry> {
    let mut words = words.split(' ');
    let kind = words.next()?;
    let mut numbers = words.map(|word| word.parse::<i64>());
    let mut next = || numbers.next()?.ok();
    let entry = match kind {
        "reached" => Entry::Reached { watermark: EventTime(next()?) },
        "start" => Entry::Start { partition: i32::try_from(next()?).ok()?, position: next()? },
        "aside" | "back" => {
            let (partition, position) = (i32::try_from(next()?).ok()?, next()?);
            let watermark = EventTime(next()?);
            match kind {
                "aside" => Entry::Aside { partition, position, watermark },
                _ => Entry::Back { partition, position, watermark },
            }
        }
        _ => return None,
    };
    next().is_none().then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::super::aside::Spell;
    use super::*;

    fn aside(partition: i32, position: i64, watermark: i64) -> Entry {
        Entry::Aside { partition, position, watermark: EventTime(watermark) }
    }

    fn back(partition: i32, position: i64, watermark: i64) -> Entry {
        Entry::Back { partition, position, watermark: EventTime(watermark) }
    }

    fn spell(position: i64, floor: i64, back: Option<i64>) -> Spell {
        Spell { position, floor: EventTime(floor), back: back.map(EventTime) }
    }

    fn story() -> Vec<Entry> {
        let start = Entry::Start { partition: 3, position: 90 };
        let reached = Entry::Reached { watermark: EventTime(70) };
        vec![start, aside(3, 100, 50), aside(0, 7, 60), reached, back(3, 100, 75), aside(3, 150, 90)]
    }

    fn told(entries: &[Entry]) -> History {
        let mut history = History::default();
        entries.iter().for_each(|&entry| history.apply(entry));
        history
    }

    #[test]
    fn the_lines_say_where_each_partition_was_left_behind() {
        let history = told(&story());
        assert_eq!(history.spells(0), [spell(7, 70, None)]);
        assert_eq!(history.spells(3), [spell(100, 70, Some(75)), spell(150, 90, None)]);
        assert_eq!((history.start(3), history.start(0)), (Some(90), None));
    }

    #[test]
    fn decisions_survive_a_restart_and_appending_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        AsideLog::open(dir.path(), "posts").unwrap().append(&story()[..3]).unwrap();
        let mut log = AsideLog::open(dir.path(), "posts").unwrap();
        log.append(&story()[3..5]).unwrap();
        log.append(&story()[5..]).unwrap();
        assert_eq!(log.history(), &told(&story()));
        assert_eq!(AsideLog::open(dir.path(), "posts").unwrap().history(), &told(&story()));
    }

    /// Cut at every byte, the file opens and says a prefix of the story; nothing is made up.
    #[test]
    fn a_torn_tail_is_cut_off_and_never_misread() {
        let dir = tempfile::tempdir().unwrap();
        AsideLog::open(dir.path(), "posts").unwrap().append(&story()).unwrap();
        let path = dir.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        let header_bytes = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let complete = whole[..cut].iter().skip(header_bytes).filter(|&&byte| byte == b'\n').count();
            let read = AsideLog::open(dir.path(), "posts").unwrap();
            assert_eq!(read.history(), &told(&story()[..complete]), "cut at {cut}");
        }
    }

    #[test]
    fn damage_inside_the_file_is_an_error_and_names_the_line() {
        let dir = tempfile::tempdir().unwrap();
        AsideLog::open(dir.path(), "posts").unwrap().append(&story()).unwrap();
        let path = dir.path().join(NAME);
        let mut bytes = fs::read(&path).unwrap();
        let second_line = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 12;
        bytes[second_line] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = AsideLog::open(dir.path(), "posts").unwrap_err().to_string();
        assert!(error.contains("damaged in line 2"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "what could not be read is not overwritten");
    }

    #[test]
    fn the_log_of_another_topic_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        AsideLog::open(dir.path(), "posts").unwrap();
        let error = AsideLog::open(dir.path(), "toots").unwrap_err().to_string();
        assert!(error.contains("tagwatch aside 1 posts"), "{error}");
    }

    #[test]
    fn compaction_keeps_what_a_restart_can_need() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = AsideLog::open(dir.path(), "posts").unwrap();
        for position in 0..100 {
            log.append(&[aside(1, position, position), back(1, position, position + 1)]).unwrap();
        }
        log.append(&[aside(2, 5, 40)]).unwrap();
        log.compact(&BTreeMap::from([(1, 60)])).unwrap();
        assert_eq!(log.history().spells(1).len(), 100, "a short file is left alone");
        log.compact_now(&BTreeMap::from([(1, 60), (2, 9)])).unwrap();
        log.append(&[aside(1, 200, 300)]).unwrap();
        let read = AsideLog::open(dir.path(), "posts").unwrap();
        assert_eq!(read.history().spells(1)[0].position, 52);
        assert_eq!(read.history().spells(1).len(), 49);
        assert_eq!(read.history().spells(2), [spell(5, 40, None)], "still aside, whatever the offset");
    }
}
