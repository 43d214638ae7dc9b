//! Posts and actions from files, in event time and as fast as they can be read. Every file is a source partition of its own (or, dealt,
//! several), and the one whose clock is furthest behind is read next, so that files of the same days go side by side.
//! A file that has ended no longer holds the watermark; the end of all input closes the panes up to its greatest time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::deal::{self, Dealer};
use super::decode::Format;
use super::lines::{Lines, unreadable};
use super::partition::of_actions;
use super::tally::Tally;
use super::{Intake, IntakeOptions, Outcome, Step};
use crate::config::Limits;
use crate::model::EventTime;

/// Lines read between two watermarks.
const BATCH_LINES: usize = 2048;

/// The first lines of a file, for `check --sample`, one after the other; of a line too long to be a post only the
/// beginning.
pub struct Sample {
    path: PathBuf,
    lines: Lines,
    left: usize,
    /// Why reading broke off, if it did.
    pub broken_off: Option<io::Error>,
}

impl Sample {
    /// The first `count` lines of a file.
    ///
    /// # Errors
    /// If the file cannot be opened or its first bytes cannot be read; the message names it.
    pub fn open(path: &Path, count: usize, line_bytes_max: usize) -> io::Result<Sample> {
        let lines = Lines::open(path, line_bytes_max, 1, Arc::default())?;
        Ok(Sample { path: path.to_owned(), lines, left: count, broken_off: None })
    }
}

impl Iterator for Sample {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.left = self.left.checked_sub(1)?;
        let count = self.lines.count();
        match self.lines.next_line() {
            Ok(line) => line.map(|line| line.bytes.to_vec()),
            Err(error) => {
                (self.left, self.broken_off) = (0, Some(unreadable(&self.path, "read", count, &error)));
                None
            }
        }
    }
}

/// How files are read.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Simulated partitions that each file is dealt over; 1 leaves the file as it is.
    pub partitions: u32,
    /// How posts are written.
    pub format: Format,
    /// Bounds on one post.
    pub limits: Limits,
    /// How far a post may lie behind the greatest event time of its partition.
    pub delay: Duration,
    /// How far a post may lie ahead of `as_of`.
    pub max_future: Duration,
    /// The time to hold posts against that lie in the future; without it, none does.
    pub as_of: Option<EventTime>,
    /// Files of actions alone, whatever the format of posts; each is a source partition.
    pub actions: Vec<PathBuf>,
}

/// Several files, read as one source.
pub struct FileSource {
    inputs: Vec<Input>,
    intake: Intake,
    as_of: Option<EventTime>,
    taken: Arc<AtomicU64>,
    /// Bytes of all files as they lie on the disk; none where one is standard input or no regular file.
    total_bytes: Option<u64>,
    ended: bool,
}

/// One file.
struct Input {
    path: PathBuf,
    lines: Lines,
    dealer: Option<Dealer>,
    /// Its source partitions.
    partitions: std::ops::Range<i32>,
    ended: bool,
}

impl FileSource {
    /// Opens all files; `-` is standard input.
    ///
    /// # Errors
    /// If one cannot be opened or read; the message names it.
    pub fn open(paths: &[PathBuf], options: FileOptions) -> io::Result<FileSource> {
        let FileOptions { partitions, format, limits, delay, max_future, as_of, actions } = options;
        let taken = Arc::new(AtomicU64::new(0));
        let line_bytes_max = limits.post_bytes_max;
        let mut intake = Intake::new(&IntakeOptions { format, limits, delay, max_future, covered: None, mixed: true });
        let each = i32::try_from(partitions.max(1)).map_err(|_| io::Error::other("too many partitions"))?;
        let files = paths.len() + actions.len();
        let mut inputs = Vec::with_capacity(files);
        let mut first = 0_i32;
        for path in paths {
            let lines = Lines::open(path, line_bytes_max, files, Arc::clone(&taken))?;
            let end = first.checked_add(each).ok_or_else(|| io::Error::other("too many partitions"))?;
            (first..end).for_each(|partition| intake.add(partition, None));
            let dealer = (each > 1).then(|| Dealer::new(partitions, deal::SEED.wrapping_add(first as u64)));
            inputs.push(Input { path: path.clone(), lines, dealer, partitions: first..end, ended: false });
            first = end;
        }
        for (path, number) in actions.iter().zip(0..) {
            let partition = of_actions(number);
            intake.add(partition, None);
            let lines = Lines::open(path, line_bytes_max, files, Arc::clone(&taken))?;
            inputs.push(Input {
                path: path.clone(),
                lines,
                dealer: None,
                partitions: partition..partition + 1,
                ended: false,
            });
        }
        let total_bytes = paths.iter().chain(&actions).map(|path| regular_bytes(path)).sum();
        Ok(FileSource { inputs, intake, as_of, taken, total_bytes, ended: false })
    }

