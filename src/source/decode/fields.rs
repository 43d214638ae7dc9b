//! Values as platforms write them, read without a copy where JSON has them unescaped.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A string. (`Option<Cow<str>>` would always be copied by serde; this borrows.)
pub(super) struct Text<'a>(pub Cow<'a, str>);

/// An id: a string or an integer.
pub(super) struct Id<'a>(pub Cow<'a, str>);

/// A time in milliseconds since the epoch, written as such or in RFC 3339.
pub(super) struct Stamp(pub i64);

/// The id of something that is written as its id, as an object with an `id`, or as a list of either (the first counts).
/// Also good for words like `type`, which some servers write as a list of one.
pub(super) struct Ref<'a>(pub Option<Cow<'a, str>>);

/// A list, or its only element without the list around it.
pub(super) struct Many<T>(pub Vec<T>);

/// The moment of an RFC 3339 text in milliseconds since the epoch.
pub(super) fn rfc3339_ms(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for IdVisitor<'a> {
            type Value = Id<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an integer")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Id(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Id(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Id(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Id(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(IdVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StampVisitor;
        impl Visitor<'_> for StampVisitor {
            type Value = Stamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds since the epoch or RFC 3339")
            }
            fn visit_i64<E: Error>(self, ms: i64) -> Result<Stamp, E> {
                Ok(Stamp(ms))
            }
            fn visit_u64<E: Error>(self, ms: u64) -> Result<Stamp, E> {
                Ok(Stamp(i64::try_from(ms).unwrap_or(i64::MAX)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Stamp, E> {
                rfc3339_ms(text).map(Stamp).ok_or_else(|| E::custom("no RFC 3339 time"))
            }
        }
        deserializer.deserialize_any(StampVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Ref<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RefVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for RefVisitor<'a> {
            type Value = Ref<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, an object with an id, or a list of them")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Ref(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Ref(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut id = None;
                while let Some(key) = map.next_key::<Text<'_>>()? {
                    if key.0 == "id" {
                        id = map.next_value::<Option<Text<'a>>>()?.map(|id| id.0);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Ref(id))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let first = seq.next_element::<Ref<'a>>()?.and_then(|first| first.0);
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Ref(first))
            }
        }
        deserializer.deserialize_any(RefVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ManyVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or a list of objects")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(|only| Many(vec![only]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(next) = seq.next_element()? {
                    all.push(next);
                }
                Ok(Many(all))
            }
        }
        deserializer.deserialize_any(ManyVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn borrowed(json: &str) -> Option<bool> {
        let text = serde_json::from_str::<Option<Text<'_>>>(json).ok()??;
        Some(matches!(text.0, Cow::Borrowed(_)))
    }

    #[test]
    fn strings_are_borrowed_unless_escaped() {
        assert_eq!(borrowed("\"plain\""), Some(true));
        assert_eq!(borrowed("\"a\\nb\""), Some(false));
        assert_eq!(borrowed("null"), None);
    }

    #[test]
    fn ids_are_strings_or_integers() {
        let id = |json: &str| serde_json::from_str::<Id<'_>>(json).ok().map(|id| id.0.into_owned());
        assert_eq!(id("\"7\""), id("7"));
        assert_eq!(id("-7").as_deref(), Some("-7"));
        assert_eq!(id("18446744073709551615").as_deref(), Some("18446744073709551615"));
        for wrong in ["1.5", "1e3", "18446744073709551616", "true", "[]", "{}"] {
            assert_eq!(id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn stamps_are_milliseconds_or_rfc_3339() {
        let ms = |json: &str| serde_json::from_str::<Stamp>(json).ok().map(|stamp| stamp.0);
        assert_eq!(ms("1494014400120"), Some(1_494_014_400_120));
        assert_eq!(ms("\"2017-05-05T20:00:00.120Z\""), Some(1_494_014_400_120));
        assert_eq!(ms("\"2017-05-05T22:00:00.120999+02:00\""), Some(1_494_014_400_120));
        assert_eq!(ms("-1"), Some(-1));
        assert_eq!(ms("18446744073709551615"), Some(i64::MAX));
        for wrong in [
            "1494014400.5",
            "1e400",
            "\"1494014400120\"",
            "\"yesterday\"",
            "\"2017-05-05\"",
            "\"2017-13-05T20:00:00Z\"",
            "[]",
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn references_come_in_three_shapes() {
        let id = |json: &str| serde_json::from_str::<Ref<'_>>(json).ok().map(|found| found.0.map(Cow::into_owned));
        assert_eq!(id("\"a\""), Some(Some("a".to_owned())));
        assert_eq!(id("{\"type\":\"Person\",\"id\":\"a\"}"), Some(Some("a".to_owned())));
        assert_eq!(id("[\"a\",{\"id\":\"b\"}]"), Some(Some("a".to_owned())));
        assert_eq!(id("[]"), Some(None));
        assert_eq!(id("5"), None);
    }
}
