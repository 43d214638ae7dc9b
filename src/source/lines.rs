//! Lines of a file, whatever it is packed in: plain, gzip (of several members), zstd (of several frames), or standard
//! input. What it is shows in its first bytes, not in its name. A line too long to be a post is never held in memory.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memchr;

/// Bytes read at once from a file that is the only one.
const READ_BYTES: usize = 1 << 20;
/// Bytes read at once, all files together, and the least for one.
const READ_BYTES_TOGETHER: usize = 64 << 20;
const READ_BYTES_MIN: usize = 64 << 10;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of one input, in one reusable buffer.
pub struct Lines {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    /// How far the unread part is known to hold no newline.
    scanned: usize,
    /// Bytes read from `input` at once.
    read_bytes: usize,
    /// Longest line handed out whole; of a longer one only as much is handed out as shows that it is longer.
    line_bytes_max: usize,
    /// Number of the next line, from 0.
    number: i64,
    ended: bool,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from 0.
    pub number: i64,
    /// Its bytes; of a line longer than the limit, the first one more than the limit.
    pub bytes: &'a [u8],
}

impl Lines {
    /// Opens a file, or standard input for `-`. Bytes taken from it, as they lie on the disk, are added to `taken`.
    /// `files` is the number of files open at once, which share the memory for reading.
    ///
    /// # Errors
    /// If the file cannot be opened or its first bytes cannot be read; the message names it.
    pub fn open(path: &Path, line_bytes_max: usize, files: usize, taken: Arc<AtomicU64>) -> io::Result<Lines> {
        let file = || File::open(path).map_err(|error| unreadable(path, "open", 0, &error));
        let raw: Box<dyn Read + Send> = if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(file()?) };
        let read_bytes = (READ_BYTES_TOGETHER / files.max(1)).clamp(READ_BYTES_MIN, READ_BYTES);
        let lines = Lines::new(Counted { raw, taken }, line_bytes_max, read_bytes);
        lines.map_err(|error| unreadable(path, "read", 0, &error))
    }

    /// Lines handed out so far.
    pub fn count(&self) -> i64 {
        self.number
    }

    fn new(mut raw: impl Read + Send + 'static, line_bytes_max: usize, read_bytes: usize) -> io::Result<Lines> {
        let mut magic = Vec::with_capacity(ZSTD.len());
        raw.by_ref().take(ZSTD.len() as u64).read_to_end(&mut magic)?;
        let (gzip, zstd) = (magic.starts_with(&GZIP), magic.starts_with(&ZSTD) || is_skippable(&magic));
        let whole = Cursor::new(magic).chain(raw);
        let input: Box<dyn Read + Send> = if gzip {
            Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(read_bytes, whole)))
        } else if zstd {
            Box::new(zstd::Decoder::with_buffer(BufReader::with_capacity(read_bytes, whole))?)
        } else {
            Box::new(whole)
        };
        let buffer = vec![0; read_bytes + line_bytes_max + 2];
        let (start, end, scanned, number, ended) = (0, 0, 0, 0, false);
        let mut lines = Lines { input, buffer, start, end, scanned, read_bytes, line_bytes_max, number, ended };
        while lines.end < BYTE_ORDER_MARK.len() && lines.fill()? {}
        if lines.buffer[..lines.end].starts_with(BYTE_ORDER_MARK) {
            lines.start = BYTE_ORDER_MARK.len();
        }
        Ok(lines)
    }

    /// The next line, or none at the end. An empty line at the very end is no line; any other is.
    ///
    /// # Errors
    /// If reading or unpacking fails, as for a file cut short.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let (from, to, next) = loop {
            let unread = &self.buffer[self.start + self.scanned..self.end];
            if let Some(found) = memchr(b'\n', unread) {
                let to = self.start + self.scanned + found;
                break (self.start, to, to + 1);
            }
            self.scanned = self.end - self.start;
            // One more than the limit may be the '\r' of the line's end; two more may not.
            if self.scanned > self.line_bytes_max + 1 {
                return self.cut_line().map(Some);
            }
            if !self.fill()? {
                if self.scanned == 0 {
                    return Ok(None);
                }
                break (self.start, self.end, self.end);
            }
        };
        let bare = without_return(&self.buffer[from..to]).len();
        (self.start, self.scanned) = (next, 0);
        if bare == 0 && self.start == self.end {
            // Nothing after an empty line: it was the end of the file. `fill` moves the unread part, which is empty.
            if !self.fill()? {
                return Ok(None);
            }
            return Ok(Some(self.numbered(0, 0)));
        }
        Ok(Some(self.numbered(from, from + bare)))
    }

    /// A line longer than the limit: keeps its beginning, reads past the rest without keeping it.
    fn cut_line(&mut self) -> io::Result<Line<'_>> {
        let kept = self.line_bytes_max + 1;
        self.buffer.copy_within(self.start..self.start + kept, 0);
        loop {
            let count = read_some(&mut self.input, &mut self.buffer[kept..])?;
            (self.start, self.end, self.scanned) = (kept, kept + count, 0);
            if count == 0 {
                self.ended = true;
                break;
            }
            if let Some(found) = memchr(b'\n', &self.buffer[kept..kept + count]) {
                self.start = kept + found + 1;
                break;
            }
        }
        Ok(self.numbered(0, kept))
    }

    fn numbered(&mut self, from: usize, to: usize) -> Line<'_> {
        let number = self.number;
        self.number += 1;
        Line { number, bytes: &self.buffer[from..to] }
    }

    /// Reads on, after moving the unread part to the front where room runs out; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.buffer.len() - self.end < self.read_bytes {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = self.end..self.buffer.len().min(self.end + self.read_bytes);
        let count = read_some(&mut self.input, &mut self.buffer[room])?;
        self.end += count;
        self.ended = count == 0;
        Ok(!self.ended)
    }
}

