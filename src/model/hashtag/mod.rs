//! Hashtags: the canonical (counted) form, and the list that a decoded post carries.
//!
//! Two spellings are one hashtag exactly if their canonical forms are equal (`canonical`). What counts as a hashtag in
//! running text, and what as an entry of a post's own list, stands in `extract` and `profile`.

use std::ops::Range;

pub use extract::extract;
pub use lookalike::look_alike;

mod canonical;
mod extract;
mod lookalike;
mod profile;

/// The distinct hashtags of one post, in order of appearance, in one reusable buffer.
#[derive(Debug, Default, Clone)]
pub struct TagList {
    /// Canonical and display forms, one after the other.
    text: String,
    /// For each hashtag: end of its canonical form and end of its display form in `text`; a form starts where the last ended.
    ends: Vec<(u32, u32)>,
    /// Buffers for spellings outside ASCII.
    scratch: canonical::Scratch,
}

/// One hashtag of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The counted form, without '#'.
    pub canonical: &'a str,
    /// The form as written, without '#' and without characters that nobody can see.
    pub display: &'a str,
}

/// Bounds on the hashtags of one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagLimits {
    /// Most distinct hashtags.
    pub tags_max: usize,
    /// Most characters of a canonical form.
    pub chars_max: usize,
}

/// Why a hashtag did not enter a [`TagList`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagFault {
    /// Nothing is left after '#', or only digits and signs, or it holds a character that no hashtag has.
    #[error("no hashtag")]
    Invalid,
    /// The canonical form has more characters than the limit.
    #[error("hashtag too long")]
    TooLong,
    /// The list is full.
    #[error("too many hashtags")]
    TooMany,
}

impl TagList {
    /// Forgets all hashtags and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Number of distinct hashtags.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The hashtags in order of appearance.
    pub fn iter(&self) -> impl Iterator<Item = Tag<'_>> {
        (0..self.ends.len()).map(|i| self.get(i))
    }

    /// Adds a hashtag as a platform lists it, with or without '#' (also U+FF03, U+FE5F), blanks around it ignored.
    /// Returns whether it is new; of equal canonical forms the first display form stays. Besides what [`extract`] takes,
    /// a listed hashtag may hold `-` and `+`: the platform has already said where it ends.
    ///
    /// # Errors
    /// See [`TagFault`]; the list is unchanged then.
    pub fn push(&mut self, raw: &str, limits: TagLimits) -> Result<bool, TagFault> {
        let bare = raw.strip_prefix('#').unwrap_or(raw);
        let raw = if profile::ascii(bare).0 & profile::LISTED != 0 {
            bare
        } else {
            raw.trim().trim_start_matches(|c| profile::is_start(c) || profile::is_ignorable(c))
        };
        self.push_run(raw, limits, true)
    }

    /// Adds a hashtag without its '#', listed or found in text.
    fn push_run(&mut self, raw: &str, limits: TagLimits, listed: bool) -> Result<bool, TagFault> {
        let start = self.text.len();
        let outcome = self.append(raw, limits, listed).and_then(|()| {
            let canonical = start..self.text.len();
            if self.contains(canonical.clone()) {
                return Ok(None);
            }
            if self.ends.len() >= limits.tags_max {
                return Err(TagFault::TooMany);
            }
            Ok(Some(canonical.end))
        });
        let Ok(Some(canonical_end)) = outcome else {
            self.text.truncate(start);
            return outcome.map(|_| false);
        };
        canonical::display_into(raw, &mut self.text);
        let end = |at: usize| u32::try_from(at).expect("a record is shorter than 4 GiB");
        self.ends.push((end(canonical_end), end(self.text.len())));
        Ok(true)
    }

    /// Appends the canonical form of `raw` to the text, checked: first whether it is a hashtag, then its length.
    fn append(&mut self, raw: &str, limits: TagLimits, listed: bool) -> Result<(), TagFault> {
        let allowed = |c| profile::is_continue(c) || listed && profile::is_listed(c);
        let start = self.text.len();
        let (mut chars, mut named) = (0, false);
        let (each, some) = profile::ascii(raw);
        if each & (if listed { profile::LISTED } else { profile::WORD }) != 0 {
            named = some & profile::NAMING != 0;
            chars = raw.len();
            self.text.push_str(raw);
            self.text[start..].make_ascii_lowercase();
        } else {
            // Composition makes one character of four at most, so anything longer is too long without being mapped.
            let raw_max = limits.chars_max.saturating_mul(4);
            let mut visible = raw.chars().filter(|&c| !profile::is_ignorable(c));
            if visible.clone().take(raw_max.saturating_add(1)).count() > raw_max {
                return Err(if visible.all(allowed) { TagFault::TooLong } else { TagFault::Invalid });
            }
            canonical::canonical_into(raw, &mut self.text, &mut self.scratch);
            for c in self.text[start..].chars() {
                if !allowed(c) {
                    return Err(TagFault::Invalid);
                }
                chars += 1;
                named |= profile::is_naming(c);
            }
        }
        match named {
            false => Err(TagFault::Invalid),
            true if chars > limits.chars_max => Err(TagFault::TooLong),
            true => Ok(()),
        }
    }

    fn contains(&self, canonical: Range<usize>) -> bool {
        let canonical = &self.text[canonical];
        self.iter().any(|tag| tag.canonical == canonical)
    }

    fn get(&self, index: usize) -> Tag<'_> {
        let start = if index == 0 { 0 } else { self.ends[index - 1].1 as usize };
        let (canonical, display) = self.ends[index];
        Tag {
            canonical: &self.text[start..canonical as usize],
            display: &self.text[canonical as usize..display as usize],
        }
    }
}

