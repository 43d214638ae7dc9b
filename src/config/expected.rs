//! Expected events: the list `[[expected]]` of the config file. What is known beforehand, such as a final or an announced
//! boycott, lowers the severity of its alerts for its time; it hides none.
//!
//! A list stands in one layer, the file: neither variables nor flags have a way to say which entry they mean, so they are
//! refused. Where two files have a list, the stronger one's list counts whole.

use std::collections::BTreeMap;

use super::fault::{Fault, Layer, Place};
use super::file::{Setting, Written};
use super::layer::shown;
use super::value::parse_time;
use crate::model::EventTime;
use crate::model::hashtag::canonical;

/// The key of the list.
pub(super) const LIST: &str = "expected";
/// Most entries: each is held against each open alert.
const ENTRIES_MAX: usize = 1000;
/// Longest reason: it is part of a sentence.
const REASON_CHARS_MAX: usize = 200;
/// What an entry has.
const FORM: &str = "an expected event has hashtag or pattern, from, to and reason";

/// Something known beforehand that explains the alerts of some hashtags for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Which hashtags.
    pub hashtags: Glob,
    /// Event time from which it is expected.
    pub from: EventTime,
    /// Event time from which it is over.
    pub to: EventTime,
    /// Why, in the words of whoever wrote the list.
    pub reason: String,
}

impl Expected {
    /// Whether it explains an alert on this hashtag, in canonical form, at this time.
    pub fn covers(&self, hashtag: &str, at: EventTime) -> bool {
        self.from <= at && at < self.to && self.hashtags.fits(hashtag)
    }
}

/// A hashtag, or a pattern in which each `*` stands for any characters, none too. In canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// What stands between the stars; one part has no star.
    parts: Vec<String>,
}

impl Glob {
    /// A pattern as a person writes it, each part brought to canonical form as hashtags of posts are. None where a part
    /// holds what no hashtag has, or where it fits every hashtag.
    pub fn read(text: &str) -> Option<Glob> {
        let bare = text.trim().trim_start_matches('#');
        // A part may be what is no hashtag alone, such as a year, so a letter stands before it.
        let part = |part: &str| canonical(&format!("a{part}"))?.strip_prefix('a').map(str::to_owned);
        let parts: Vec<String> = bare.split('*').map(part).collect::<Option<_>>()?;
        parts.iter().any(|part| !part.is_empty()).then_some(Glob { parts })
    }

    /// Whether a hashtag in canonical form fits.
    pub fn fits(&self, hashtag: &str) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == hashtag);
        };
        let Some(mut rest) = hashtag.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            // The first place that fits leaves most for the others.
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

impl std::fmt::Display for Glob {
    /// With '#' and stars.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", self.parts.join("*"))
    }
}

/// Whether a key belongs to the list.
pub(super) fn owns(key: &str) -> bool {
    key.strip_prefix(LIST).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Reads the list of the strongest layer that has one. The lists of weaker layers are read too: a fault that sleeps is
/// still a fault.
pub(super) fn expected(settings: &[Setting], faults: &mut Vec<Fault>) -> Vec<Expected> {
    let mut lists: BTreeMap<Layer, Vec<&Setting>> = BTreeMap::new();
    for setting in settings.iter().filter(|setting| owns(&setting.key)) {
        lists.entry(setting.source.layer).or_default().push(setting);
    }
    let read = lists.into_iter().map(|(layer, settings)| match layer {
        Layer::Environment | Layer::Flag => {
            faults.extend(settings.iter().map(|setting| no_list(setting)));
            None
        }
        _ => Some(list(&settings, faults)),
    });
    // Weakest first, so the last one is the strongest.
    read.collect::<Vec<_>>().into_iter().flatten().next_back().unwrap_or_default()
}

fn no_list(setting: &Setting) -> Fault {
    let message = format!("{LIST} is a list and stands in the config file alone");
    let help = "write [[expected]] with hashtag or pattern, from, to and reason there".to_string();
    Fault { message, help: Some(help), place: Some(setting.key_place(0)) }
}

fn list(settings: &[&Setting], faults: &mut Vec<Fault>) -> Vec<Expected> {
    let mut entries: BTreeMap<usize, Vec<&Setting>> = BTreeMap::new();
    for setting in settings {
        let index = setting.key.split('.').nth(1).and_then(|index| index.parse::<usize>().ok());
        match (index, &setting.value) {
            (Some(index), _) => entries.entry(index).or_default().push(setting),
            (None, Written::Other(EMPTY)) => {}
            (None, _) => {
                let message = format!("{LIST} is a list: each entry begins with [[expected]]");
                faults.push(Fault { message, help: Some(FORM.to_string()), place: Some(setting.key_place(0)) });
            }
        }
    }
    if let Some(first_over) = entries.keys().nth(ENTRIES_MAX) {
        let message = format!("{LIST} has {} entries, at most {ENTRIES_MAX}", entries.len());
        let help = "remove what is over, or join entries by a pattern".to_string();
        faults.push(Fault { message, help: Some(help), place: Some(entries[first_over][0].place()) });
    }
    entries.values().filter_map(|settings| Entry { settings, faults }.read()).collect()
}

/// What `expected = []` is read as.
pub(super) const EMPTY: &str = "an empty list";

/// One entry while it is read: every fault of it is told.
struct Entry<'a, 'f> {
    /// The entry itself, then its keys.
    settings: &'a [&'a Setting],
    faults: &'f mut Vec<Fault>,
}

