//! Holds the house rules that no compiler knows: which way imports point, where foreign crates live, what the pure core
//! may touch, how long files and functions are, which words are used. Prints every finding at once, with file and line.
//!
//! The layers, each may import those before it:
//! model, config, track, assess, decide, clock, kafka, source · store · report, exchange, simulate · evaluate, app, main.
//! `config` stands right after `model` because its types are plain values that every stage is told its numbers in;
//! `clock` comes after the core, which has no use for it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

#[path = "tidy/samples.rs"]
mod samples;
#[path = "tidy/scan.rs"]
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use scan::{Kind, NamedPath, Source, Token};

/// Modules of one line may not import each other; every line may import those above it.
const LAYERS: &[&[&str]] = &[
    &["model"],
    &["config"],
    &["track"],
    &["assess"],
    &["decide"],
    &["clock"],
    &["kafka"],
    &["source", "store", "report"],
    &["exchange"],
    &["simulate", "evaluate"],
    &["app"],
];

/// Layers without async, I/O, clocks, logs and shared state: everything they know is an argument.
const PURE: &[&str] = &["model", "track", "assess", "decide", "evaluate"];

/// What answers requests; the board, the metrics and the deliveries know nothing of HTTP's server.
const HTTP: &[&str] =
    &["src/report/api", "src/report/http", "src/report/openapi", "src/report/page", "src/report/problem"];

/// A foreign crate and the only places, as beginnings of paths, that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("anyhow", &["src/app/", "src/main.rs"]),
    ("axum", HTTP),
    ("clap", &["src/app/"]),
    ("dashmap", &["src/report/board"]),
    ("datasketches", &[]),
    ("hyperloglog", &[]),
    ("indicatif", &["src/app/"]),
    ("maud", &["src/report/page"]),
    ("miette", &["src/app/", "src/config/"]),
    ("prometheus", &["src/report/metrics"]),
    ("rdkafka", &["src/kafka/"]),
    ("siphasher", &["src/model/keyed.rs"]),
    ("toml", &["src/config/"]),
    ("tower", HTTP),
    ("tower_http", HTTP),
    ("tracing_subscriber", &["src/app/", "src/main.rs"]),
    ("unicode_security", &["src/model/hashtag/"]),
];

/// Beginnings of paths that the pure core may not name.
const IMPURE: &[&[&str]] = &[
    &["crossbeam_channel"],
    &["rand"],
    &["rand_chacha"],
    &["rand_distr"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net"],
    &["std", "process"],
    &["std", "sync", "Arc"],
    &["std", "sync", "Mutex"],
    &["std", "sync", "RwLock"],
    &["std", "sync", "atomic"],
    &["std", "sync", "mpsc"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["tempfile"],
    &["tokio"],
    &["tokio_util"],
    &["tracing"],
];

/// Words that the pure core has no use for.
const IMPURE_WORDS: &[&str] = &["async", "await", "dyn", "unsafe"];
/// Macros that print.
const IMPURE_MACROS: &[&str] = &["println", "eprintln", "print", "eprint", "dbg"];

/// Words with one of ours in their place, as whole parts of identifiers. Those that Kafka, Prometheus, statistics or
/// the contract also need in an honest sense (topic, timestamp, interval, slot, event, mean, store) are left to readers.
const WORDS: &[(&str, &str)] = &[
    ("anomaly", "burst or coordination"),
    ("author", "account"),
    ("bucket", "pane"),
    ("buckets", "panes"),
    ("cursor", "position"),
    ("grace", "watermark delay"),
    ("incident", "alert"),
    ("keyword", "hashtag"),
    ("keywords", "hashtags"),
    ("lateness", "watermark delay"),
    ("occurrence", "mention"),
    ("occurrences", "mentions"),
    ("retweet", "repost"),
    ("retweets", "reposts"),
    ("snapshot", "checkpoint"),
    ("spike", "burst"),
    ("trend", "burst"),
    ("tweet", "post"),
    ("tweets", "posts"),
    ("user", "account"),
    ("users", "accounts"),
];

/// Identifiers that belong to a foreign API or to HTTP, whatever words they are made of.
const FOREIGN_NAMES: &[&str] = &["Cursor", "USER", "USER_AGENT", "user_agent"];

/// Files that spell the fields of foreign post formats, which are called what their platforms call them.
const FOREIGN_FORMATS: &[&str] = &[
    "src/source/decode/activitypub.rs",
    "src/source/decode/jetstream.rs",
    "src/source/decode/mastodon.rs",
    "src/source/decode/x_v1.rs",
    "src/source/decode/x_v2.rs",
];

/// What marks unfinished work in comments.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Words that no output says: an alert is a reason to look, not a verdict.
const VERDICTS: &[&str] = &["bot", "bots", "fake", "fakes"];

/// Most lines of a file, its tests included.
const FILE_LINES_MAX: usize = 500;
/// Most lines of a function.
const FUNCTION_LINES_MAX: usize = 60;

/// Excused findings: file, rule, a part of the finding's text, and why. One that excuses nothing is itself a finding.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "src/track/ladder.rs",
        "pure",
        "`std::sync::Arc`",
        "a closed pane never changes: sharing it is as good as copying it",
    ),
    (
        "src/track/shard.rs",
        "pure",
        "`std::sync::Arc`",
        "closed panes are handed to the checkpoint without copying them",
    ),
];

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.what)
    }
}

