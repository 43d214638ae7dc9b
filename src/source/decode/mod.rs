//! Decode: bytes to a [`Post`] or [`Rejected`]. Pure, and the place where all limits on hostile input hold: bytes before
//! parsing; hashtags, their length and that of ids after. What is not a known key is passed over without recursion, at
//! any depth. An ordinary ASCII post without escapes is decoded without an allocation.
//!
//! Each format is a file: where its platform puts ids, times and hashtags, and what of it is no post.

use std::fmt;
use std::str::FromStr;

use crate::config::Limits;
use crate::model::hashtag::TagList;
use crate::model::{Action, Post};

pub use draft::Unit;
pub use rejected::{Reason, Rejected};
pub use understood::Understood;

use draft::{Draft, Sink};

mod rejected;

mod draft;
mod fields;
mod html;

mod auto;

mod action;
mod activitypub;
mod jetstream;
mod mastodon;
mod native;
mod x_v1;
mod x_v2;

mod understood;

/// How posts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// tagwatch's own.
    Native,
    /// Bluesky's Jetstream.
    Jetstream,
    /// Mastodon's Status, from REST or streaming.
    Mastodon,
    /// ActivityPub's activities and objects.
    ActivityPub,
    /// X's API v1.1.
    XV1,
    /// X's API v2, one post a record.
    XV2,
    /// Told from each record.
    Auto,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 7] = [
        Format::Native,
        Format::Jetstream,
        Format::Mastodon,
        Format::ActivityPub,
        Format::XV1,
        Format::XV2,
        Format::Auto,
    ];

    /// The format's name in flags and config.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Native => "native",
            Format::Jetstream => "jetstream",
            Format::Mastodon => "mastodon",
            Format::ActivityPub => "activitypub",
            Format::XV1 => "x-v1.1",
            Format::XV2 => "x-v2",
            Format::Auto => "auto",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A format that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format is named {0:?}; there are native, jetstream, mastodon, activitypub, x-v1.1, x-v2 and auto")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Format, UnknownFormat> {
        Format::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// What a record is.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// A post.
    Post(Post<'a>),
    /// An action, or why it is no usable one.
    Action(Result<Action<'a>, Rejected>),
}

/// Decodes one record as an action.
///
/// # Errors
/// As [`Decoder::decode`].
pub fn decode_action<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Action<'a>, Rejected> {
    action::read(object(bytes, limits.post_bytes_max)?, limits.id_bytes_max)
}

/// Why an action is no post.
pub(super) const AN_ACTION: &str = "an action, not a post";

/// Decodes records of one format, one after the other, with buffers that it keeps.
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    limits: Limits,
    tags: TagList,
    /// The format of the last record.
    last: Format,
    /// The unit that the last record's time seems to be in, where it was rejected for it.
    unit: Option<Unit>,
    /// Listed hashtags left out so far.
    unusable: u64,
}

impl Decoder {
    /// A decoder for records in `format`, within `limits`.
    pub fn new(format: Format, limits: Limits) -> Decoder {
        Decoder { format, limits, tags: TagList::default(), last: format, unit: None, unusable: 0 }
    }

    /// Decodes one record as a post. It borrows from the bytes and from the decoder; drop it before the next record.
    ///
    /// # Errors
    /// [`Rejected`] with every reason but [`Reason::Future`], which takes the record's own time to tell.
    pub fn decode<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Post<'a>, Rejected> {
        match self.decode_any(bytes)? {
            Decoded::Post(post) => Ok(post),
            Decoded::Action(_) => Err(Rejected::new(Reason::Unsupported, AN_ACTION)),
        }
    }

    /// Decodes one record as a post or, where it has an `action` and no `ts`, as an action. Only native records can be one.
    ///
    /// # Errors
    /// As [`decode`](Self::decode); an action that cannot be read comes as [`Decoded::Action`].
    pub fn decode_any<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Decoded<'a>, Rejected> {
        self.unit = None;
        self.last = self.format;
        let json = object(bytes, self.limits.post_bytes_max)?;
        if self.format == Format::Auto {
            self.last = auto::format_of(json);
        }
        let mut sink = Sink::new(&mut self.tags, &self.limits);
        let mut draft = Draft::default();
        let found = read(self.last, json, &mut sink, &mut draft).and_then(|is_post| match &draft.text {
            Some(text) if !draft.listed && is_post => sink.extract(text).map(|()| true),
            _ => Ok(is_post),
        });
        self.unusable += sink.unusable;
        if !found? {
            return Ok(Decoded::Action(action::read(json, self.limits.id_bytes_max)));
        }
        self.unit = draft.ts.and_then(Unit::guess);
        finish(draft, names(self.last), &self.tags, self.limits.id_bytes_max).map(Decoded::Post)
    }

    /// The format that the last record was read in: its own where the decoder's is [`Format::Auto`].
    pub fn last_format(&self) -> Format {
        self.last
    }

    /// The unit that the last record's time seems to be written in, where it is implausible as milliseconds.
    pub fn last_unit(&self) -> Option<Unit> {
        self.unit
    }

    /// Number of entries in lists of hashtags, since the decoder was made, that are no hashtag (blank, digits only, a
    /// sentence). Such an entry is left out; its post stays.
    pub fn unusable_hashtags(&self) -> u64 {
        self.unusable
    }
}