impl<'a> Entry<'a, '_> {
    fn read(mut self) -> Option<Expected> {
        let known = ["hashtag", "pattern", "from", "to", "reason"];
        for setting in self.settings {
            // `expected.0` is the entry, `expected.0.from.x` no key of it.
            let Some(name) = setting.key.splitn(3, '.').nth(2).filter(|name| !known.contains(name)) else { continue };
            let message = format!("unknown key {LIST}.{name}");
            self.fault(setting.key_place(2), message, FORM);
        }
        let hashtags = self.hashtags();
        let (from, to) = (self.time("from"), self.time("to"));
        if let (Some(from), Some(to), Some(written)) = (from, to, self.key("to"))
            && from >= to
        {
            let message = format!("{LIST}.to ({to}) must be after from ({from})");
            self.fault(written.place(), message, "it holds from `from` on and until just before `to`");
        }
        let reason = self.reason();
        Some(Expected { hashtags: hashtags?, from: from?, to: to?, reason: reason? })
    }

    fn fault(&mut self, place: Place, message: String, help: &str) {
        self.faults.push(Fault { message, help: Some(help.to_string()), place: Some(place) });
    }

    fn key(&self, name: &str) -> Option<&'a Setting> {
        self.settings.iter().find(|setting| setting.key.splitn(3, '.').nth(2) == Some(name)).copied()
    }

    /// A key that an entry cannot be without.
    fn needed(&mut self, name: &str) -> Option<&'a Setting> {
        let found = self.key(name);
        if found.is_none() {
            let place = self.settings[0].place();
            self.fault(place, format!("an expected event needs {name}"), FORM);
        }
        found
    }

    fn hashtags(&mut self) -> Option<Glob> {
        let (hashtag, pattern) = (self.key("hashtag"), self.key("pattern"));
        match (hashtag, pattern) {
            (Some(_), Some(pattern)) => {
                let message = "an expected event has hashtag or pattern, not both".to_string();
                self.fault(pattern.key_place(2), message, "write two entries");
                None
            }
            (None, None) => {
                self.needed("hashtag or pattern");
                None
            }
            (Some(setting), None) => {
                let text = text(setting).filter(|text| !text.contains('*'));
                let read = text.filter(|text| canonical(text).is_some()).and_then(Glob::read);
                if read.is_none() {
                    let message = format!("{LIST}.hashtag ({}) is no hashtag", shown(LIST, &setting.value));
                    self.fault(setting.place(), message, "letters, digits and _ in quotes; with `*` it is a pattern");
                }
                read
            }
            (None, Some(setting)) => {
                let read = text(setting).and_then(Glob::read);
                if read.is_none() {
                    let all = text(setting).is_some_and(|text| text.chars().all(|c| "#* ".contains(c)));
                    let why = if all { "fits every hashtag" } else { "holds what no hashtag has" };
                    let message = format!("{LIST}.pattern ({}) {why}", shown(LIST, &setting.value));
                    self.fault(setting.place(), message, "in quotes: letters, digits and _, and `*` for any between");
                }
                read
            }
        }
    }

    fn time(&mut self, name: &str) -> Option<EventTime> {
        let setting = self.needed(name)?;
        let read = match &setting.value {
            // TOML has times of its own, without quotes.
            Written::Quoted(text) | Written::Bare(text) => parse_time(text),
            _ => None,
        };
        if read.is_none() {
            let message = format!("{LIST}.{name} ({}) is no time with a zone", shown(LIST, &setting.value));
            self.fault(setting.place(), message, "write an event time such as 2026-07-19T18:00:00Z");
        }
        read
    }

    fn reason(&mut self) -> Option<String> {
        let setting = self.needed("reason")?;
        let fits = |text: &&str| {
            let chars = text.chars().count();
            (1..=REASON_CHARS_MAX).contains(&chars) && !text.chars().any(char::is_control)
        };
        let read = text(setting).map(str::trim).filter(fits).map(str::to_owned);
        if read.is_none() {
            let message = format!("{LIST}.reason ({}) says nothing", shown(LIST, &setting.value));
            let message = if text(setting).is_some_and(|text| text.trim().is_empty()) {
                message
            } else {
                format!("{LIST}.reason must be one line in quotes of at most {REASON_CHARS_MAX} characters")
            };
            self.fault(setting.place(), message, "whoever is woken reads it: \"final of the cup, kick-off 18:00\"");
        }
        read
    }
}

/// A string in quotes.
fn text(setting: &Setting) -> Option<&str> {
    match &setting.value {
        Written::Quoted(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
