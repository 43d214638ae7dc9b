//! Small texts that break each rule once, and their neighbours that break none: the checker itself is checked.

use std::collections::BTreeMap;

use super::findings;

/// The findings in a single sample, one a line, without its path and the opening line it may lack.
fn found_in(path: &str, text: &str) -> String {
    let files = BTreeMap::from([(path.to_owned(), format!("//! Sample.\n{text}"))]);
    let lines: Vec<String> = findings(&files).iter().map(|f| format!("{}: {}: {}", f.line, f.rule, f.what)).collect();
    lines.join("\n")
}

#[test]
fn imports_against_the_layers_are_found() {
    let text =
        "use crate::{model::Tick, decide::{line::Score, self}};\nfn f() { crate::app::run(); crate::config::x() }";
    assert_eq!(
        found_in("src/track/pane.rs", text),
        "2: layer: `track` may not import `crate::decide::line::Score`\n\
         2: layer: `track` may not import `crate::decide`\n\
         3: layer: `track` may not import `crate::app::run`"
    );
    let siblings = "use super::super::source::x;\nuse super::frame;\nmod a { use super::super::super::report::y; }";
    assert_eq!(
        found_in("src/store/folder.rs", siblings),
        "2: layer: `store` may not import `super::super::source::x`\n\
         4: layer: `store` may not import `super::super::super::report::y`"
    );
    assert_eq!(
        found_in("src/decide/x.rs", "use crate::clock::wall_ms;"),
        "2: layer: `decide` may not import `crate::clock::wall_ms`"
    );
    for path in ["src/kafka/x.rs", "src/report/x.rs"] {
        assert_eq!(found_in(path, "use crate::clock::wall_ms;\npub(crate) fn f() {}"), "");
    }
    assert_eq!(
        found_in("src/track/x.rs", "use crate as everything;"),
        "2: layer: `crate` is the whole crate; name a layer"
    );
    assert_eq!(found_in("src/track/x.rs", "use crate::lost::X;"), "2: layer: `crate::lost::X` is in no layer");
    assert_eq!(found_in("src/lost/mod.rs", ""), "1: layer: `lost` is no layer; give it a place in tests/tidy.rs");
    assert_eq!(
        found_in("src/model/x.rs", "// crate::app::x\nconst X: &str = r#\"crate::app\"#; // \"\nuse std::fmt;"),
        ""
    );
}

#[test]
fn crates_away_from_home_are_found() {
    let text = "use rdkafka;\nfn f(x: ::prometheus::Registry) {}\n#[derive(clap::Parser)] struct A;\nuse ::maud::html;";
    assert_eq!(
        found_in("src/source/x.rs", text),
        "2: home: `rdkafka` lives in src/kafka/\n\
         3: home: `prometheus` lives in src/report/metrics\n\
         4: home: `clap` lives in src/app/\n\
         5: home: `maud` lives in src/report/page"
    );
    assert_eq!(found_in("src/kafka/x.rs", "use rdkafka::admin::{self, AdminClient};\nlet rdkafka = 1;"), "");
    assert_eq!(
        found_in("src/track/x.rs", "#[cfg(test)] mod t { use hyperloglog::H; }"),
        "2: home: `hyperloglog` lives in tests/"
    );
}

#[test]
fn impurity_in_the_core_is_found_and_tests_are_excused() {
    let text = "use std::{fmt, sync::{Arc, OnceLock}};\nasync fn f() { println!(\"x\"); }\nfn g(x: &dyn Fn()) { tracing::warn!(x) }\n\
                #[cfg(test)]\nmod tests { use std::fs; #[test] fn f() { println!() } }";
    assert_eq!(
        found_in("src/assess/x.rs", text),
        "2: pure: `std::sync::Arc` has no place in the core\n\
         3: pure: `async` has no place in the core\n\
         3: pure: `println` has no place in the core\n\
         4: pure: `dyn` has no place in the core\n\
         4: pure: `tracing` has no place in the core"
    );
    assert_eq!(found_in("src/source/x.rs", text), "");
    let parent = ("src/track/mod.rs".to_owned(), "//! Sample.\n#[cfg(test)]\nmod twin;".to_owned());
    let twin = ("src/track/twin.rs".to_owned(), "//! Sample.\nuse std::fs;".to_owned());
    assert_eq!(findings(&BTreeMap::from([parent, twin.clone()])), []);
    assert_eq!(findings(&BTreeMap::from([twin])).len(), 1);
}

#[test]
fn long_files_long_functions_and_missing_openings_are_found() {
    let long = format!("fn f() {{\n{}}}\nfn g();", "    x();\n".repeat(60));
    assert_eq!(found_in("tests/x.rs", &long), "2: length: `f` has 62 lines of at most 60");
    assert_eq!(found_in("benches/x.rs", &"\n".repeat(500)), "501: length: the file has 501 lines of at most 500");
    let bare = BTreeMap::from([("tests/x.rs".to_owned(), "fn main() {}".to_owned())]);
    assert_eq!(
        findings(&bare)[0].to_string(),
        "tests/x.rs:1: opening: the first line is no `//!` that says what the file is for"
    );
}

#[test]
fn words_of_others_and_unfinished_work_are_found() {
    let text =
        "struct TweetUser; let time_bucket = \"bucket\"; // a tweet\nfn f() { todo!() } /* FIX */\n// TO\u{44}O: x";
    assert_eq!(
        found_in("src/source/x.rs", text),
        "2: word: `TweetUser`: say account, not user\n\
         2: word: `TweetUser`: say post, not tweet\n\
         2: word: `time_bucket`: say pane, not bucket\n\
         3: unfinished: `todo!`\n\
         4: unfinished: `TODO`: finish it or leave it out"
    );
    let output = "const A: &str = \"likely a Bot, robotic\"; let c = '\"'; fn f<'a>(x: &'a str) { b'\\''; } // bot";
    assert_eq!(found_in("src/report/x.rs", output), "2: word: output never says `bot`");
    assert_eq!(found_in("src/source/decode/x_v2.rs", "struct Tweet;"), "");
    assert_eq!(found_in("src/report/x.rs", "use axum::http::header::USER_AGENT;").lines().count(), 1);
}
