//! Keys that do not exist, and the one that was probably meant.

use std::collections::BTreeSet;

use super::expected;
use super::fault::{Fault, Layer};
use super::file::{CLIENT, Setting, Written};
use super::layer::spelled;

/// One fault for every key that is not `known`; a whole table that is unknown is told once.
pub(super) fn unknown(settings: &[Setting], known: &BTreeSet<&str>) -> Vec<Fault> {
    let mut told = BTreeSet::new();
    let mut faults = Vec::new();
    for setting in settings.iter().filter(|setting| !is_known(setting, known)) {
        let (path, index) = first_unknown(&setting.key, known);
        let place = setting.key_place(index);
        if told.insert((setting.source.layer, setting.source.index, place.span.start)) {
            let (message, help) = explain(path, setting.source.layer, known);
            faults.push(Fault { message, help, place: Some(place) });
        }
    }
    faults
}

fn is_known(setting: &Setting, known: &BTreeSet<&str>) -> bool {
    let key = setting.key.as_str();
    let below_client = key.strip_prefix(CLIENT).is_some_and(|rest| rest.starts_with('.'));
    // `[http]` with nothing in it says nothing.
    let empty_table = matches!(setting.value, Written::Other("a table")) && (is_table(key, known) || key == CLIENT);
    // The list knows its own keys.
    known.contains(key) || below_client || empty_table || expected::owns(key)
}

fn is_table(path: &str, known: &BTreeSet<&str>) -> bool {
    path == CLIENT || known.iter().any(|key| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// The shortest prefix of the key that is no table, and the index of its last part.
fn first_unknown<'k>(key: &'k str, known: &BTreeSet<&str>) -> (&'k str, usize) {
    let ends = key.match_indices('.').map(|(at, _)| at).chain([key.len()]);
    let mut last = 0;
    for (index, end) in ends.enumerate() {
        last = index;
        if !is_table(&key[..end], known) {
            return (&key[..end], index);
        }
    }
    (key, last)
}

fn explain(path: &str, layer: Layer, known: &BTreeSet<&str>) -> (String, Option<String>) {
    if is_table(path, known) {
        let below = known.iter().find(|key| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
        let below = below.copied().unwrap_or("kafka.client.socket.timeout.ms");
        return (
            format!("{path} is a table of keys, not a value"),
            Some(format!("for example {}", spelled(layer, below))),
        );
    }
    if known.contains(path) {
        return (format!("{path} is a value, not a table of keys"), Some(format!("write {}", spelled(layer, path))));
    }
    let help = match nearest(path, known) {
        Some(meant) => format!("did you mean {}?", spelled(layer, &meant)),
        None => "remove it; `tagwatch check --print-defaults` lists every key".to_string(),
    };
    (format!("unknown key {path}"), Some(help))
}

/// The key or table that was probably meant: a near spelling beside it, the same last word elsewhere, a near spelling
/// anywhere.
fn nearest(path: &str, known: &BTreeSet<&str>) -> Option<String> {
    let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
    let last = path.rsplit('.').next().unwrap_or(path);
    let siblings: BTreeSet<String> = known.iter().filter_map(|key| sibling(key, parent)).collect();
    let near = |candidates: &mut dyn Iterator<Item = String>, word: &dyn Fn(&str) -> String, wanted: &str| {
        let allowed = 1 + wanted.chars().count() / 4;
        candidates
            .map(|candidate| (strsim::damerau_levenshtein(&word(&candidate), wanted), candidate))
            .filter(|(distance, _)| *distance <= allowed)
            .min()
            .map(|(_, candidate)| candidate)
    };
    let last_of = |key: &str| key.rsplit('.').next().unwrap_or(key).to_string();
    near(&mut siblings.into_iter(), &last_of, last)
        .or_else(|| known.iter().find(|key| last_of(key) == last).map(|key| (*key).to_string()))
        .or_else(|| near(&mut known.iter().map(|key| (*key).to_string()), &|key| key.to_string(), path))
}

/// The key or table right below `parent` on the way to `key`.
fn sibling(key: &str, parent: &str) -> Option<String> {
    let rest = match parent {
        "" => key,
        _ => key.strip_prefix(parent)?.strip_prefix('.')?,
    };
    let first = rest.split('.').next()?;
    Some(if parent.is_empty() { first.to_string() } else { format!("{parent}.{first}") })
}
