//! Decode: a stand-in with the same surface, so that this branch builds alone: `id ts account tag…` in plain words.

use std::borrow::Cow;

use crate::config::Limits;
use crate::model::hashtag::TagList;
use crate::model::{EventTime, Post};

/// Formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Native.
    Native,
}

/// Reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Too long.
    Oversize,
    /// Nothing there.
    Empty,
    /// Not the format.
    Syntax,
    /// Too far ahead.
    Future,
}

impl Reason {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Oversize => "oversize",
            Reason::Empty => "empty",
            Reason::Syntax => "syntax",
            Reason::Future => "future",
        }
    }
}

/// Rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Why.
    pub reason: Reason,
    /// More.
    pub detail: String,
}

/// Decoder.
pub struct Decoder {
    limits: Limits,
    tags: TagList,
}

impl Decoder {
    /// New.
    pub fn new(_: Format, limits: Limits) -> Decoder {
        Decoder { limits, tags: TagList::default() }
    }

    /// Decode.
    pub fn decode<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Post<'a>, Rejected> {
        let no = |reason| Rejected { reason, detail: String::new() };
        if bytes.len() > self.limits.post_bytes_max {
            return Err(no(Reason::Oversize));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| no(Reason::Syntax))?;
        if text.trim().is_empty() {
            return Err(no(Reason::Empty));
        }
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| no(Reason::Syntax))?;
        let ts = value["ts"].as_i64().ok_or(no(Reason::Syntax))?;
        Ok(Post {
            id: Cow::Owned(value["id"].as_str().unwrap_or("").to_owned()),
            ts: EventTime(ts),
            account: Cow::Borrowed("a"),
            platform: Cow::Borrowed(""),
            text: None,
            hashtags: &self.tags,
            repost_of: None,
            reply_to: None,
            lang: None,
            client: None,
            account_created: None,
        })
    }
}
