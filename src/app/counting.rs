//! `tagwatch replay --counts`: the burst axis alone on a count series, one line a row.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::Exit;
use super::replay::Summary;
use crate::assess::values::Score;
use crate::config::{Config, parse_time};
use crate::decide::counts::{COUNT_MAX, CountRow, CountSeries, CountState};
use crate::model::EventTime;
use crate::source::file::Sample;

/// Longest line that can be a row.
const LINE_BYTES_MAX: usize = 1_024;
/// Line numbers that are named for each reason of rejection.
const LINES_NAMED: usize = 5;

/// One row as printed.
#[derive(Debug, Serialize)]
struct Line {
    timestamp: String,
    value: u64,
    /// The count usually seen; null while there is too little history.
    expected: Option<f64>,
    /// Variance over mean of the history.
    dispersion: f64,
    burst: Score,
    /// Whether the row is further above usual than every row of the three days before it.
    new: bool,
    state: &'static str,
}

impl Line {
    fn of(at: EventTime, value: u64, row: &CountRow) -> Line {
        let state = match row.state {
            CountState::Usual => "usual",
            CountState::Begins => "begins",
            CountState::GoesOn => "goes_on",
        };
        let dispersion = libm::round(row.dispersion * 1_000.0) / 1_000.0;
        let timestamp = at.to_string();
        Line { timestamp, value, expected: row.expected, dispersion, burst: row.burst, new: row.is_new, state }
    }
}

/// What became of the rows.
#[derive(Debug, Default, Serialize)]
struct Counted {
    /// Rows that were taken.
    rows: u64,
    /// Bursts that began.
    bursts: u64,
    /// Rows that were not taken, by reason.
    rejected: BTreeMap<&'static str, Rejected>,
    /// Rows forgotten before their 28 days were over, because there were too many.
    forgotten_early: u64,
}

/// Rows rejected for one reason.
#[derive(Debug, Default, Serialize)]
struct Rejected {
    rows: u64,
    /// Numbers of the first lines, from 1.
    lines: Vec<u64>,
}

impl Counted {
    fn reject(&mut self, reason: &'static str, line: u64) {
        let rejected = self.rejected.entry(reason).or_default();
        rejected.rows += 1;
        if rejected.lines.len() < LINES_NAMED {
            rejected.lines.push(line);
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rejected: u64 = self.rejected.values().map(|rejected| rejected.rows).sum();
        write!(f, "{} rows, {} bursts, {rejected} rejected", self.rows, self.bursts)?;
        for (reason, rejected) in &self.rejected {
            let lines: Vec<String> = rejected.lines.iter().map(u64::to_string).collect();
            let more = if rejected.rows > lines.len() as u64 { " …" } else { "" };
            write!(f, "\n  {:>6} {reason}: line {}{more}", rejected.rows, lines.join(", "))?;
        }
        match self.forgotten_early {
            0 => Ok(()),
            early => write!(f, "\n  {early} rows forgotten before their 28 days were over"),
        }
    }
}

/// Reads the series of `path` and says of every row what the burst axis says.
///
/// # Errors
/// The file cannot be read to its end, or stdout not be written. What was read before is written all the same.
pub fn execute(path: &Path, summary: Summary, config: &Config) -> anyhow::Result<Exit> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut lines = Sample::open(path, usize::MAX, LINE_BYTES_MAX)?;
    let counted = count(&mut lines, config, &mut out).context("cannot write to stdout")?;
    out.flush().context("cannot write to stdout")?;
    // Where stderr is closed there is nobody left to tell.
    let _ = match summary {
        Summary::Text => writeln!(io::stderr(), "{counted}"),
        Summary::Json => writeln!(io::stderr(), "{}", serde_json::to_string(&counted)?),
        Summary::None => Ok(()),
    };
    lines.broken_off.map_or(Ok(Exit::Done), |error| Err(error.into()))
}

fn count(lines: impl Iterator<Item = Vec<u8>>, config: &Config, out: &mut impl Write) -> io::Result<Counted> {
    let mut series = CountSeries::new(&config.detect);
    let mut counted = Counted::default();
    for (number, line) in (1_u64..).zip(lines) {
        let (at, value) = match row(&line) {
            Ok(row) => row,
            Err("header") if number == 1 => continue,
            Err(reason) => {
                counted.reject(reason, number);
                continue;
            }
        };
        if series.last().is_some_and(|last| at <= last) {
            counted.reject("not_after_the_last", number);
            continue;
        }
        let said = series.hear(at, value);
        counted.rows += 1;
        counted.bursts += u64::from(said.state == CountState::Begins);
        serde_json::to_writer(&mut *out, &Line::of(at, value, &said))?;
        out.write_all(b"\n")?;
    }
    counted.forgotten_early = series.forgotten_early();
    Ok(counted)
}

