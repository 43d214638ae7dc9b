//! X's API v1.1 post objects, as its streams and archives hold them.
//!
//! Hashtags are `entities.hashtags[].text` of the complete version: that of the reposted status for a repost, and of
//! `extended_tweet` for a long post, because elsewhere text and hashtags are cut off. The event time is `timestamp_ms`,
//! or `created_at`, which knows only seconds. Notices of the stream (`delete`, `limit`, …) are unsupported.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::draft::{Draft, Names, Sink, missing};
use super::fields::{Id, Text};
use super::html::plain;
use super::rejected::{Reason, Rejected};

pub(super) const NAMES: Names =
    Names { id: "id_str", ts: "timestamp_ms", account: "user.id_str", account_created: "user.created_at" };

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    id_str: Option<Id<'a>>,
    id: Option<Id<'a>>,
    timestamp_ms: Option<Id<'a>>,
    created_at: Option<Text<'a>>,
    user: Option<User<'a>>,
    text: Option<Text<'a>>,
    full_text: Option<Text<'a>>,
    entities: Option<Entities<'a>>,
    extended_tweet: Option<Extended<'a>>,
    retweeted_status: Option<Box<Status<'a>>>,
    in_reply_to_status_id_str: Option<Id<'a>>,
    in_reply_to_status_id: Option<Id<'a>>,
    lang: Option<Text<'a>>,
    source: Option<Text<'a>>,
    delete: Option<IgnoredAny>,
    limit: Option<IgnoredAny>,
    scrub_geo: Option<IgnoredAny>,
    status_withheld: Option<IgnoredAny>,
    user_withheld: Option<IgnoredAny>,
    disconnect: Option<IgnoredAny>,
    warning: Option<IgnoredAny>,
    event: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow)]
    id_str: Option<Id<'a>>,
    id: Option<Id<'a>>,
    created_at: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Entities<'a> {
    #[serde(borrow)]
    hashtags: Option<Vec<Hashtag<'a>>>,
}

#[derive(Deserialize)]
struct Hashtag<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Extended<'a> {
    #[serde(borrow)]
    full_text: Option<Text<'a>>,
    entities: Option<Entities<'a>>,
}

/// Reads one status.
pub(super) fn read<'a>(json: &'a str, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    let mut status: Status<'a> = serde_json::from_str(json).map_err(|error| Rejected::from_json(&error, ""))?;
    let id = status.id_str.take().or(status.id.take());
    if id.is_none() && is_notice(&status) {
        return Err(Rejected::new(Reason::Unsupported, "a notice of the stream, not a post"));
    }
    let ts = match (&status.timestamp_ms, &status.created_at) {
        (Some(ms), _) => Some(ms.0.parse().map_err(|_| unreadable("timestamp_ms"))?),
        (None, Some(text)) => Some(time(&text.0, "created_at")?),
        (None, None) => None,
    };
    let (account, account_created) = match status.user.take() {
        Some(user) => (user.id_str.or(user.id), user.created_at),
        None => (None, None),
    };
    let account_created = account_created.map(|text| time(&text.0, "user.created_at")).transpose()?;
    let reply_to = status.in_reply_to_status_id_str.take().or(status.in_reply_to_status_id.take());
    let (lang, source) = (status.lang.take(), status.source.take());
    let original = status.retweeted_status.take();
    let repost_of = match &original {
        Some(original) => {
            let id = original.id_str.as_ref().or(original.id.as_ref());
            Some(Cow::Owned(id.ok_or_else(|| missing("retweeted_status.id_str"))?.0.to_string()))
        }
        None => None,
    };
    let (text, hashtags) = content(original.map_or(status, |original| *original));
    for tag in hashtags.iter().flatten().filter_map(|hashtag| hashtag.text.as_ref()) {
        sink.push(&tag.0)?;
    }
    Ok(Draft {
        id: id.map(|id| id.0),
        ts,
        account: account.map(|id| id.0),
        platform: Cow::Borrowed("x"),
        text: text.map(|text| text.0),
        listed: hashtags.is_some(),
        repost_of,
        reply_to: reply_to.map(|id| id.0),
        lang: lang.map(|lang| lang.0),
        client: source.map(|source| plain(source.0)),
        account_created,
    })
}

fn is_notice(status: &Status<'_>) -> bool {
    [
        &status.delete,
        &status.limit,
        &status.scrub_geo,
        &status.status_withheld,
        &status.user_withheld,
        &status.disconnect,
        &status.warning,
        &status.event,
    ]
    .iter()
    .any(|notice| notice.is_some())
}

/// The complete text and hashtags of a status.
fn content<'a>(status: Status<'a>) -> (Option<Text<'a>>, Option<Vec<Hashtag<'a>>>) {
    let (long_text, long_entities) = match status.extended_tweet {
        Some(extended) => (extended.full_text, extended.entities),
        None => (None, None),
    };
    let text = long_text.or(status.full_text).or(status.text);
    (text, long_entities.or(status.entities).and_then(|entities| entities.hashtags))
}

/// Milliseconds of a time like `Fri Jan 22 05:00:07 +0000 2016`, or in RFC 3339.
fn time(text: &str, name: &str) -> Result<i64, Rejected> {
    jiff::Timestamp::strptime("%a %b %d %H:%M:%S %z %Y", text)
        .map(jiff::Timestamp::as_millisecond)
        .ok()
        .or_else(|| super::fields::rfc3339_ms(text))
        .ok_or_else(|| unreadable(name))
}

fn unreadable(name: &str) -> Rejected {
    Rejected::new(Reason::InvalidField, format!("`{name}` is no time"))
}
