//! Reads typed values out of the settings and collects what is wrong with them. A value that is wrong is replaced by a
//! placeholder so that reading goes on; a config with a fault is never built, so no placeholder leaves this step.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::{Fault, Layer};
use super::file::{CLIENT, Setting, Written};
use super::layer::shown;
use super::value::{parse_duration, parse_size, show_duration, show_size};

/// Why a value will not do: what it must be (continues "key (value) …"), and a way out other than the default.
pub(super) struct Wrong {
    pub must: String,
    pub help: Option<String>,
}

impl Wrong {
    pub fn must(must: impl Into<String>) -> Wrong {
        Wrong { must: must.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Wrong {
        self.help = Some(help.into());
        self
    }
}

/// The settings by key, and what was found wrong so far.
pub(super) struct Reader<'a> {
    /// All settings of a key, the weakest layer first.
    settings: BTreeMap<&'a str, Vec<&'a Setting>>,
    /// Keys that were asked for: the keys that exist.
    pub asked: BTreeSet<&'a str>,
    /// Keys with a fault, whose values are placeholders.
    wrong: BTreeSet<&'a str>,
    pub faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub fn new(all: &'a [Setting], faults: Vec<Fault>) -> Reader<'a> {
        let mut settings: BTreeMap<&str, Vec<&Setting>> = BTreeMap::new();
        for setting in all {
            settings.entry(setting.key.as_str()).or_default().push(setting);
        }
        Reader { settings, asked: BTreeSet::new(), wrong: BTreeSet::new(), faults }
    }

    /// The value of the strongest layer. Values of weaker layers are read too, and what is wrong with them is told.
    pub fn value<T>(&mut self, key: &'a str, placeholder: T, read: impl Fn(&Written) -> Result<T, Wrong>) -> T {
        self.asked.insert(key);
        let mut value = None;
        for setting in self.settings.get(key).map(Vec::as_slice).unwrap_or_default() {
            match read(&setting.value) {
                Ok(read) => value = Some(read),
                Err(wrong) => {
                    let message = format!("{key} ({}) {}", shown(key, &setting.value), wrong.must);
                    let help = wrong.help.or_else(|| self.default_of(key));
                    self.faults.push(Fault { message, help, place: Some(setting.place()) });
                    self.wrong.insert(key);
                }
            }
        }
        if !self.settings.contains_key(key) {
            self.faults.push(Fault::nowhere(format!("{key} is missing from the built-in defaults"), None));
            self.wrong.insert(key);
        }
        value.unwrap_or(placeholder)
    }

    /// A string, as `read` understands it.
    pub fn text<T>(&mut self, key: &'a str, placeholder: T, read: impl Fn(&str) -> Result<T, Wrong>) -> T {
        self.value(key, placeholder, |written| match written {
            Written::Quoted(text) | Written::Loose(text) => read(text),
            Written::Bare(text) => Err(Wrong::must("must be a string").help(format!("put it in quotes: \"{text}\""))),
            Written::Other(_) => Err(Wrong::must("must be a string, in quotes")),
        })
    }

    /// A whole number in a range.
    pub fn whole(&mut self, key: &'a str, range: RangeInclusive<u32>) -> u32 {
        let wanted = format!("must be a whole number from {} to {}", range.start(), range.end());
        self.value(key, *range.start(), |written| {
            let number = bare(written, &wanted)?.parse::<u32>().ok();
            number.filter(|number| range.contains(number)).ok_or_else(|| Wrong::must(&wanted))
        })
    }

    /// A number in a range.
    pub fn number(&mut self, key: &'a str, range: RangeInclusive<f64>) -> f64 {
        let wanted = format!("must be a number from {} to {}", range.start(), range.end());
        self.value(key, *range.start(), |written| {
            let number = bare(written, &wanted)?.parse::<f64>().ok();
            // Adding zero makes a negative zero positive, so that equal configs have equal hashes.
            number
                .filter(|number| range.contains(number))
                .map(|number| number + 0.0)
                .ok_or_else(|| Wrong::must(&wanted))
        })
    }

    /// A duration in a range.
    pub fn duration(&mut self, key: &'a str, range: RangeInclusive<Duration>) -> Duration {
        self.value(key, *range.start(), |written| {
            let text = match written {
                Written::Quoted(text) | Written::Loose(text) => text,
                Written::Bare(text) => {
                    let help = format!("a duration has a unit and quotes: \"{text}s\"");
                    return Err(Wrong::must("must be a duration").help(help));
                }
                Written::Other(_) => return Err(Wrong::must("must be a duration")),
            };
            let duration = parse_duration(text)
                .ok_or_else(|| Wrong::must("must be a duration such as 10s, 1m, 1h30m or 500ms"))?;
            if range.contains(&duration) {
                return Ok(duration);
            }
            let (low, high) = (show_duration(*range.start()), show_duration(*range.end()));
            Err(Wrong::must(format!("must be from {low} to {high}")))
        })
    }

    /// A size in bytes in a range.
    pub fn size(&mut self, key: &'a str, range: RangeInclusive<u64>) -> u64 {
        self.value(key, *range.start(), |written| {
            let (Written::Quoted(text) | Written::Loose(text) | Written::Bare(text)) = written else {
                return Err(Wrong::must("must be a size"));
            };
            let bytes =
                parse_size(text).ok_or_else(|| Wrong::must("must be a size such as 64MiB, 256KiB or 1048576"))?;
            if bytes < *range.start() {
                return Err(Wrong::must(format!("must be at least {}", show_size(*range.start()))));
            }
            if bytes > *range.end() {
                return Err(Wrong::must(format!("must be at most {}", show_size(*range.end()))));
            }
            Ok(bytes)
        })
    }

    /// All settings below `kafka.client.`, the weakest layer first.
    pub fn client(&self) -> Vec<&'a Setting> {
        let inside = |key: &str| key.strip_prefix(CLIENT).is_some_and(|rest| rest.starts_with('.'));
        let mut found: Vec<&Setting> =
            self.settings.iter().filter(|(key, _)| inside(key)).flat_map(|(_, all)| all.iter().copied()).collect();
        found.sort_by_key(|setting| setting.source.layer);
        found
    }

    /// Whether none of the keys holds a placeholder, so that they can be compared.
    pub fn good(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| !self.wrong.contains(key))
    }

