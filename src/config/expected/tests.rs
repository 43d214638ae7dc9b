//! What a list of expected events is read as, and what a person is told of a wrong one.

use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::config::{Config, Faults, Sources, load};

fn read(text: &str, set: &[&str]) -> Result<Config, Faults> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let set = set.iter().map(|text| text.to_string()).collect();
    load(Sources { file: Some(file.path().to_owned()), set, ..Sources::default() })
}

const FINAL: &str = "
[[expected]]
hashtag = \"#CupFinal\"
from = \"2026-07-19T18:00:00Z\"
to = 2026-07-19T23:00:00+01:00
reason = \"final of the cup\"
";

#[test]
fn an_entry_is_read_and_changes_no_version() {
    let config = read(FINAL, &[]).unwrap();
    let [entry] = &config.expected[..] else { panic!("{:?}", config.expected) };
    assert_eq!(entry.hashtags.to_string(), "#cupfinal");
    assert_eq!(entry.from.to_string(), "2026-07-19T18:00:00.000Z");
    assert_eq!(entry.to.to_string(), "2026-07-19T22:00:00.000Z");
    assert_eq!(entry.reason, "final of the cup");
    assert!(entry.covers("cupfinal", entry.from) && !entry.covers("cupfinal", entry.to));
    assert!(!entry.covers("cupfinals", entry.from) && !entry.covers("cupfinal", entry.from.minus_ms(1)));
    assert_eq!(config.version, crate::config::defaults().version);
    assert_eq!(read("expected = []", &[]).unwrap().expected, []);
}

#[test]
fn a_pattern_is_folded_as_hashtags_are() {
    let fits = |pattern: &str, hashtag: &str| Glob::read(pattern).unwrap().fits(&canonical(hashtag).unwrap());
    for (pattern, hashtag) in [
        ("#WorldCup*", "worldcup2026"),
        ("#WorldCup*", "WORLDCUP"),
        ("*2026", "vote2026"),
        ("*cup*2026", "TheCupOfCups2026"),
        ("a*a*a", "aaa"),
        ("ＣＵＰ*", "cupFinal"),
        ("VOTE", "vote"),
        ("straße*", "STRASSENFEST"),
    ] {
        assert!(fits(pattern, hashtag), "{pattern} {hashtag}");
    }
    for (pattern, hashtag) in
        [("worldcup*", "theworldcup"), ("*2026", "vote20266"), ("a*a*a", "aa"), ("cup", "cups"), ("ab*ba", "aba")]
    {
        assert!(!fits(pattern, hashtag), "{pattern} {hashtag}");
    }
}

proptest! {
    /// Against the definition: some cut of the hashtag gives every star its characters.
    #[test]
    fn a_glob_fits_what_its_definition_fits(pattern in "[ab*]{1,6}", hashtag in "[ab]{0,7}") {
        fn defined(pattern: &[u8], hashtag: &[u8]) -> bool {
            match pattern.split_first() {
                None => hashtag.is_empty(),
                Some((b'*', rest)) => (0..=hashtag.len()).any(|at| defined(rest, &hashtag[at..])),
                Some((c, rest)) => hashtag.split_first().is_some_and(|(d, tail)| c == d && defined(rest, tail)),
            }
        }
        match Glob::read(&pattern) {
            Some(glob) => prop_assert_eq!(glob.fits(&hashtag), defined(pattern.as_bytes(), hashtag.as_bytes())),
            None => prop_assert!(pattern.bytes().all(|b| b == b'*')),
        }
    }
}

#[test]
fn every_fault_of_every_entry_is_told_at_once() {
    let text = "
[[expected]]
hashtag = \"two words\"
from = \"tomorrow\"
to = \"2026-07-19T23:00:00\"
reason = \"  \"
[[expected]]
hashtag = \"a\"
pattern = \"b*\"
from = \"2026-07-19T18:00:00Z\"
to = \"2026-07-19T18:00:00Z\"
reason = \"x\"
[[expected]]
pattern = \"#**\"
when = 5
[[expected]]
hashtag = \"vote*\"
from = 3
to = \"2026-07-19T23:00:00Z\"
reason = \"two\\nlines\"
";
    let faults = read(text, &["detect.pages_per_hour=x"]).expect_err("faults");
    let told: Vec<&str> = faults.messages().collect();
    let expected = [
        "expected.hashtag (two words) is no hashtag",
        "expected.from (tomorrow) is no time with a zone",
        "expected.to (2026-07-19T23:00:00) is no time with a zone",
        "expected.reason (  ) says nothing",
        "an expected event has hashtag or pattern, not both",
        "expected.to (2026-07-19T18:00:00.000Z) must be after from (2026-07-19T18:00:00.000Z)",
        "an expected event needs from",
        "an expected event needs to",
        "an expected event needs reason",
        "expected.pattern (#**) fits every hashtag",
        "unknown key expected.when",
        "expected.hashtag (vote*) is no hashtag",
        "expected.from (3) is no time with a zone",
        "expected.reason must be one line in quotes of at most 200 characters",
        "detect.pages_per_hour (x) must be a whole number from 0 to 100000",
    ];
    assert_eq!(told, expected, "{faults}");
    let drawn = faults.to_string();
    for (line, at) in [(3, 11), (13, 1), (15, 1), (17, 11)] {
        assert!(drawn.contains(&format!(":{line}:{at}]")), "no fault at {line}:{at}:\n{drawn}");
    }
}

#[test]
fn a_list_has_one_form_and_one_place() {
    let told = |text: &str, set: &[&str]| -> String {
        read(text, set).expect_err("a fault").messages().collect::<Vec<_>>().join("; ")
    };
    let one = "expected is a list: each entry begins with [[expected]]";
    assert_eq!(told("expected = 3", &[]), one);
    assert_eq!(told("expected = [\"a\"]", &[]), one);
    assert_eq!(told("[expected]\nreason = \"a\"", &[]), one);
    let alone = "expected is a list and stands in the config file alone";
    assert_eq!(told(FINAL, &["expected.0.reason=other"]), alone);
    assert_eq!(told("", &["expected=[]"]), alone);
    assert_eq!(told("[[expectd]]\nreason = \"a\"", &[]), "unknown key expectd");
    let many = FINAL.repeat(1001);
    assert_eq!(told(&many, &[]), "expected has 1001 entries, at most 1000");
}
