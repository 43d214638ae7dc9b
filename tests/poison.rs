//! Hostile records between good posts: every good one decoded as if it stood alone, every bad one rejected for exactly
//! its reason, and no sentence of a rejection quotes what the record held.

use std::collections::{BTreeMap, BTreeSet};

use tagwatch::source::decode::{Decoder, Format, Reason};

mod corpus;

#[test]
fn the_corpus_is_large_and_distinct() {
    let all = corpus::poison();
    let distinct: BTreeSet<&[u8]> = all.iter().map(|(record, _)| record.as_slice()).collect();
    assert_eq!(distinct.len(), all.len(), "a record stands twice");
    assert!(all.len() >= 120, "{}", all.len());
    let reasons: BTreeSet<&str> = all.iter().map(|(_, reason)| *reason).collect();
    // Only the source can tell that a time is too far in the future.
    let expected: BTreeSet<&str> =
        Reason::ALL.iter().filter(|reason| **reason != Reason::Future).map(|reason| reason.as_str()).collect();
    assert_eq!(reasons, expected);
}

#[test]
fn good_posts_between_poison_are_decoded_and_poison_is_rejected_by_reason() {
    let poison = corpus::poison();
    let good = corpus::good(poison.len());
    for format in [Format::Native, Format::Auto] {
        let mut decoder = Decoder::new(format, corpus::limits());
        let mut counted = BTreeMap::new();
        for (i, ((record, reason), good)) in poison.iter().zip(&good).enumerate() {
            let shown = String::from_utf8_lossy(&record[..record.len().min(100)]);
            match decoder.decode(record) {
                Ok(_) => panic!("decoded: {shown}"),
                Err(rejected) => {
                    assert_eq!(rejected.reason.as_str(), *reason, "{format}: {shown} ({})", rejected.detail);
                    assert!(!rejected.detail.is_empty() && rejected.detail.len() < 120, "{}", rejected.detail);
                    *counted.entry(*reason).or_insert(0) += 1;
                }
            }
            let post = decoder.decode(good).unwrap_or_else(|rejected| panic!("after {shown}: {rejected}"));
            assert_eq!(post.id, format!("g{i}"));
            assert_eq!(post.ts.0, corpus::START_MS + i as i64 * 1000);
            assert_eq!(post.account, format!("a{}", i % 97));
            let hashtags: Vec<&str> = post.hashtags.iter().map(|tag| tag.canonical).collect();
            assert_eq!(hashtags, ["good".to_owned(), format!("g{i}x")]);
        }
        assert_eq!(counted.values().sum::<usize>(), poison.len());
    }
}

#[test]
fn tricks_that_are_posts_are_decoded() {
    let mut decoder = Decoder::new(Format::Native, corpus::limits());
    for (record, expected) in corpus::tricks() {
        let shown = String::from_utf8_lossy(&record[..record.len().min(120)]).into_owned();
        let post = decoder.decode(&record).unwrap_or_else(|rejected| panic!("{shown}: {rejected}"));
        let hashtags: Vec<&str> = post.hashtags.iter().map(|tag| tag.canonical).collect();
        assert_eq!(hashtags, expected, "{shown}");
    }
}

#[test]
fn a_rejection_never_quotes_the_record() {
    let secret = "S3CRETacc0unt";
    let mut decoder = Decoder::new(Format::Native, corpus::limits());
    let long = secret.repeat(40);
    for record in [
        format!(r#"{{"id":"{secret}","ts":"{secret}","account":"{secret}"}}"#),
        format!(r#"{{"id":"p","ts":1,"account":["{secret}"]}}"#),
        format!(r#"{{"id":"p","ts":1494014400000,"account":"a","hashtags":"{secret}"}}"#),
        format!(r#"{{"id":"p","ts":1494014400000,"account":"{long}"}}"#),
        format!(r#"{{"id":"p","ts":1494014400000,"account":"a","hashtags":["{long}"]}}"#),
        format!(r#"{{"{secret}":1,"{secret}":2}}"#),
        format!(r#"{{"id":"p","text":"{secret}","text":"{secret}"}}"#),
        format!(r#"{{"id":"p" {secret}"#),
        secret.to_owned(),
    ] {
        let rejected = decoder.decode(record.as_bytes()).expect_err("no post");
        assert!(!rejected.to_string().contains(&secret[..6]), "{rejected}");
    }
}

proptest::proptest! {
    /// Any damage to a record of any format gives a post or a rejection, and the next good post is as it was.
    #[test]
    fn damaged_records_of_any_format_harm_nothing(
        format in 0..Format::ALL.len(),
        sample in 0..SAMPLES.len(),
        damage in proptest::collection::vec((proptest::prelude::any::<u16>(), proptest::prelude::any::<u8>(), 0..4), 0..4),
    ) {
        let mut record = SAMPLES[sample].as_bytes().to_vec();
        for (at, byte, kind) in damage {
            let at = at as usize % record.len().max(1);
            match kind {
                _ if record.is_empty() => {}
                0 => record[at] = byte,
                1 => drop(record.remove(at)),
                2 => record.insert(at, byte),
                _ => record.truncate(at),
            }
        }
        let mut decoder = Decoder::new(Format::ALL[format], corpus::limits());
        if let Ok(post) = decoder.decode(&record) {
            proptest::prop_assert!(post.ts.is_plausible() && !post.id.is_empty() && !post.account.is_empty());
        }
        let mut native = Decoder::new(Format::Native, corpus::limits());
        let _ = native.decode(&record);
        proptest::prop_assert!(native.decode(&corpus::good(1)[0]).is_ok());
    }
}

const SAMPLES: [&str; 6] = [
    r##"{"id":7,"ts":1494014400120,"account":"a","text":"a #b","hashtags":["#X","é"],"account_created":"2014-01-01T00:00:00Z"}"##,
    r##"{"did":"d","time_us":1494014400120999,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.post","rkey":"k","record":{"text":"x","facets":[{"features":[{"$type":"app.bsky.richtext.facet#tag","tag":"a"}]}]}}}"##,
    r##"{"id":"7","created_at":"2017-05-05T20:00:00.120Z","account":{"acct":"a"},"content":"<p>Go &amp; <a>#<b>v</b></a>","tags":[{"name":"v"}],"reblog":{"id":"6","content":"&#39;","tags":[]}}"##,
    r##"{"type":"Create","actor":"a","object":{"type":"Note","id":"n","content":"x","published":"2017-05-05T20:00:00Z","contentMap":{"fr":"x"},"tag":[{"type":"Hashtag","name":"#m"}]}}"##,
    r##"{"id":7,"id_str":"7","timestamp_ms":"1494014400120","text":"x","user":{"id_str":"8","created_at":"Tue Jan 01 15:16:00 +0000 2013"},"retweeted_status":{"id_str":"5","text":"#a"}}"##,
    r##"{"data":{"id":"7","author_id":"8","created_at":"2017-05-05T20:00:00Z","text":"x","entities":{"hashtags":[{"tag":"a"}]},"referenced_tweets":[{"type":"retweeted","id":"5"}]},"includes":{"users":[{"id":"8"}]}}"##,
];