/// The JSON object in `bytes`, as far as that can be told without parsing.
fn object(bytes: &[u8], bytes_max: usize) -> Result<&str, Rejected> {
    if bytes.len() > bytes_max {
        let detail = format!("{} bytes, more than {bytes_max}", bytes.len());
        return Err(Rejected::new(Reason::Oversize, detail));
    }
    let text = simdutf8::compat::from_utf8(bytes)
        .map_err(|error| Rejected::new(Reason::Encoding, format!("not UTF-8 from byte {} on", error.valid_up_to())))?;
    // Files written on Windows may begin with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii();
    if text.starts_with('{') {
        return Ok(text);
    }
    if text.is_empty() {
        return Err(Rejected::new(Reason::Empty, "nothing but blanks"));
    }
    // Mastodon's streams, recorded as they come.
    if let Some(data) = text.strip_prefix("data:").map(str::trim_ascii_start).filter(|data| data.starts_with('{')) {
        return Ok(data);
    }
    if mastodon::is_event_line(text) {
        return Err(Rejected::new(Reason::Unsupported, "a line of a server-sent event without data"));
    }
    Err(Rejected::new(Reason::Syntax, "not a JSON object"))
}

/// A draft is a quarter of a kilobyte, so the format of the fast path fills it where it stands. Gives whether it is a post.
fn read<'a>(format: Format, json: &'a str, sink: &mut Sink<'_>, draft: &mut Draft<'a>) -> Result<bool, Rejected> {
    *draft = match format {
        Format::Native | Format::Auto => return native::read(json, sink, draft),
        Format::Jetstream => jetstream::read(json, sink)?,
        Format::Mastodon => mastodon::read(json, sink)?,
        Format::ActivityPub => activitypub::read(json, sink)?,
        Format::XV1 => x_v1::read(json, sink)?,
        Format::XV2 => x_v2::read(json, sink)?,
    };
    Ok(true)
}

fn names(format: Format) -> draft::Names {
    match format {
        Format::Native | Format::Auto => native::NAMES,
        Format::Jetstream => jetstream::NAMES,
        Format::Mastodon => mastodon::NAMES,
        Format::ActivityPub => activitypub::NAMES,
        Format::XV1 => x_v1::NAMES,
        Format::XV2 => x_v2::NAMES,
    }
}

/// Checks what every post needs.
fn finish<'a>(draft: Draft<'a>, names: draft::Names, tags: &'a TagList, id_max: usize) -> Result<Post<'a>, Rejected> {
    let id = draft::id(draft.id, names.id, id_max)?;
    let ts = draft.ts.ok_or_else(|| draft::missing(names.ts)).and_then(|ms| draft::time(ms, names.ts))?;
    let account = draft::id(draft.account, names.account, id_max)?;
    let account_created = draft.account_created.map(|ms| draft::time(ms, names.account_created)).transpose()?;
    Ok(Post {
        id,
        ts,
        account,
        platform: draft.platform,
        text: draft.text,
        hashtags: tags,
        repost_of: draft::optional_id(draft.repost_of, "repost_of", id_max)?,
        reply_to: draft::optional_id(draft.reply_to, "reply_to", id_max)?,
        lang: draft.lang,
        client: draft.client,
        account_created,
    })
}