/// The error that names a file and says how far reading came.
pub fn unreadable(path: &Path, what: &str, lines: i64, error: &io::Error) -> io::Error {
    let after = if lines > 0 { format!(" after {lines} lines") } else { String::new() };
    let cut = if error.kind() == io::ErrorKind::UnexpectedEof { "it is cut short, " } else { "" };
    io::Error::new(error.kind(), format!("cannot {what} {}{after}: {cut}{error}", path.display()))
}

/// Reads at least one byte unless the input has ended.
fn read_some(input: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// zstd's frames for metadata, which may stand before the first frame of data.
fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [first, 0x2a, 0x4d, 0x18] if first & 0xf0 == 0x50)
}

/// Counts the bytes taken from a file.
struct Counted<R> {
    raw: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(room)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// An input that hands out at most so many bytes at once, so that lines break anywhere.
    struct Slow(Cursor<Vec<u8>>, usize);

    impl Read for Slow {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = room.len().min(self.1);
            self.0.read(&mut room[..count])
        }
    }

    fn read(bytes: &[u8], at_once: usize) -> io::Result<Vec<(i64, String)>> {
        let mut lines = Lines::new(Slow(Cursor::new(bytes.to_vec()), at_once), 8, 16)?;
        let mut all = Vec::new();
        while let Some(line) = lines.next_line()? {
            all.push((line.number, String::from_utf8(line.bytes.to_vec()).unwrap()));
        }
        Ok(all)
    }

    fn check(bytes: &[u8], expected: &[&str]) {
        let expected: Vec<_> = expected.iter().enumerate().map(|(n, line)| (n as i64, (*line).to_owned())).collect();
        for at_once in 1..=40 {
            assert_eq!(read(bytes, at_once).unwrap(), expected, "{at_once} bytes at once");
        }
    }

    #[test]
    fn ends_of_lines_and_of_files_come_in_all_kinds() {
        check(b"", &[]);
        check(b"one\ntwo\n", &["one", "two"]);
        check(b"one\r\ntwo", &["one", "two"]);
        check(b"\xef\xbb\xbfone\n", &["one"]);
        check(b"\xef\xbb\xbf", &[]);
        check(b"one\n\ntwo\n\n", &["one", "", "two"]);
        check(b"one\n\r\n\n\r\n", &["one", "", ""]);
        check(b"\n", &[]);
        check(b"a\rb\r\r\n", &["a\rb\r"]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_cut_where_it_shows_and_the_next_is_whole() {
        check(b"12345678\r\n123456789\n1\n", &["12345678", "123456789", "1"]);
        check(b"12345678901234567890123456789012345678901234567890\nnext\n", &["123456789", "next"]);
        check(b"12345678901234567890123456789012345678901234567890", &["123456789"]);
        check(b"123456789\r\nnext\r\n", &["123456789", "next"]);
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_files_are_known_by_their_first_bytes() {
        check(&[gzip(b"one\ntw"), gzip(b"o\n"), gzip(b"three")].concat(), &["one", "two", "three"]);
        let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
        check(&[zstd(b"one\ntw"), zstd(b"o\n")].concat(), &["one", "two"]);
        let metadata = b"\x5e\x2a\x4d\x18\x02\x00\x00\x00hi".to_vec();
        check(&[metadata, zstd(b"one")].concat(), &["one"]);
    }

    #[test]
    fn a_packed_file_cut_short_is_an_error_after_its_whole_lines() {
        let whole = gzip(b"one\ntwo\n");
        assert!(read(&whole[..whole.len() - 4], 7).is_err());
    }

    #[test]
    fn the_buffer_does_not_grow_with_a_line_of_100_mb() {
        let endless = io::repeat(b'x').take(100 << 20).chain(Cursor::new(b"\nshort\n".to_vec()));
        let mut lines = Lines::new(endless, 1000, READ_BYTES_MIN).unwrap();
        let room = lines.buffer.capacity();
        assert_eq!(lines.next_line().unwrap().unwrap().bytes.len(), 1001);
        assert_eq!(lines.next_line().unwrap().unwrap(), Line { number: 1, bytes: b"short" });
        assert_eq!(lines.next_line().unwrap(), None);
        assert_eq!(lines.buffer.capacity(), room);
    }
}
