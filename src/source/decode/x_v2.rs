//! X's API v2, one post a record: a line of the stream (`{"data": {…}, "includes": {…}}`) or a flattened post (all of
//! it at the top, `author` and the text of `referenced_tweets` written out).
//!
//! A page of search results holds many posts in one record and is unsupported: flatten it first. Hashtags are
//! `entities.hashtags[].tag`, of `note_tweet` for a long post; a repost's own text and hashtags are cut off, so its
//! original's are taken where they came along. In-band errors are unsupported.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::draft::{Draft, Names, Sink};
use super::fields::{Id, Many, Stamp, Text};
use super::rejected::{Reason, Rejected};

pub(super) const NAMES: Names =
    Names { id: "id", ts: "created_at", account: "author_id", account_created: "author.created_at" };

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    data: Option<Many<Post<'a>>>,
    includes: Option<Includes<'a>>,
    errors: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Includes<'a> {
    #[serde(borrow)]
    users: Option<Vec<User<'a>>>,
    tweets: Option<Vec<Original<'a>>>,
}

#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    created_at: Option<Stamp>,
}

#[derive(Deserialize)]
struct Post<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    created_at: Option<Stamp>,
    author_id: Option<Id<'a>>,
    author: Option<User<'a>>,
    text: Option<Text<'a>>,
    entities: Option<Entities<'a>>,
    note_tweet: Option<Note<'a>>,
    referenced_tweets: Option<Vec<Original<'a>>>,
    lang: Option<Text<'a>>,
    source: Option<Text<'a>>,
}

/// A post that another one reposts, quotes or answers: all of it, or only type and id.
#[derive(Deserialize)]
struct Original<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    id: Option<Id<'a>>,
    text: Option<Text<'a>>,
    entities: Option<Entities<'a>>,
    note_tweet: Option<Note<'a>>,
}

#[derive(Deserialize)]
struct Entities<'a> {
    #[serde(borrow)]
    hashtags: Option<Vec<Hashtag<'a>>>,
}

#[derive(Deserialize)]
struct Hashtag<'a> {
    #[serde(borrow)]
    tag: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Note<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    entities: Option<Entities<'a>>,
}

/// Reads one line.
pub(super) fn read<'a>(json: &'a str, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    let line: Line<'a> = parse(json)?;
    match line.data {
        Some(Many(mut posts)) if posts.len() <= 1 => match posts.pop() {
            Some(post) => read_post(post, line.includes, sink),
            None => Err(Rejected::new(Reason::Unsupported, "a page without posts")),
        },
        Some(_) => Err(Rejected::new(Reason::Unsupported, "a page of several posts: flatten it to one a line")),
        None if line.errors.is_some() => {
            Err(Rejected::new(Reason::Unsupported, "an error of the platform, not a post"))
        }
        None => read_post(parse(json)?, line.includes, sink),
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Rejected> {
    serde_json::from_str(json).map_err(|error| Rejected::from_json(&error, ""))
}

fn read_post<'a>(post: Post<'a>, includes: Option<Includes<'a>>, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    let Includes { users, tweets } = includes.unwrap_or(Includes { users: None, tweets: None });
    let account = post.author_id.or_else(|| post.author.as_ref()?.id.as_ref().map(|id| Id(id.0.clone())));
    let same = |id: &Option<Id<'_>>, other: &Option<Id<'_>>| match (id, other) {
        (Some(id), Some(other)) => id.0 == other.0,
        _ => false,
    };
    let author = post.author.or_else(|| users.into_iter().flatten().find(|user| same(&user.id, &account)));
    let (mut repost_of, mut reply_to) = (None, None);
    for reference in post.referenced_tweets.into_iter().flatten() {
        match reference.kind.as_ref().map(|kind| kind.0.as_ref()) {
            Some("retweeted") => repost_of = Some(reference),
            Some("replied_to") => reply_to = reference.id,
            _ => {}
        }
    }
    let original = match &repost_of {
        Some(reference) if reference.text.is_none() => {
            tweets.into_iter().flatten().find(|tweet| same(&tweet.id, &reference.id) && tweet.text.is_some())
        }
        _ => None,
    };
    let reposted = repost_of.as_ref().and_then(|reference| reference.id.as_ref()).map(|id| id.0.clone());
    let original = original.or(repost_of.filter(|reference| reference.text.is_some()));
    let (text, entities) = match original {
        Some(original) => complete(original.text, original.entities, original.note_tweet),
        None => complete(post.text, post.entities, post.note_tweet),
    };
    // Entities without hashtags say that there are none; no entities at all may mean that they were not asked for.
    let listed = entities.is_some();
    for hashtag in entities.and_then(|entities| entities.hashtags).into_iter().flatten() {
        if let Some(tag) = hashtag.tag {
            sink.push(&tag.0)?;
        }
    }
    Ok(Draft {
        id: post.id.map(|id| id.0),
        ts: post.created_at.map(|at| at.0),
        account: account.map(|id| id.0),
        platform: Cow::Borrowed("x"),
        text: text.map(|text| text.0),
        listed,
        repost_of: reposted,
        reply_to: reply_to.map(|id| id.0),
        lang: post.lang.map(|lang| lang.0),
        client: post.source.map(|source| source.0),
        account_created: author.and_then(|author| author.created_at).map(|at| at.0),
    })
}

/// Text and entities of a post, the long version where there is one.
fn complete<'a>(
    text: Option<Text<'a>>,
    entities: Option<Entities<'a>>,
    note: Option<Note<'a>>,
) -> (Option<Text<'a>>, Option<Entities<'a>>) {
    match note {
        Some(note) if note.text.is_some() => (note.text, note.entities),
        _ => (text, entities),
    }
}