/// The canonical form of one hashtag, with or without '#', as a person or a query writes it; `None` where it is no hashtag.
pub fn canonical(raw: &str) -> Option<String> {
    let mut list = TagList::default();
    list.push(raw, TagLimits { tags_max: 1, chars_max: usize::MAX }).ok()?;
    list.iter().next().map(|tag| tag.canonical.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: TagLimits = TagLimits { tags_max: 30, chars_max: 100 };

    fn pushed(raws: &[&str]) -> Vec<(String, String)> {
        let mut list = TagList::default();
        for raw in raws {
            let _ = list.push(raw, LIMITS);
        }
        list.iter().map(|tag| (tag.canonical.to_owned(), tag.display.to_owned())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(canonical, display)| ((*canonical).to_owned(), (*display).to_owned())).collect()
    }

    #[test]
    fn the_first_spelling_is_kept_and_a_second_one_is_no_second_hashtag() {
        assert_eq!(
            pushed(&["#MacronLeaks", "macronleaks", "＃ＭＡＣＲＯＮＬＥＡＫＳ", "﹟other", " ##MACRONLEAKS "]),
            pairs(&[("macronleaks", "MacronLeaks"), ("other", "other")])
        );
    }

    #[test]
    fn what_no_hashtag_holds_is_invalid_and_changes_nothing() {
        let mut list = TagList::default();
        assert_eq!(list.push("vote", LIMITS), Ok(true));
        let nothing =
            ["", "#", "＃", " ", "123", "٣٤", "_", "1_2", "-", "\u{200b}", "#\u{200d}\u{202e}", "#\u{fe0f}\u{20e3}"];
        let foreign = ["a b", "a.b", "a#b", "a\u{0}b", "a/b", "‼", "<b>", "a\nb", "\u{7f}x", "\u{2800}", "x\u{fff9}y"];
        for raw in nothing.iter().chain(&foreign) {
            assert_eq!(list.push(raw, LIMITS), Err(TagFault::Invalid), "{raw:?}");
        }
        assert_eq!(list.iter().map(|tag| tag.canonical).collect::<Vec<_>>(), ["vote"]);
    }

    #[test]
    fn names_that_real_platforms_list_are_valid() {
        for (raw, expected) in [
            ("t84df3b1122", "t84df3b1122"),
            ("Straße", "strasse"),
            ("sci-fi", "sci-fi"),
            ("2024election", "2024election"),
            ("snake_case", "snake_case"),
            ("🔥", "🔥"),
            ("日本", "日本"),
            ("l·l", "l·l"),
        ] {
            assert_eq!(canonical(raw).as_deref(), Some(expected), "{raw}");
        }
    }

    #[test]
    fn the_limits_hold_in_characters_and_distinct_hashtags() {
        let mut list = TagList::default();
        let limits = TagLimits { tags_max: 2, chars_max: 4 };
        assert_eq!(list.push("abcde", limits), Err(TagFault::TooLong));
        assert_eq!(list.push("日本語日本", limits), Err(TagFault::TooLong));
        assert_eq!(list.push(&"é".repeat(100_000), limits), Err(TagFault::TooLong));
        // A sentence is no hashtag, however long.
        assert_eq!(list.push("not a tag at all", limits), Err(TagFault::Invalid));
        assert_eq!(list.push(&"é à ".repeat(1000), limits), Err(TagFault::Invalid));
        // Four letters, however many invisible characters stand between them.
        let padded = "v".to_owned() + &"\u{200b}".repeat(10_000) + "ote";
        assert_eq!(list.push(&padded, limits), Ok(true));
        assert_eq!(list.push("VOTE", limits), Ok(false));
        assert_eq!(list.push("日本語日", limits), Ok(true));
        assert_eq!(list.push("vote", limits), Ok(false));
        assert_eq!(list.push("c", limits), Err(TagFault::TooMany));
        assert_eq!(list.len(), 2);
        assert_eq!(list.iter().next().map(|tag| tag.display.to_owned()).as_deref(), Some("vote"));
    }

    proptest! {
        #[test]
        fn a_canonical_form_is_its_own(raw in "\\PC{0,40}") {
            if let Some(once) = canonical(&raw) {
                prop_assert_eq!(canonical(&once), Some(once.clone()));
            }
        }

        #[test]
        fn pushing_anything_leaves_a_readable_list(raws in prop::collection::vec(".{0,12}", 0..40)) {
            let mut list = TagList::default();
            let limits = TagLimits { tags_max: 8, chars_max: 10 };
            let mut new = 0;
            for raw in &raws {
                new += usize::from(list.push(raw, limits) == Ok(true));
            }
            prop_assert_eq!(list.len(), new);
            prop_assert!(new <= 8);
            let mut seen = std::collections::BTreeSet::new();
            for tag in list.iter() {
                prop_assert!(tag.canonical.chars().count() <= 10 && !tag.display.is_empty());
                prop_assert!(seen.insert(tag.canonical.to_owned()), "{} twice", tag.canonical);
                let same = canonical(tag.display);
                prop_assert_eq!(same.as_deref(), Some(tag.canonical));
            }
        }
    }
}
