//! Mastodon's Status object, as REST and streaming send it: plain, behind `data:` of a server-sent event, or as the
//! `payload` string of a WebSocket message.
//!
//! Hashtags are `tags[].name`; the text is `content` without its HTML. For a boost both are those of `reblog`. Edits,
//! deletes, notifications and conversations are unsupported. `account.acct` names the account: it lacks the host for
//! accounts of the server that was asked, so give streams of several servers apart.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::draft::{Draft, Names, Sink};
use super::fields::{Id, Stamp, Text};
use super::html::plain;
use super::rejected::{Reason, Rejected};

pub(super) const NAMES: Names =
    Names { id: "id", ts: "created_at", account: "account.acct", account_created: "account.created_at" };

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    created_at: Option<Stamp>,
    account: Option<Account<'a>>,
    content: Option<Text<'a>>,
    tags: Option<Vec<Tag<'a>>>,
    reblog: Option<Reblog<'a>>,
    in_reply_to_id: Option<Id<'a>>,
    language: Option<Text<'a>>,
    application: Option<Application<'a>>,
    /// Only in a conversation.
    last_status: Option<IgnoredAny>,
    /// Only in a notification.
    status: Option<IgnoredAny>,
    /// Only in a WebSocket message.
    event: Option<Text<'a>>,
    payload: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Account<'a> {
    #[serde(borrow)]
    acct: Option<Text<'a>>,
    created_at: Option<Stamp>,
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Reblog<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    content: Option<Text<'a>>,
    tags: Option<Vec<Tag<'a>>>,
}

#[derive(Deserialize)]
struct Application<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// Whether a line is one of a server-sent event other than its data: its name, its id or a comment.
pub(super) fn is_event_line(line: &str) -> bool {
    ["event:", ":", "id:", "retry:"].iter().any(|prefix| line.starts_with(prefix))
}

/// Reads one status.
pub(super) fn read<'a>(json: &'a str, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    let status = parse(json)?;
    match (&status.event, &status.payload) {
        (Some(event), Some(payload)) if event.0 == "update" => {
            read_status(parse(&payload.0)?, sink).map(Draft::into_owned)
        }
        (Some(_), _) => Err(Rejected::new(Reason::Unsupported, "an edit, delete or notice, not a new post")),
        _ => read_status(status, sink),
    }
}

fn parse(json: &str) -> Result<Status<'_>, Rejected> {
    serde_json::from_str(json).map_err(|error| Rejected::from_json(&error, ""))
}

fn read_status<'a>(status: Status<'a>, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    if status.last_status.is_some() || status.status.is_some() {
        return Err(Rejected::new(Reason::Unsupported, "a notification or conversation, not a post"));
    }
    let (content, tags, repost_of) = match status.reblog {
        Some(reblog) => {
            let of = reblog.id.ok_or_else(|| super::draft::missing("reblog.id"))?;
            (reblog.content, reblog.tags, Some(of.0))
        }
        None => (status.content, status.tags, None),
    };
    for name in tags.iter().flatten().filter_map(|tag| tag.name.as_ref()) {
        sink.push(&name.0)?;
    }
    let (acct, created) = status.account.map_or((None, None), |account| (account.acct, account.created_at));
    Ok(Draft {
        id: status.id.map(|id| id.0),
        ts: status.created_at.map(|at| at.0),
        account: acct.map(|acct| acct.0),
        platform: Cow::Borrowed("mastodon"),
        text: content.map(|content| plain(content.0)),
        listed: tags.is_some(),
        repost_of,
        reply_to: status.in_reply_to_id.map(|id| id.0),
        lang: status.language.map(|lang| lang.0),
        client: status.application.and_then(|application| application.name).map(|name| name.0),
        account_created: created.map(|at| at.0),
    })
}
