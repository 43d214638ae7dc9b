//! An action: one JSON object a record, on the actions topic or among the posts of a replay.
//!
//! | key | value |
//! |---|---|
//! | `at` | integer milliseconds since the epoch, or RFC 3339; needed |
//! | `action` | `account_actioned`, `account_restored` or `post_deleted`; needed |
//! | `account` or `post` | string or integer: whom or what it was done to; needed |
//! | `platform` | string, as in posts |
//!
//! null is absent, unknown keys are ignored whatever they hold, a known key twice is rejected.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::draft;
use super::fields::{Id, Stamp, Text};
use super::rejected::{Reason, Rejected};
use crate::model::{Act, Action};

/// Reads one action.
pub(super) fn read(json: &str, id_bytes_max: usize) -> Result<Action<'_>, Rejected> {
    let mut field = "";
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(ActionVisitor { field: &mut field });
    let found = read.and_then(|found| deserializer.end().map(|()| found));
    let Found { at, action, account, post, platform, twice } =
        found.map_err(|error| Rejected::from_json(&error, field))?;
    if let Some(key) = twice {
        return Err(Rejected::new(Reason::DuplicateKey, format!("`{key}` stands twice")));
    }
    let action = action.ok_or_else(|| draft::missing("action"))?;
    let act = Act::named(&action.0).ok_or_else(|| {
        let names = Act::ALL.map(Act::as_str).join(", ");
        Rejected::new(Reason::InvalidField, format!("`action` is none of {names}"))
    })?;
    let at = at.ok_or_else(|| draft::missing("at")).and_then(|at| draft::time(at.0, "at"))?;
    let target = match act {
        Act::AccountActioned | Act::AccountRestored => account,
        Act::PostDeleted => post,
    };
    let id = draft::id(target.map(|id| id.0), act.target(), id_bytes_max)?;
    Ok(Action { at, act, id, platform: platform.map(|text| text.0).unwrap_or_default() })
}

/// What stands in the object.
#[derive(Default)]
struct Found<'a> {
    at: Option<Stamp>,
    action: Option<Text<'a>>,
    account: Option<Id<'a>>,
    post: Option<Id<'a>>,
    platform: Option<Text<'a>>,
    /// A key that stands there twice.
    twice: Option<&'static str>,
}

/// The known keys, in the order of their bits.
const KEYS: [&str; 5] = ["at", "action", "account", "post", "platform"];

/// A key by its place in [`KEYS`]; none for an unknown one.
struct Key(Option<usize>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
                Ok(Key(KEYS.iter().position(|known| *known == key)))
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct ActionVisitor<'f> {
    /// The known key whose value is being read.
    field: &'f mut &'static str,
}

impl<'de> Visitor<'de> for ActionVisitor<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an action")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let (mut found, mut seen) = (Found::default(), 0_u8);
        while let Some(Key(place)) = map.next_key()? {
            let Some(place) = place else {
                *self.field = "";
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            *self.field = KEYS[place];
            if seen & 1 << place != 0 {
                found.twice = Some(KEYS[place]);
            }
            seen |= 1 << place;
            match place {
                0 => found.at = map.next_value()?,
                1 => found.action = map.next_value()?,
                2 => found.account = map.next_value()?,
                3 => found.post = map.next_value()?,
                _ => found.platform = map.next_value()?,
            }
        }
        *self.field = "";
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_494_014_400_000;

    fn reason(json: &str) -> Result<(i64, Act, String, String), Reason> {
        read(json, 20)
            .map(|action| (action.at.0, action.act, action.id.into_owned(), action.platform.into_owned()))
            .map_err(|rejected| rejected.reason)
    }

    #[test]
    fn actions_are_read_in_all_forms() {
        assert_eq!(
            reason(r#"{"at":1494014400000,"action":"account_actioned","account":"a17","platform":"x"}"#),
            Ok((T, Act::AccountActioned, "a17".into(), "x".into()))
        );
        assert_eq!(
            reason(r#"{"action":"post_deleted","post":7,"account":null,"why":{"at":1},"at":"2017-05-05T20:00:00Z"}"#),
            Ok((T, Act::PostDeleted, "7".into(), String::new()))
        );
        assert_eq!(
            reason(r#"{"at":1494014400000,"action":"account_restored","account":"a\n","post":"p"}"#),
            Ok((T, Act::AccountRestored, "a\n".into(), String::new()))
        );
    }

    #[test]
    fn what_is_no_action_says_why() {
        for (json, expected) in [
            (r#"{"at":1494014400000,"action":"account_actioned"}"#, Reason::MissingField),
            (r#"{"at":1494014400000,"action":"account_actioned","post":"p"}"#, Reason::MissingField),
            (r#"{"action":"post_deleted","post":"p"}"#, Reason::MissingField),
            (r#"{"at":1494014400000,"post":"p"}"#, Reason::MissingField),
            (r#"{"at":1494014400000,"action":"post_liked","post":"p"}"#, Reason::InvalidField),
            (r#"{"at":1494014400000,"action":7,"post":"p"}"#, Reason::InvalidField),
            (r#"{"at":1494014400000,"action":"post_deleted","post":""}"#, Reason::InvalidField),
            (r#"{"at":1494014400000,"action":"post_deleted","post":["p"]}"#, Reason::InvalidField),
            (r#"{"at":1494014400,"action":"post_deleted","post":"p"}"#, Reason::TimeRange),
            (r#"{"at":4102444800000,"action":"post_deleted","post":"p"}"#, Reason::TimeRange),
            (r#"{"at":"soon","action":"post_deleted","post":"p"}"#, Reason::InvalidField),
            (r#"{"at":1494014400000,"at":1494014400000,"action":"post_deleted","post":"p"}"#, Reason::DuplicateKey),
            (r#"{"at":1494014400000,"action":"post_deleted","post":"123456789012345678901"}"#, Reason::IdTooLong),
            (r#"{"at":1494014400000,"action":"post_deleted","post":"p""#, Reason::Syntax),
            (r#"{"at":1494014400000,"action":"post_deleted","post":"p"} x"#, Reason::Syntax),
        ] {
            assert_eq!(reason(json), Err(expected), "{json}");
        }
    }
}