    /// Values that do not go together: told at the key of the strongest layer, the one that somebody wrote last.
    pub fn conflict(&mut self, keys: &[&str], must: &str, help: Option<String>) {
        let strongest =
            keys.iter().filter_map(|key| self.settings.get(key)?.last()).max_by_key(|setting| setting.source.layer);
        let place = strongest.map(|setting| setting.place());
        self.faults.push(Fault { message: must.to_string(), help, place });
    }

    /// `key (value)`, as messages name a value of several.
    pub fn named(&self, key: &str) -> String {
        let value = self.settings.get(key).and_then(|all| all.last()).map(|setting| shown(key, &setting.value));
        format!("{key} ({})", value.unwrap_or_else(|| "missing".to_string()))
    }

    /// Who set a key, for people.
    pub fn set_by(&self, key: &str) -> String {
        let setting = self.settings.get(key).and_then(|all| all.last());
        match setting.and_then(|setting| setting.origin()) {
            Some(origin) => format!("{key} is set by {origin}"),
            None => format!("{key} is at its default"),
        }
    }

    fn default_of(&self, key: &str) -> Option<String> {
        let first = self.settings.get(key)?.first()?;
        (first.source.layer == Layer::BuiltIn).then(|| match &first.value {
            Written::Quoted(text) => format!("the default is \"{text}\""),
            other => format!("the default is {}", shown(key, other)),
        })
    }
}

fn bare<'t>(written: &'t Written, wanted: &str) -> Result<&'t str, Wrong> {
    match written {
        Written::Bare(text) | Written::Loose(text) => Ok(text),
        Written::Quoted(_) => Err(Wrong::must(wanted).help("leave out the quotes")),
        Written::Other(_) => Err(Wrong::must(wanted)),
    }
}
