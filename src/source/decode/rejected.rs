//! Why a record is no post: a fixed set of reasons, fit for a metric's label, and one short sentence for a person.

use std::fmt;

/// Why a record was rejected. The set is closed: it labels `tagwatch_posts_rejected_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// More bytes than `limits.post_bytes_max`; not parsed.
    Oversize,
    /// Nothing, or only blanks.
    Empty,
    /// Not UTF-8.
    Encoding,
    /// Not exactly one JSON object.
    Syntax,
    /// A known key twice in one object.
    DuplicateKey,
    /// An id, account or time is absent or null.
    MissingField,
    /// A known key whose value has a wrong type or form.
    InvalidField,
    /// A time outside 2000 to 2099.
    TimeRange,
    /// An event time too far ahead of the record's own; found by the source, not here.
    Future,
    /// More hashtags than `limits.hashtags_max`.
    HashtagsMax,
    /// A hashtag longer than `limits.hashtag_chars_max`.
    HashtagTooLong,
    /// An id longer than `limits.id_bytes_max`.
    IdTooLong,
    /// Well-formed, but no post: an action, a like, a delete, a notice of the platform, a page of several posts.
    Unsupported,
}

impl Reason {
    /// Number of reasons.
    pub const COUNT: usize = Self::ALL.len();

    /// Every reason, in the order of its number (`reason as usize`).
    pub const ALL: [Reason; 13] = [
        Reason::Oversize,
        Reason::Empty,
        Reason::Encoding,
        Reason::Syntax,
        Reason::DuplicateKey,
        Reason::MissingField,
        Reason::InvalidField,
        Reason::TimeRange,
        Reason::Future,
        Reason::HashtagsMax,
        Reason::HashtagTooLong,
        Reason::IdTooLong,
        Reason::Unsupported,
    ];

    /// The names of all reasons, for a metric that shows each from the start.
    pub const NAMES: [&'static str; Self::COUNT] = {
        let mut names = [""; Self::COUNT];
        let mut at = 0;
        while at < Self::COUNT {
            names[at] = Self::ALL[at].as_str();
            at += 1;
        }
        names
    };

    /// The reason's name in metrics, logs and the dead-letter topic.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Oversize => "oversize",
            Reason::Empty => "empty",
            Reason::Encoding => "encoding",
            Reason::Syntax => "syntax",
            Reason::DuplicateKey => "duplicate_key",
            Reason::MissingField => "missing_field",
            Reason::InvalidField => "invalid_field",
            Reason::TimeRange => "time_range",
            Reason::Future => "future",
            Reason::HashtagsMax => "hashtags_max",
            Reason::HashtagTooLong => "hashtag_too_long",
            Reason::IdTooLong => "id_too_long",
            Reason::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record that is no usable post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What to count it under.
    pub reason: Reason,
    /// One short sentence. It names keys, numbers and places, never an account, an id or a part of a text.
    pub detail: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl Rejected {
    /// A rejection with its sentence.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Rejected {
        Rejected { reason, detail: detail.into() }
    }

    /// What a JSON error means; `field` is the known key whose value was being read, empty where unknown.
    pub(super) fn from_json(error: &serde_json::Error, field: &str) -> Rejected {
        // The sentence of a data error quotes the value it found, which may be an id or a text: it is not passed on.
        let quoted = if field.is_empty() { "a known key".to_owned() } else { format!("`{field}`") };
        let place = format!("line {} column {}", error.line(), error.column());
        if error.is_data() {
            let message = error.to_string();
            if let Some(key) = message.strip_prefix("duplicate field `").and_then(|rest| rest.split('`').next()) {
                return Rejected::new(Reason::DuplicateKey, format!("`{key}` stands twice in one object, {place}"));
            }
            return Rejected::new(Reason::InvalidField, format!("{quoted} has a wrong type or form, {place}"));
        }
        let message = error.to_string();
        if message.starts_with("number out of range") {
            return Rejected::new(Reason::InvalidField, format!("{quoted} is a number out of range, {place}"));
        }
        // Syntax errors have fixed sentences that quote nothing.
        Rejected::new(Reason::Syntax, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_numbered_as_listed_and_named_apart() {
        let mut names = std::collections::BTreeSet::new();
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
            assert!(names.insert(reason.as_str()));
            assert!(reason.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{reason}");
        }
        assert_eq!(names.len(), Reason::COUNT);
    }
}