/// A file under check.
struct File<'a> {
    path: &'a str,
    text: &'a str,
    source: Source,
    /// Whether the whole file is compiled for tests alone.
    is_test: bool,
    findings: Vec<Finding>,
}

impl File<'_> {
    fn find(&mut self, line: usize, rule: &'static str, what: String) {
        self.findings.push(Finding { path: self.path.to_owned(), line, rule, what });
    }

    fn is_test(&self, line: usize) -> bool {
        self.is_test || self.source.is_test(line)
    }

    /// The module a file of `src` is: `src/track/distinct.rs` is track, distinct. None for other files.
    fn module(&self) -> Option<Vec<String>> {
        let inner = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let parts = inner.split('/').map(str::to_owned);
        Some(parts.filter(|part| !["mod", "lib", "main"].contains(&part.as_str())).collect())
    }

    fn check(&mut self) {
        self.check_shape();
        self.check_comments();
        let Some(module) = self.module() else { return };
        let paths = self.source.paths();
        self.check_layers(&module, &paths);
        self.check_homes(&paths);
        self.check_words();
        if module.first().is_some_and(|layer| PURE.contains(&layer.as_str())) {
            self.check_purity(&paths);
        }
    }

    fn check_shape(&mut self) {
        if !self.text.starts_with("//! ") {
            self.find(1, "opening", "the first line is no `//!` that says what the file is for".to_owned());
        }
        let lines = self.text.lines().count();
        if lines > FILE_LINES_MAX {
            self.find(FILE_LINES_MAX + 1, "length", format!("the file has {lines} lines of at most {FILE_LINES_MAX}"));
        }
        for (line, name, lines) in self.source.functions() {
            if lines > FUNCTION_LINES_MAX {
                self.find(line, "length", format!("`{name}` has {lines} lines of at most {FUNCTION_LINES_MAX}"));
            }
        }
    }

    fn check_comments(&mut self) {
        for token in self.source.tokens.clone() {
            let parts = token.text.split(|c: char| !c.is_alphanumeric());
            if token.kind == Kind::Comment
                && let Some(word) = parts.into_iter().find(|part| UNFINISHED.contains(part))
            {
                self.find(token.line, "unfinished", format!("`{word}`: finish it or leave it out"));
            }
        }
        let code: Vec<Token> = self.source.code().into_iter().cloned().collect();
        for pair in code.windows(2).filter(|pair| pair[0].kind == Kind::Word && pair[1].text == "!") {
            if ["todo", "unimplemented"].contains(&pair[0].text.as_str()) {
                self.find(pair[0].line, "unfinished", format!("`{}!`", pair[0].text));
            }
        }
    }

    fn check_layers(&mut self, module: &[String], paths: &[NamedPath]) {
        let Some(here) = module.first() else { return };
        let Some(rank) = rank(here) else {
            return self.find(1, "layer", format!("`{here}` is no layer; give it a place in tests/tidy.rs"));
        };
        for path in paths {
            let Some(target) = resolve(module, path) else { continue };
            let named = path.parts.join("::");
            match target.first() {
                Some(there) if there == here => {}
                Some(there) => match self::rank(there) {
                    Some(other) if other < rank => {}
                    Some(_) => self.find(path.line, "layer", format!("`{here}` may not import `{named}`")),
                    None => self.find(path.line, "layer", format!("`{named}` is in no layer")),
                },
                None => self.find(path.line, "layer", format!("`{named}` is the whole crate; name a layer")),
            }
        }
    }

    fn check_homes(&mut self, paths: &[NamedPath]) {
        for path in paths {
            let home = HOMES.iter().find(|(name, _)| path.parts[0] == *name);
            if let Some((name, homes)) = home.filter(|(_, homes)| !homes.iter().any(|at| self.path.starts_with(at))) {
                let homes = if homes.is_empty() { "tests/".to_owned() } else { homes.join(", ") };
                self.find(path.line, "home", format!("`{name}` lives in {homes}"));
            }
        }
    }

    fn check_purity(&mut self, paths: &[NamedPath]) {
        for path in paths.iter().filter(|path| !self.is_test(path.line)).collect::<Vec<_>>() {
            let impure =
                |start: &&&[&str]| path.parts.iter().zip(**start).filter(|(a, b)| a == *b).count() == start.len();
            if let Some(start) = IMPURE.iter().find(impure) {
                self.find(path.line, "pure", format!("`{}` has no place in the core", start.join("::")));
            }
        }
        let code: Vec<Token> = self.source.code().into_iter().cloned().collect();
        for (at, token) in code.iter().enumerate() {
            if token.kind != Kind::Word || self.is_test(token.line) {
                continue;
            }
            let text = token.text.as_str();
            let prints = IMPURE_MACROS.contains(&text) && code.get(at + 1).is_some_and(|next| next.text == "!");
            if prints || IMPURE_WORDS.contains(&text) {
                self.find(token.line, "pure", format!("`{text}` has no place in the core"));
            }
        }
    }

    fn check_words(&mut self) {
        let foreign_file = FOREIGN_FORMATS.contains(&self.path);
        for token in self.source.tokens.clone() {
            let foreign = foreign_file || FOREIGN_NAMES.contains(&token.text.as_str());
            if token.kind == Kind::Word && !foreign {
                let parts = word_parts(&token.text);
                for (word, ours) in WORDS.iter().filter(|(word, _)| parts.iter().any(|part| part == word)) {
                    self.find(token.line, "word", format!("`{}`: say {ours}, not {word}", token.text));
                }
            }
            if token.kind == Kind::Text && !self.is_test(token.line) {
                let lower = token.text.to_lowercase();
                let mut words = lower.split(|c: char| !c.is_alphanumeric());
                if let Some(word) = words.find(|word| VERDICTS.contains(word)) {
                    self.find(token.line, "word", format!("output never says `{word}`"));
                }
            }
        }
    }
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|layers| layers.contains(&layer))
}

