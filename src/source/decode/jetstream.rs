//! Bluesky's Jetstream: `{"did", "time_us", "kind": "commit", "commit": {"operation", "collection", "rkey", "record"}}`.
//!
//! Posts are creates in `app.bsky.feed.post`; every other event is unsupported. The event time is `time_us`, when the
//! network saw the post, and not the record's `createdAt`, which the account's own software sets as it likes. Hashtags
//! are the tag facets and the record's `tags`; what merely looks like one in the text is none on Bluesky.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::draft::{Draft, Names, Sink};
use super::fields::{Ref, Text};
use super::rejected::{Reason, Rejected};

pub(super) const NAMES: Names =
    Names { id: "commit.rkey", ts: "time_us", account: "did", account_created: "account_created" };

const POSTS: &str = "app.bsky.feed.post";
const TAG: &str = "app.bsky.richtext.facet#tag";

/// The event, its record unread: a record of another collection may use the same keys for anything.
#[derive(Deserialize)]
struct Event<'a, R> {
    #[serde(borrow)]
    did: Option<Text<'a>>,
    time_us: Option<i64>,
    kind: Option<Text<'a>>,
    commit: Option<Commit<'a, R>>,
}

#[derive(Deserialize)]
struct Commit<'a, R> {
    #[serde(borrow)]
    operation: Option<Text<'a>>,
    collection: Option<Text<'a>>,
    rkey: Option<Text<'a>>,
    record: Option<R>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    facets: Option<Vec<Facet<'a>>>,
    tags: Option<Vec<Text<'a>>>,
    langs: Option<Ref<'a>>,
    reply: Option<Reply<'a>>,
}

#[derive(Deserialize)]
struct Facet<'a> {
    #[serde(borrow)]
    features: Option<Vec<Feature<'a>>>,
}

#[derive(Deserialize)]
struct Feature<'a> {
    #[serde(borrow, rename = "$type")]
    kind: Option<Text<'a>>,
    tag: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    parent: Option<Parent<'a>>,
}

#[derive(Deserialize)]
struct Parent<'a> {
    #[serde(borrow)]
    uri: Option<Text<'a>>,
}

/// Reads one Jetstream event.
pub(super) fn read<'a>(json: &'a str, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    let event: Event<'a, IgnoredAny> = parse(json)?;
    is_post(&event)?;
    let event: Event<'a, Record<'a>> = parse(json)?;
    let Some(Commit { rkey, record: Some(record), .. }) = event.commit else {
        return Err(super::draft::missing("commit.record"));
    };
    let features = record.facets.iter().flatten().flat_map(|facet| facet.features.iter().flatten());
    for feature in features {
        match (&feature.kind, &feature.tag) {
            (Some(kind), Some(tag)) if kind.0 == TAG => sink.push(&tag.0)?,
            _ => {}
        }
    }
    for tag in record.tags.iter().flatten() {
        sink.push(&tag.0)?;
    }
    let id = match (&event.did, &rkey) {
        (Some(did), Some(rkey)) => Some(Cow::Owned(format!("at://{}/{POSTS}/{}", did.0, rkey.0))),
        _ => None,
    };
    Ok(Draft {
        id,
        ts: event.time_us.map(|us| us.div_euclid(1000)),
        account: event.did.map(|did| did.0),
        platform: Cow::Borrowed("bluesky"),
        text: record.text.map(|text| text.0),
        listed: true,
        reply_to: record.reply.and_then(|reply| reply.parent?.uri).map(|uri| uri.0),
        lang: record.langs.and_then(|langs| langs.0),
        ..Draft::default()
    })
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Rejected> {
    serde_json::from_str(json).map_err(|error| Rejected::from_json(&error, ""))
}

fn is_post<R>(event: &Event<'_, R>) -> Result<(), Rejected> {
    let unsupported = |what: &str| Err(Rejected::new(Reason::Unsupported, format!("{what}, not a new post")));
    let Some(kind) = &event.kind else {
        return Err(super::draft::missing("kind"));
    };
    let is = |text: &Option<Text<'_>>, word: &str| text.as_ref().is_some_and(|text| text.0 == word);
    match &event.commit {
        Some(commit) if kind.0 == "commit" => {
            if !is(&commit.collection, POSTS) {
                return unsupported("a commit to another collection");
            }
            if !is(&commit.operation, "create") {
                return unsupported("an update or delete");
            }
            Ok(())
        }
        _ => unsupported("an identity or account event"),
    }
}
