//! Which format a record is in, told by the first top-level key that only one format has. Decided record by record and
//! from that record alone, so that the same input is always read the same way.

use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::Format;
use super::fields::Text;

/// The format of a record; native where no key tells, so that its rejection names what a native post lacks.
pub(super) fn format_of(json: &str) -> Format {
    let mut found = None;
    // The visitor stops at the first telling key by an error of its own; what is wrong with the rest of the record is
    // for the reader to say.
    let _ = serde_json::Deserializer::from_str(json).deserialize_map(KeyVisitor(&mut found));
    found.unwrap_or(Format::Native)
}

struct KeyVisitor<'f>(&'f mut Option<Format>);

impl<'de> Visitor<'de> for KeyVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'_>>()? {
            if let Some(format) = told_by(&key.0) {
                *self.0 = Some(format);
                return Err(A::Error::custom("told"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

fn told_by(key: &str) -> Option<Format> {
    match key {
        "ts" | "hashtags" | "repost_of" | "account_created" | "action" => Some(Format::Native),
        "did" | "time_us" | "commit" => Some(Format::Jetstream),
        "@context" | "actor" | "attributedTo" | "published" | "contentMap" => Some(Format::ActivityPub),
        "spoiler_text"
        | "visibility"
        | "reblog"
        | "in_reply_to_account_id"
        | "last_status"
        | "payload"
        | "media_attachments"
        | "group_key" => Some(Format::Mastodon),
        "id_str"
        | "timestamp_ms"
        | "retweeted_status"
        | "extended_tweet"
        | "in_reply_to_status_id_str"
        | "truncated"
        | "in_reply_to_screen_name"
        | "favorited"
        | "delete"
        | "limit" => Some(Format::XV1),
        "author_id"
        | "data"
        | "includes"
        | "referenced_tweets"
        | "conversation_id"
        | "edit_history_tweet_ids"
        | "public_metrics"
        | "errors" => Some(Format::XV2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_own_keys() {
        for (json, expected) in [
            (r#"{"id":1,"ts":2,"account":3}"#, Format::Native),
            (r#"{"id":"\"did\":","text":"{\"did\":1}","ts":2}"#, Format::Native),
            (r#"{"id":1,"nested":{"did":1,"@context":2},"hashtags":[]}"#, Format::Native),
            (r#"{"did":"did:plc:x","time_us":1}"#, Format::Jetstream),
            (r#"{"id":"1","created_at":"x","in_reply_to_id":null,"in_reply_to_account_id":null}"#, Format::Mastodon),
            (r#"{"type":"Create","actor":"x"}"#, Format::ActivityPub),
            (r#"{"created_at":"x","id":1,"id_str":"1"}"#, Format::XV1),
            (r#"{"data":{"id":"1"}}"#, Format::XV2),
            (r#"{"id":"1","text":"x","author_id":"2"}"#, Format::XV2),
            ("{}", Format::Native),
            (r#"{"id":"#, Format::Native),
        ] {
            assert_eq!(format_of(json), expected, "{json}");
        }
    }
}