    /// Reads up to a few thousand lines of the file that is furthest behind and hands on its posts and the watermark; at
    /// the end of all files, the end. Returns whether there is more.
    ///
    /// # Errors
    /// If reading or unpacking fails; the message names the file. Nothing more can be read then.
    pub fn next_batch(&mut self, on: &mut impl FnMut(Step<'_>)) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let Some(index) = self.furthest_behind() else {
            self.ended = true;
            let greatest = self.intake.clocks().greatest_of_all();
            on(Step::End(greatest.map_or(EventTime::MIN, |greatest| greatest.tick().end())));
            return Ok(false);
        };
        let FileSource { inputs, intake, as_of, .. } = self;
        let input = &mut inputs[index];
        input.read(intake, *as_of, on).map_err(|error| unreadable(&input.path, "read", input.lines.count(), &error))?;
        // Nothing is ever read again from files.
        intake.drain_marks().for_each(drop);
        on(Step::Watermark(intake.clocks().watermark()));
        Ok(true)
    }

    /// What became of the lines since the counts were last taken.
    pub fn tally(&mut self) -> &mut Tally {
        self.intake.tally()
    }

    /// Bytes read so far and in all, as they lie on the disk; the latter is unknown for standard input.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.taken.load(Ordering::Relaxed), self.total_bytes)
    }

    /// Of the files that have not ended, the one whose own watermark is the least.
    fn furthest_behind(&mut self) -> Option<usize> {
        let FileSource { inputs, intake, .. } = self;
        let clocks = intake.clocks();
        let open = inputs.iter().enumerate().filter(|(_, input)| !input.ended);
        let least = |input: &Input| input.partitions.clone().map(|partition| clocks.own_watermark(partition)).min();
        open.min_by_key(|(_, input)| least(input)).map(|(index, _)| index)
    }
}

