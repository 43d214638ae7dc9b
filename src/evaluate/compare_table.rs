//! A comparison as people read it.

use std::fmt;

use super::compare::{Became, Comparison, Difference, Log, LogAlert};

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "   {:>8} {:>7} {:>11} {:>7} {:>7}  config, event time",
            "lines", "pages", "held back", "tickets", "info"
        )?;
        write_log(f, "A", &self.a)?;
        write_log(f, "B", &self.b)?;
        if self.a.config_versions == self.b.config_versions {
            writeln!(f, "both were written under the same config version")?;
        }
        writeln!(f, "\n{:>6} the same in both", self.same)?;
        for (became, count) in &self.counts {
            writeln!(f, "{count:>6} {}", became.heading())?;
        }
        for became in Became::ALL {
            let listed: Vec<&Difference> = self.differences.iter().filter(|one| one.became == became).collect();
            if !listed.is_empty() {
                writeln!(f, "\n{}", became.heading())?;
            }
            listed.into_iter().try_for_each(|difference| write_difference(f, difference))?;
        }
        let unlisted = self.counts.values().sum::<usize>() - self.differences.len();
        if unlisted > 0 {
            writeln!(f, "\n{unlisted} for the record alone are not listed; --all lists them")?;
        }
        Ok(())
    }
}

fn write_log(f: &mut fmt::Formatter<'_>, name: &str, log: &Log) -> fmt::Result {
    let Log { lines, pages, pages_suppressed, tickets, infos, config_versions, from, to, .. } = log;
    write!(f, "{name}  {lines:>8} {pages:>7} {pages_suppressed:>11} {tickets:>7} {infos:>7}  ")?;
    let versions: Vec<&str> = config_versions.iter().map(String::as_str).collect();
    write!(f, "{}", if versions.is_empty() { "unknown".to_owned() } else { versions.join(" ") })?;
    match (from, to) {
        (Some(from), Some(to)) => writeln!(f, ", {from} to {to}"),
        _ => writeln!(f),
    }
}

fn write_difference(f: &mut fmt::Formatter<'_>, difference: &Difference) -> fmt::Result {
    writeln!(f, "  #{}", difference.hashtag)?;
    if let Some(a) = &difference.a {
        writeln!(f, "    A  {}", Told(a))?;
    }
    if let Some(b) = &difference.b {
        write!(f, "    B  {}", Told(b))?;
        let seconds = difference.a.as_ref().map_or(0, |a| (b.at.0 - a.at.0) / 1000);
        match seconds {
            0 => writeln!(f)?,
            late if late > 0 => writeln!(f, ", {} later", Span(late))?,
            early => writeln!(f, ", {} earlier", Span(-early))?,
        }
    }
    // What would be read at night; where nobody pages any more, what is no longer read.
    let alert = if difference.became == Became::NoLongerPages { &difference.a } else { &difference.b };
    let explanation = alert.as_ref().or(difference.a.as_ref()).map_or("", |alert| &alert.explanation);
    if explanation.is_empty() { Ok(()) } else { writeln!(f, "       {explanation}") }
}

/// An alert of one log in a line.
struct Told<'a>(&'a LogAlert);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogAlert { kind, severity, suppressed, at, alert_id, .. } = self.0;
        let held = if *suppressed { " (held back)" } else { "" };
        write!(f, "{at}  {}{held} {kind}, alert {alert_id}", severity.as_str())
    }
}

/// A span in seconds.
struct Span(i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        match (hours, minutes) {
            (0, 0) => write!(f, "{seconds} s"),
            (0, _) => write!(f, "{minutes} min {seconds} s"),
            _ => write!(f, "{hours} h {minutes} min"),
        }
    }
}