/// Time and count of a line, or why it is no row.
fn row(line: &[u8]) -> Result<(EventTime, u64), &'static str> {
    if line.len() > LINE_BYTES_MAX {
        return Err("too_long");
    }
    let text = std::str::from_utf8(line).map_err(|_| "not_utf8")?;
    if text.trim().is_empty() {
        return Err("empty");
    }
    let bare = |field: &str| field.trim().trim_matches('"').trim().to_owned();
    let fields: Vec<String> = text.split(',').map(bare).collect();
    let [time, value] = fields.as_slice() else { return Err("not_two_fields") };
    if time.eq_ignore_ascii_case("timestamp") && value.eq_ignore_ascii_case("value") {
        return Err("header");
    }
    Ok((read_time(time).ok_or("bad_timestamp")?, read_count(value)?))
}

/// RFC 3339; `YYYY-MM-DD HH:MM:SS`, in UTC; seconds or milliseconds since the epoch, which the years 2000 to 2099 tell apart.
fn read_time(text: &str) -> Option<EventTime> {
    if let Ok(epoch) = text.parse::<i64>() {
        let ways = [Some(epoch), epoch.checked_mul(1_000)];
        return ways.into_iter().flatten().map(EventTime).find(|at| at.is_plausible());
    }
    let in_utc = || parse_time(&format!("{text}Z"));
    parse_time(text).or_else(in_utc)
}

/// A whole number, `104` or `104.0`.
fn read_count(text: &str) -> Result<u64, &'static str> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(rest.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err("not_a_count");
    }
    if rest.bytes().any(|byte| byte != b'0') {
        return Err("not_a_count");
    }
    whole.parse().ok().filter(|count| *count <= COUNT_MAX).ok_or("too_large")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::defaults;

    #[test]
    fn times_are_read_in_all_forms() {
        let at = Some(EventTime(1_424_986_920_500));
        for text in ["2015-02-26T21:42:00.5Z", "2015-02-26T22:42:00.5+01:00", "2015-02-26 21:42:00.5", "1424986920500"]
        {
            assert_eq!(read_time(text), at, "{text}");
        }
        assert_eq!(read_time("1424986920"), Some(EventTime(1_424_986_920_000)));
        for text in ["", "yesterday", "2015-13-01 00:00:00", "12", "9223372036854775807", "1999-01-01 00:00:00"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }

    #[test]
    fn bad_rows_are_counted_by_reason_and_named_by_line() {
        let long = "9".repeat(LINE_BYTES_MAX + 1);
        let text = [
            "timestamp,value",
            "2015-02-26 21:42:00,4",
            "2015-02-26 21:42:00,4",
            "2015-02-26 21:41:00,4",
            "\"2015-02-26 22:42:00\",\"5.0\"",
            "2015-02-27 22:42:00,-5",
            "2015-02-27 22:42:00,5.5",
            "2015-02-27 22:42:00,NaN",
            "2015-02-27 22:42:00,99999999999999999999",
            "2015-02-27 22:42:00",
            "soon,5",
            "",
            &long,
            "timestamp,value",
        ];
        let mut out = Vec::new();
        let lines = text.iter().map(|line| line.as_bytes().to_vec()).chain([vec![0xff]]);
        let counted = count(lines, &defaults(), &mut out).expect("memory can be written");
        assert_eq!(String::from_utf8(out).expect("JSON").lines().count(), 2);
        let told = serde_json::to_value(&counted).expect("a summary");
        let expected = serde_json::json!({
            "rows": 2, "bursts": 0, "forgotten_early": 0,
            "rejected": {
                "bad_timestamp": {"rows": 1, "lines": [11]},
                "empty": {"rows": 1, "lines": [12]},
                "header": {"rows": 1, "lines": [14]},
                "not_a_count": {"rows": 3, "lines": [6, 7, 8]},
                "not_after_the_last": {"rows": 2, "lines": [3, 4]},
                "not_two_fields": {"rows": 1, "lines": [10]},
                "not_utf8": {"rows": 1, "lines": [15]},
                "too_large": {"rows": 1, "lines": [9]},
                "too_long": {"rows": 1, "lines": [13]},
            },
        });
        assert_eq!(told, expected);
        assert!(counted.to_string().starts_with("2 rows, 0 bursts, 12 rejected\n"), "{counted}");
    }
}