impl Input {
    /// Reads one batch of lines through `intake`.
    fn read(&mut self, intake: &mut Intake, as_of: Option<EventTime>, on: &mut impl FnMut(Step<'_>)) -> io::Result<()> {
        let Input { lines, dealer, partitions, ended, .. } = self;
        let first = partitions.start;
        let sent_ms = as_of.map(|time| time.0);
        let mut judge =
            |partition: i32, offset: i64, bytes: &[u8]| match intake.record(partition, offset, sent_ms, bytes) {
                Outcome::Post(post) => on(Step::Post { partition: partition.cast_unsigned(), offset, post: &post }),
                Outcome::Action(action) => on(Step::Action(&action)),
                Outcome::Late | Outcome::Rejected(_) | Outcome::Covered => {}
            };
        for _ in 0..BATCH_LINES {
            let Some(line) = lines.next_line()? else {
                *ended = true;
                break;
            };
            let Some(dealer) = dealer else {
                judge(first, line.number, line.bytes);
                continue;
            };
            if dealer.take(line.number, line.bytes) {
                let read = line.number + 1;
                dealer.hand_out(read, false, |hand, number, bytes| judge(first + hand.cast_signed(), number, bytes));
            }
        }
        if *ended {
            if let Some(dealer) = dealer {
                dealer.hand_out(0, true, |hand, number, bytes| judge(first + hand.cast_signed(), number, bytes));
            }
            partitions.clone().for_each(|partition| intake.clocks().set_aside(partition));
        }
        Ok(())
    }
}

fn regular_bytes(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(|file| file.is_file()).map(|file| file.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::{limits, line};
    use super::*;
    use crate::model::Tick;

    const T: i64 = 1_494_014_400_000;

    fn options(partitions: u32) -> FileOptions {
        let (delay, max_future) = (Duration::from_secs(10), Duration::from_secs(300));
        let (format, limits) = (Format::Native, limits());
        FileOptions { partitions, format, limits, delay, max_future, as_of: None, actions: Vec::new() }
    }

    fn write(dir: &tempfile::TempDir, name: &str, times: impl Iterator<Item = i64>) -> PathBuf {
        let mut text = Vec::new();
        for ts in times {
            text.extend(line(ts));
            text.push(b'\n');
        }
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What reading told: posts by pane, the end, the counts, and how far watermarks ran.
    struct Told {
        panes: BTreeMap<Tick, Vec<String>>,
        end: EventTime,
        tally: Tally,
        /// Greatest distance between a post and the watermark before it, in ms.
        ahead_ms: i64,
    }

    fn read(paths: &[PathBuf], options: FileOptions) -> Told {
        let mut source = FileSource::open(paths, options).unwrap();
        let mut panes: BTreeMap<Tick, Vec<String>> = BTreeMap::new();
        let (mut watermark, mut end, mut ahead_ms) = (EventTime::MIN, None, 0);
        let mut on = |step: Step<'_>| match step {
            Step::Post { post, .. } => {
                assert!(post.ts.tick() > watermark.closed_tick(), "no post misses its pane");
                assert_eq!(end, None);
                panes.entry(post.ts.tick()).or_default().push(post.id.to_string());
                if watermark > EventTime::MIN {
                    ahead_ms = ahead_ms.max(post.ts.0 - watermark.0);
                }
            }
            Step::Action(_) => panic!("nothing here is an action"),
            Step::Watermark(time) => {
                assert!(time >= watermark, "the watermark never goes back");
                watermark = time;
            }
            Step::End(time) => end = Some(time),
        };
        while source.next_batch(&mut on).unwrap() {}
        assert!(!source.next_batch(&mut on).unwrap());
        panes.values_mut().for_each(|posts| posts.sort());
        Told { panes, end: end.unwrap(), tally: source.tally().take(), ahead_ms }
    }

    #[test]
    fn the_end_closes_the_pane_of_the_greatest_time_and_nothing_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(&dir, "a", [T, T + 25_000, T + 21_000].into_iter());
        let told = read(&[path], options(1));
        assert_eq!(told.end, EventTime(T + 30_000));
        assert_eq!(told.tally.on_time, 3);
        let empty = write(&dir, "b", std::iter::empty());
        assert_eq!(read(&[empty], options(1)).end, EventTime::MIN);
    }

    #[test]
    fn dealing_over_partitions_changes_no_pane() {
        let dir = tempfile::tempdir().unwrap();
        // 60 000 posts in order, some seconds of disorder, three a second.
        let path = write(&dir, "a", (0..60_000).map(|n| T + n * 300 - (n * 7919 % 9_000)));
        let whole = read(std::slice::from_ref(&path), options(1));
        assert_eq!((whole.tally.on_time, whole.tally.late_posts()), (60_000, 0));
        for partitions in [2, 7, 64] {
            let dealt = read(std::slice::from_ref(&path), options(partitions));
            assert!(dealt.panes == whole.panes, "{partitions} partitions");
            assert_eq!((dealt.end, dealt.tally.late_posts()), (whole.end, 0));
            assert!(dealt.ahead_ms > 10 * 60 * 1000, "partitions lag by minutes: {} ms", dealt.ahead_ms);
        }
    }

    #[test]
    fn files_of_the_same_time_go_side_by_side() {
        let dir = tempfile::tempdir().unwrap();
        let busy = write(&dir, "busy", (0..50_000).map(|n| T + n * 100));
        let calm = write(&dir, "calm", (0..5_000).map(|n| T + n * 1000));
        let short = write(&dir, "short", (0..10).map(|n| T + n * 1000));
        let told = read(&[busy, calm, short], options(1));
        assert_eq!((told.tally.on_time, told.tally.late_posts()), (55_010, 0));
        // A batch of the calm file spans 2048 s; nothing runs ahead by much more.
        assert!(told.ahead_ms < 2 * 2_100_000, "{} ms ahead", told.ahead_ms);
    }

    #[test]
    fn bad_lines_are_counted_between_good_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let mut text = b"\xef\xbb\xbf".to_vec();
        for bad in [&b""[..], b"{torn", b"\xff\xfe", &vec![b'x'; 100_000], &line(T + 10_000_000)] {
            text.extend([&line(T)[..], b"\r\n", bad, b"\n"].concat());
        }
        text.extend(line(T));
        std::fs::write(&path, text).unwrap();
        let told = read(&[path], FileOptions { as_of: Some(EventTime(T)), ..options(1) });
        assert_eq!(told.tally.on_time, 6);
        assert_eq!(told.tally.rejected_posts(), 5);
        assert_eq!(told.tally.rejected[&super::super::decode::Reason::Future], 1);
    }

    #[test]
    fn errors_name_the_file_and_progress_counts_packed_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let error = FileSource::open(&[dir.path().join("none")], options(1)).err().unwrap().to_string();
        assert!(error.starts_with("cannot open ") && error.contains("none"), "{error}");
        let plain = std::fs::read(write(&dir, "a", (0..1000).map(|n| T + n))).unwrap();
        let packed = dir.path().join("packed");
        std::fs::write(&packed, zstd::encode_all(&plain[..], 3).unwrap()).unwrap();
        let bytes = std::fs::metadata(&packed).unwrap().len();
        let mut source = FileSource::open(&[packed], options(1)).unwrap();
        while source.next_batch(&mut |_| {}).unwrap() {}
        assert_eq!(source.progress(), (bytes, Some(bytes)));
        assert_eq!(source.tally().on_time, 1000);
    }
}
