//! A post on its way: what a format's reader found, and the checks that are the same for every format.

use std::borrow::Cow;
use std::fmt;

use super::rejected::{Reason, Rejected};
use crate::config;
use crate::model::EventTime;
use crate::model::hashtag::{self, TagFault, TagLimits, TagList};

/// What a reader found in a record. Nothing is checked yet but types.
#[derive(Default)]
pub(super) struct Draft<'a> {
    pub id: Option<Cow<'a, str>>,
    /// Milliseconds since the epoch.
    pub ts: Option<i64>,
    pub account: Option<Cow<'a, str>>,
    pub platform: Cow<'a, str>,
    pub text: Option<Cow<'a, str>>,
    /// Whether the record lists its hashtags; then they are in the sink already and the text is not searched.
    pub listed: bool,
    pub repost_of: Option<Cow<'a, str>>,
    pub reply_to: Option<Cow<'a, str>>,
    pub lang: Option<Cow<'a, str>>,
    pub client: Option<Cow<'a, str>>,
    /// Milliseconds since the epoch.
    pub account_created: Option<i64>,
}

impl Draft<'_> {
    /// The same draft, holding its strings itself.
    pub(super) fn into_owned(self) -> Draft<'static> {
        let own = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Draft {
            id: own(self.id),
            ts: self.ts,
            account: own(self.account),
            platform: Cow::Owned(self.platform.into_owned()),
            text: own(self.text),
            listed: self.listed,
            repost_of: own(self.repost_of),
            reply_to: own(self.reply_to),
            lang: own(self.lang),
            client: own(self.client),
            account_created: self.account_created,
        }
    }
}

/// What a format calls the fields that every post needs, for the sentences of rejections.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub id: &'static str,
    pub ts: &'static str,
    pub account: &'static str,
    pub account_created: &'static str,
}

/// Takes the hashtags that a record lists.
pub(super) struct Sink<'t> {
    list: &'t mut TagList,
    limits: TagLimits,
    /// Listed entries that are no hashtag.
    pub unusable: u64,
}

impl<'t> Sink<'t> {
    pub(super) fn new(list: &'t mut TagList, limits: &config::Limits) -> Sink<'t> {
        list.clear();
        let limits = TagLimits { tags_max: limits.hashtags_max, chars_max: limits.hashtag_chars_max };
        Sink { list, limits, unusable: 0 }
    }

    /// Takes one listed hashtag. One that can be no hashtag (blank, digits, a sentence) is counted and left out:
    /// the post around it is still a post.
    pub(super) fn push(&mut self, raw: &str) -> Result<(), Rejected> {
        match self.list.push(raw, self.limits) {
            Ok(_) => Ok(()),
            Err(TagFault::Invalid) => {
                self.unusable += 1;
                Ok(())
            }
            Err(fault) => Err(self.reject(fault)),
        }
    }

    /// Takes the hashtags of a text.
    pub(super) fn extract(&mut self, text: &str) -> Result<(), Rejected> {
        hashtag::extract(text, self.list, self.limits).map_err(|fault| self.reject(fault))
    }

    fn reject(&self, fault: TagFault) -> Rejected {
        let TagLimits { tags_max, chars_max } = self.limits;
        match fault {
            TagFault::TooMany => Rejected::new(Reason::HashtagsMax, format!("more than {tags_max} hashtags")),
            TagFault::TooLong => {
                Rejected::new(Reason::HashtagTooLong, format!("a hashtag of more than {chars_max} characters"))
            }
            TagFault::Invalid => Rejected::new(Reason::InvalidField, "a hashtag without a name"),
        }
    }
}

/// The unit that a time outside 2000 to 2099 seems to be written in instead of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since the epoch.
    Seconds,
    /// Microseconds since the epoch.
    Microseconds,
    /// Nanoseconds since the epoch.
    Nanoseconds,
}

impl Unit {
    /// The unit in which `number` is a plausible time; `None` where there is none or where it is milliseconds.
    pub fn guess(number: i64) -> Option<Unit> {
        if EventTime(number).is_plausible() {
            None
        } else if EventTime(number.saturating_mul(1000)).is_plausible() {
            Some(Unit::Seconds)
        } else if EventTime(number / 1000).is_plausible() {
            Some(Unit::Microseconds)
        } else if EventTime(number / 1_000_000).is_plausible() {
            Some(Unit::Nanoseconds)
        } else {
            None
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Seconds => "seconds",
            Unit::Microseconds => "microseconds",
            Unit::Nanoseconds => "nanoseconds",
        })
    }
}

/// A time that must be there and lie in 2000 to 2099.
pub(super) fn time(ms: i64, name: &str) -> Result<EventTime, Rejected> {
    let time = EventTime(ms);
    if time.is_plausible() {
        return Ok(time);
    }
    let hint = match Unit::guess(ms) {
        Some(unit) => format!(" ({ms} looks like {unit}, milliseconds are meant)"),
        None => format!(" ({ms} ms)"),
    };
    Err(Rejected::new(Reason::TimeRange, format!("`{name}` lies outside 2000 to 2099{hint}")))
}

/// An id that must be there.
pub(super) fn id<'a>(id: Option<Cow<'a, str>>, name: &str, bytes_max: usize) -> Result<Cow<'a, str>, Rejected> {
    let id = id.ok_or_else(|| missing(name))?;
    if id.is_empty() {
        return Err(Rejected::new(Reason::InvalidField, format!("`{name}` is empty")));
    }
    bounded(&id, name, bytes_max)?;
    Ok(id)
}

/// An id that may be absent; an empty one is absent.
pub(super) fn optional_id<'a>(
    id: Option<Cow<'a, str>>,
    name: &str,
    bytes_max: usize,
) -> Result<Option<Cow<'a, str>>, Rejected> {
    let id = id.filter(|id| !id.is_empty());
    if let Some(id) = &id {
        bounded(id, name, bytes_max)?;
    }
    Ok(id)
}

/// The rejection of a record that lacks `name`.
pub(super) fn missing(name: &str) -> Rejected {
    Rejected::new(Reason::MissingField, format!("`{name}` is missing"))
}

fn bounded(id: &str, name: &str, bytes_max: usize) -> Result<(), Rejected> {
    if id.len() <= bytes_max {
        return Ok(());
    }
    Err(Rejected::new(Reason::IdTooLong, format!("`{name}` has {} bytes, more than {bytes_max}", id.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_by_magnitude() {
        assert_eq!(Unit::guess(1_494_014_400_000), None);
        assert_eq!(Unit::guess(1_494_014_400), Some(Unit::Seconds));
        assert_eq!(Unit::guess(1_494_014_400_000_000), Some(Unit::Microseconds));
        assert_eq!(Unit::guess(1_494_014_400_000_000_000), Some(Unit::Nanoseconds));
        for neither in [0, -1, 5, i64::MIN, i64::MAX] {
            assert_eq!(Unit::guess(neither), None);
        }
    }

    #[test]
    fn a_time_in_the_wrong_unit_says_so() {
        let detail = time(1_494_014_400, "ts").expect_err("1970").detail;
        assert_eq!(detail, "`ts` lies outside 2000 to 2099 (1494014400 looks like seconds, milliseconds are meant)");
        assert_eq!(time(-5, "ts").map_err(|rejected| rejected.reason), Err(Reason::TimeRange));
    }
}
