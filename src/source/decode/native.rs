//! The native post: one JSON object a record.
//!
//! | key | value |
//! |---|---|
//! | `id` | string or integer, needed |
//! | `ts` | integer milliseconds since the epoch, or RFC 3339; needed |
//! | `account` | string or integer, needed |
//! | `text` | string |
//! | `hashtags` | list of strings, with or without '#'; present, even empty, it wins over the text |
//! | `repost_of`, `reply_to` | string or integer |
//! | `lang`, `client`, `platform` | string |
//! | `account_created` | like `ts` |
//!
//! null is absent, unknown keys are ignored whatever they hold, a known key twice is rejected. Written by hand rather
//! than derived, so that hashtags go straight into the list and rejections name the key.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::draft::{Draft, Names, Sink};
use super::fields::{Id, Stamp, Text};
use super::rejected::{Reason, Rejected};

pub(super) const NAMES: Names = Names { id: "id", ts: "ts", account: "account", account_created: "account_created" };

/// Reads one native post; false where it is an action and no post: it has an `action` and no `ts`.
pub(super) fn read<'a>(json: &'a str, sink: &mut Sink<'_>, draft: &mut Draft<'a>) -> Result<bool, Rejected> {
    let mut trace = Trace { field: "", rejected: None };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(PostVisitor { sink, trace: &mut trace, draft }).and_then(|found| {
        trace.field = "";
        deserializer.end().map(|()| found)
    });
    let action = read.map_err(|error| {
        let Trace { field, rejected } = trace;
        rejected.unwrap_or_else(|| Rejected::from_json(&error, field))
    })?;
    Ok(!action || draft.ts.is_some())
}

/// Where the reader is, for the sentence of a rejection; serde's own errors would quote the post.
struct Trace {
    /// The known key whose value is being read.
    field: &'static str,
    /// A rejection that a JSON error stands for.
    rejected: Option<Rejected>,
}

impl Trace {
    fn fail<E: Error>(&mut self, rejected: Rejected) -> E {
        self.rejected = Some(rejected);
        E::custom("rejected")
    }
}

#[derive(Clone, Copy)]
enum Key {
    Id,
    Ts,
    Account,
    Text,
    Hashtags,
    RepostOf,
    ReplyTo,
    Lang,
    Client,
    AccountCreated,
    Platform,
    Action,
    Other,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Key::Id => "id",
            Key::Ts => "ts",
            Key::Account => "account",
            Key::Text => "text",
            Key::Hashtags => "hashtags",
            Key::RepostOf => "repost_of",
            Key::ReplyTo => "reply_to",
            Key::Lang => "lang",
            Key::Client => "client",
            Key::AccountCreated => "account_created",
            Key::Platform => "platform",
            Key::Action => "action",
            Key::Other => "",
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
                Ok(match key {
                    "id" => Key::Id,
                    "ts" => Key::Ts,
                    "account" => Key::Account,
                    "text" => Key::Text,
                    "hashtags" => Key::Hashtags,
                    "repost_of" => Key::RepostOf,
                    "reply_to" => Key::ReplyTo,
                    "lang" => Key::Lang,
                    "client" => Key::Client,
                    "account_created" => Key::AccountCreated,
                    "platform" => Key::Platform,
                    "action" => Key::Action,
                    _ => Key::Other,
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct PostVisitor<'s, 't, 'de> {
    sink: &'s mut Sink<'t>,
    trace: &'s mut Trace,
    draft: &'s mut Draft<'de>,
}

impl<'de> Visitor<'de> for PostVisitor<'_, '_, 'de> {
    /// Whether the object has an `action`.
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a post")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let PostVisitor { sink, trace, draft } = self;
        let mut action = false;
        let mut seen = 0_u16;
        while let Some(key) = map.next_key::<Key>()? {
            trace.field = key.name();
            let bit = 1 << key as u16;
            if seen & bit != 0 && !matches!(key, Key::Other) {
                let detail = format!("`{}` stands twice", key.name());
                return Err(trace.fail(Rejected::new(Reason::DuplicateKey, detail)));
            }
            seen |= bit;
            match key {
                Key::Id => draft.id = map.next_value::<Option<Id<'de>>>()?.map(|id| id.0),
                Key::Ts => draft.ts = map.next_value::<Option<Stamp>>()?.map(|stamp| stamp.0),
                Key::Account => draft.account = map.next_value::<Option<Id<'de>>>()?.map(|id| id.0),
                Key::Text => draft.text = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0),
                Key::Hashtags => draft.listed = map.next_value_seed(Hashtags { sink, trace })?,
                Key::RepostOf => draft.repost_of = map.next_value::<Option<Id<'de>>>()?.map(|id| id.0),
                Key::ReplyTo => draft.reply_to = map.next_value::<Option<Id<'de>>>()?.map(|id| id.0),
                Key::Lang => draft.lang = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0),
                Key::Client => draft.client = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0),
                Key::AccountCreated => {
                    draft.account_created = map.next_value::<Option<Stamp>>()?.map(|stamp| stamp.0);
                }
                Key::Platform => {
                    draft.platform = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0).unwrap_or_default();
                }
                Key::Action => action = map.next_value::<Option<IgnoredAny>>()?.is_some(),
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        trace.field = "";
        Ok(action)
    }
}

/// Reads the value of `hashtags` into the sink; gives whether it was a list.
struct Hashtags<'s, 't> {
    sink: &'s mut Sink<'t>,
    trace: &'s mut Trace,
}

impl<'de> DeserializeSeed<'de> for Hashtags<'_, '_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Hashtags<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of hashtags or null")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element_seed(Hashtag { sink: self.sink, trace: self.trace })?.is_some() {}
        Ok(true)
    }
}

/// Reads one hashtag into the sink.
struct Hashtag<'s, 't> {
    sink: &'s mut Sink<'t>,
    trace: &'s mut Trace,
}

impl<'de> DeserializeSeed<'de> for Hashtag<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Hashtag<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hashtag")
    }

    fn visit_str<E: Error>(self, raw: &str) -> Result<(), E> {
        let Hashtag { sink, trace } = self;
        sink.push(raw).map_err(|rejected| trace.fail(rejected))
    }
}
