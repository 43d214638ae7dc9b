//! The config as written: TOML, environment variables and flags become one list of settings, each with the place it
//! stands in. Nothing here knows a key; `check` does.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::expected::{EMPTY, LIST};
use super::fault::{Fault, Layer, Place, Source};

/// Below this path every key is one librdkafka property, dots and all.
pub(super) const CLIENT: &str = "kafka.client";

/// A value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// A string of a file, without its quotes.
    Quoted(String),
    /// A number, a boolean or a date of a file.
    Bare(String),
    /// From a variable or a flag: the key decides what it is.
    Loose(String),
    /// What no key takes: an array, or a table without keys.
    Other(&'static str),
}

/// One `key = value` of one layer.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The dotted key.
    pub key: String,
    pub value: Written,
    /// The file, variable or flag.
    pub source: Arc<Source>,
    /// Where each part of the key stands; one span for the whole key outside files.
    pub parts: Box<[Range<usize>]>,
    /// Where the value stands.
    pub span: Range<usize>,
}

impl Setting {
    /// Where the value stands.
    pub fn place(&self) -> Place {
        Place { source: self.source.clone(), span: self.span.clone() }
    }

    /// Who set it, for people: `tagwatch.toml:3`, a variable or a flag; none for the built-in defaults.
    pub fn origin(&self) -> Option<String> {
        match self.source.layer {
            Layer::BuiltIn => None,
            Layer::File | Layer::Shadow => Some(format!("{}:{}", self.source.name, self.place().line())),
            Layer::Environment | Layer::Flag => self.source.text.split('=').next().map(str::to_string),
        }
    }

    /// Where part `index` of the key stands.
    pub fn key_place(&self, index: usize) -> Place {
        let span = self.parts.get(index).or(self.parts.last()).unwrap_or(&self.span).clone();
        Place { source: self.source.clone(), span }
    }
}

/// Reads a TOML text into `settings`. A broken line is a fault and does not hide the lines after it.
pub(super) fn read_toml(source: Arc<Source>, settings: &mut Vec<Setting>, faults: &mut Vec<Fault>) {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let mut broken_lines = Vec::new();
    for error in errors {
        let place = Place { source: source.clone(), span: error.span().unwrap_or(0..0) };
        broken_lines.push(place.line());
        let help = match error.message() {
            "duplicate key" => "keep one of them",
            message if message.starts_with("unclosed") => "close it on the same line",
            _ => "strings, addresses, durations and sizes stand in quotes",
        };
        faults.push(Fault { message: error.message().to_string(), help: Some(help.to_string()), place: Some(place) });
    }
    let mut walk = Walk { source: source.clone(), settings: Vec::new(), path: Vec::new(), parts: Vec::new() };
    walk.table(root.get_ref());
    // What the parser guessed on a broken line is not what anyone meant.
    settings.extend(walk.settings.into_iter().filter(|setting| !broken_lines.contains(&setting.place().line())));
}

struct Walk {
    source: Arc<Source>,
    settings: Vec<Setting>,
    path: Vec<String>,
    parts: Vec<Range<usize>>,
}

impl Walk {
    fn table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            self.path.push(key.get_ref().to_string());
            self.parts.push(key.span());
            match value.get_ref() {
                DeValue::Table(inner) if inner.is_empty() => self.setting(Written::Other("a table"), value.span()),
                DeValue::Table(inner) => self.table(inner),
                DeValue::Array(entries) if self.path == [LIST] => self.list(entries, value.span()),
                other => self.setting(written(other), value_span(value, &self.source)),
            }
            self.path.pop();
            self.parts.pop();
        }
    }

    /// Entry `n` of the list is `expected.n`, its keys are below it.
    fn list(&mut self, entries: &DeArray<'_>, span: Range<usize>) {
        let tables = || entries.iter().filter_map(|entry| Some((entry.get_ref().as_table()?, entry.span())));
        if entries.is_empty() || tables().count() < entries.len() {
            let what = if entries.is_empty() { EMPTY } else { "an array" };
            return self.setting(Written::Other(what), span);
        }
        for (index, (table, span)) in tables().enumerate() {
            self.path.push(index.to_string());
            self.parts.push(span.clone());
            self.setting(Written::Other("an entry"), span);
            self.table(table);
            self.path.pop();
            self.parts.pop();
        }
    }

    fn setting(&mut self, value: Written, span: Range<usize>) {
        let key = self.path.join(".");
        self.settings.push(Setting {
            key,
            value,
            source: self.source.clone(),
            parts: self.parts.as_slice().into(),
            span,
        });
    }
}

fn value_span(value: &Spanned<DeValue<'_>>, source: &Source) -> Range<usize> {
    let span = value.span();
    // A caret under one line; a value of many lines is shown by its first.
    let first = source.text[span.clone()].lines().next().map_or(0, str::len);
    span.start..span.start + first
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Quoted(text.to_string()),
        DeValue::Integer(number) => Written::Bare(match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.to_string(),
            Err(_) => number.to_string(),
        }),
        DeValue::Float(number) => Written::Bare(number.as_str().to_string()),
        DeValue::Boolean(value) => Written::Bare(value.to_string()),
        DeValue::Datetime(time) => Written::Bare(time.to_string()),
        DeValue::Array(_) => Written::Other("an array"),
        DeValue::Table(_) => Written::Other("a table"),
    }
}

/// Words in the name of a property whose value must not be shown.
pub(super) const SECRET_WORDS: [&str; 6] =
    ["password", "secret", "pem", "oauthbearer.config", "assertion", "certificate.string"];

/// Whether a key's value must not be shown.
pub fn is_secret(key: &str) -> bool {
    key.strip_prefix(CLIENT).is_some_and(|name| SECRET_WORDS.iter().any(|word| name.contains(word)))
}

/// A setting from `prefix` (a variable's name, or `--set key`) and its value, which share one source text; `index` is its
/// number within the layer.
pub(super) fn loose(layer: Layer, index: usize, prefix: &str, key: String, value: &str) -> Setting {
    let shown: String = match is_secret(&key) {
        true => "***".to_string(),
        // One line, whatever is in it, and no control character reaches a terminal.
        false => value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
    };
    let text = format!("{prefix}={shown}");
    let span = prefix.len() + 1..text.len();
    let key_start = prefix.rfind(' ').map_or(0, |space| space + 1);
    let name = if layer == Layer::Environment { "environment" } else { "command line" };
    let source = Arc::new(Source { layer, index, name: name.to_string(), text });
    Setting {
        key,
        value: Written::Loose(value.to_string()),
        source,
        parts: std::iter::once(key_start..prefix.len()).collect(),
        span,
    }
}
