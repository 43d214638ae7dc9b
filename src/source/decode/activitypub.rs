//! ActivityPub: `Create` of a Note (or Article, Page, Question, Video, Event), such an object by itself, or an
//! `Announce` that carries either.
//!
//! Hashtags are the entries of `tag` with type `Hashtag`; where there is no `tag` at all, the text is searched. The text
//! is `content` without its HTML. The event time is the object's `published`, or the activity's. An `Announce` of a mere
//! address says nothing about hashtags and is unsupported, as is every other activity.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::draft::{Draft, Names, Sink};
use super::fields::{Many, Ref, Stamp, Text};
use super::html::plain;
use super::rejected::{Reason, Rejected};

pub(super) const NAMES: Names =
    Names { id: "object.id", ts: "published", account: "attributedTo", account_created: "account_created" };

/// An activity or an object: ActivityPub nests the one in the other, and either may come first.
#[derive(Deserialize)]
struct Thing<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Ref<'a>>,
    id: Option<Text<'a>>,
    actor: Option<Ref<'a>>,
    #[serde(rename = "attributedTo")]
    attributed_to: Option<Ref<'a>>,
    published: Option<Stamp>,
    content: Option<Text<'a>>,
    #[serde(rename = "contentMap")]
    content_map: Option<FirstKey<'a>>,
    #[serde(rename = "inReplyTo")]
    in_reply_to: Option<Ref<'a>>,
    tag: Option<Many<Tag<'a>>>,
    object: Option<Nested<'a>>,
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Ref<'a>>,
    name: Option<Text<'a>>,
}

/// The value of `object`: written out, or only its address.
enum Nested<'a> {
    Thing(Box<Thing<'a>>),
    Address,
}

/// The first key of an object: `contentMap` is keyed by language.
struct FirstKey<'a>(Option<Cow<'a, str>>);

/// Reads one activity or object.
pub(super) fn read<'a>(json: &'a str, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    let thing: Thing<'a> = serde_json::from_str(json).map_err(|error| Rejected::from_json(&error, ""))?;
    match kind(&thing) {
        "Announce" => announce(thing, sink),
        "Create" => create(thing, sink),
        _ => note(thing, None, None, sink),
    }
}

fn kind<'t>(thing: &'t Thing<'_>) -> &'t str {
    thing.kind.as_ref().and_then(|kind| kind.0.as_deref()).unwrap_or("")
}

/// A repost. Groups announce the `Create` itself; that is how a post reaches the group's followers, not a repost.
fn announce<'a>(announce: Thing<'a>, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    let Some(Nested::Thing(object)) = announce.object else {
        return Err(unsupported("an announcement without its object"));
    };
    if kind(&object) == "Create" {
        return create(*object, sink);
    }
    let draft = note(*object, None, None, sink)?;
    Ok(Draft {
        id: announce.id.map(|id| id.0),
        ts: announce.published.map(|at| at.0),
        account: announce.actor.and_then(|actor| actor.0),
        repost_of: draft.id,
        ..draft
    })
}

fn create<'a>(create: Thing<'a>, sink: &mut Sink<'_>) -> Result<Draft<'a>, Rejected> {
    let Some(Nested::Thing(object)) = create.object else {
        return Err(unsupported("an activity without its object"));
    };
    note(*object, create.actor, create.published, sink)
}

fn note<'a>(
    note: Thing<'a>,
    actor: Option<Ref<'a>>,
    published: Option<Stamp>,
    sink: &mut Sink<'_>,
) -> Result<Draft<'a>, Rejected> {
    if !["Note", "Article", "Page", "Question", "Video", "Event"].contains(&kind(&note)) {
        return Err(unsupported("an activity or object of another type"));
    }
    for tag in note.tag.iter().flat_map(|tags| &tags.0) {
        let is_hashtag = tag.kind.as_ref().is_some_and(|kind| kind.0.as_deref() == Some("Hashtag"));
        if let Some(name) = tag.name.as_ref().filter(|_| is_hashtag) {
            sink.push(&name.0)?;
        }
    }
    let author = note.attributed_to.or(note.actor).or(actor);
    Ok(Draft {
        id: note.id.map(|id| id.0),
        ts: note.published.or(published).map(|at| at.0),
        account: author.and_then(|author| author.0),
        platform: Cow::Borrowed("activitypub"),
        text: note.content.map(|content| plain(content.0)),
        listed: note.tag.is_some(),
        reply_to: note.in_reply_to.and_then(|to| to.0),
        lang: note.content_map.and_then(|languages| languages.0),
        ..Draft::default()
    })
}

fn unsupported(what: &str) -> Rejected {
    Rejected::new(Reason::Unsupported, format!("{what}, not a post"))
}

impl<'de: 'a, 'a> Deserialize<'de> for Nested<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NestedVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for NestedVisitor<'a> {
            type Value = Nested<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or its address")
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Nested::Address)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let thing = Thing::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Nested::Thing(Box::new(thing)))
            }
        }
        deserializer.deserialize_any(NestedVisitor(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FirstKey<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for KeyVisitor<'a> {
            type Value = FirstKey<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut first = None;
                while let Some((key, IgnoredAny)) = map.next_entry::<Text<'a>, IgnoredAny>()? {
                    first.get_or_insert(key.0);
                }
                Ok(FirstKey(first))
            }
        }
        deserializer.deserialize_map(KeyVisitor(PhantomData))
    }
}
