//! A post as decoded: borrowed from the record's bytes, dropped once its mentions are routed.

use std::borrow::Cow;

use super::hashtag::TagList;
use super::time::EventTime;

/// One post. Strings borrow from the record wherever the record has them unescaped.
#[derive(Debug)]
pub struct Post<'a> {
    /// The platform's id of the post.
    pub id: Cow<'a, str>,
    /// Event time: when the post says it was written.
    pub ts: EventTime,
    /// The platform's id of the account; leaves this struct only as a keyed hash.
    pub account: Cow<'a, str>,
    /// Name of the platform, part of the identity of account and post; empty where absent.
    pub platform: Cow<'a, str>,
    /// The text, read for its hash, its links and whether it mentions; never kept.
    pub text: Option<Cow<'a, str>>,
    /// The post's distinct hashtags in order of appearance, canonical and as written.
    pub hashtags: &'a TagList,
    /// Id of the post that this one repeats.
    pub repost_of: Option<Cow<'a, str>>,
    /// Id of the post that this one answers.
    pub reply_to: Option<Cow<'a, str>>,
    /// Language tag as given.
    pub lang: Option<Cow<'a, str>>,
    /// The program that wrote the post.
    pub client: Option<Cow<'a, str>>,
    /// When the account was created.
    pub account_created: Option<EventTime>,
}