/// Where in the crate a path leads from `module`; `None` where it leaves the crate or names something in scope.
fn resolve(module: &[String], path: &NamedPath) -> Option<Vec<String>> {
    let mut at: Vec<String> = module.iter().chain(&path.within).cloned().collect();
    let mut rest = path.parts.as_slice();
    match rest.first()?.as_str() {
        "crate" | "tagwatch" => at.clear(),
        "super" | "self" => {
            while let Some(step) = rest.first().filter(|step| ["super", "self"].contains(&step.as_str())) {
                if step == "super" {
                    at.pop();
                }
                rest = &rest[1..];
            }
            at.extend_from_slice(rest);
            return Some(at);
        }
        _ => return None,
    }
    at.extend(rest[1..].iter().filter(|part| *part != "*").cloned());
    Some(at)
}

/// The words of an identifier, in lower case: `TagHash`, `tag_hash` and `TAG_HASH` are tag, hash.
fn word_parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && before_lower) {
            parts.push(String::new());
        }
        before_lower = c.is_lowercase();
        parts.last_mut().unwrap().extend(c.to_lowercase().filter(|&c| c != '_'));
    }
    parts
}

/// Files that a `#[cfg(test)] mod name;` of another file makes test code.
fn test_files(files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, text) in files {
        let folder = path.strip_suffix("mod.rs").or(path.strip_suffix("lib.rs")).map(str::to_owned);
        let folder = folder.unwrap_or_else(|| format!("{}/", path.trim_end_matches(".rs")));
        let source = Source::read(text);
        for three in source.code().windows(3).filter(|three| three[0].text == "mod" && three[2].text == ";") {
            if source.is_test(three[1].line) {
                found.insert(format!("{folder}{}.rs", three[1].text));
            }
        }
    }
    found
}

/// All findings in the given files, by path and text.
fn findings(files: &BTreeMap<String, String>) -> Vec<Finding> {
    let test_files = test_files(files);
    let mut found: Vec<Finding> = Vec::new();
    for (path, text) in files {
        let is_test = test_files.contains(path);
        let mut file = File { path, text, source: Source::read(text), is_test, findings: Vec::new() };
        file.check();
        found.append(&mut file.findings);
    }
    found.sort();
    found.dedup();
    found
}

/// Reads all Rust files below a folder of the package.
fn read_sources(root: &Path, folder: &str, files: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_sources(root, &path, files);
        } else if path.ends_with(".rs") {
            files.insert(path.clone(), fs::read_to_string(root.join(&path)).unwrap());
        }
    }
}

#[test]
fn the_house_is_tidy() {
    let mut files = BTreeMap::new();
    for folder in ["src", "tests", "benches"] {
        read_sources(Path::new(env!("CARGO_MANIFEST_DIR")), folder, &mut files);
    }
    assert!(files.contains_key("src/lib.rs") && files.contains_key("tests/tidy.rs"), "the sources are where they were");
    let mut found = findings(&files);
    let mut list: Vec<String> = Vec::new();
    for (path, rule, part, why) in EXCEPTIONS {
        let before = found.len();
        found.retain(|finding| !(finding.path == *path && finding.rule == *rule && finding.what.contains(part)));
        if found.len() == before {
            list.push(format!(
                "tests/tidy.rs: the exception for {path} ({rule}: {part}; {why}) excuses nothing: remove it"
            ));
        }
    }
    list.extend(found.iter().map(Finding::to_string));
    assert!(list.is_empty(), "{} findings:\n{}", list.len(), list.join("\n"));
}
