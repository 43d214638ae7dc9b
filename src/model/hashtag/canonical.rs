//! The canonical form of a hashtag: Unicode's toNFKC_Casefold (The Unicode Standard, 3.13, R5), which replaces each
//! character by its NFKC_Casefold mapping and brings the result to NFC.
//!
//! The mapping of a character is NFKC, full case folding and the removal of default-ignorables, repeated until nothing
//! changes. So case, width, mathematical letters and invisible characters make no other hashtag, while letters that
//! only look alike (Cyrillic о) do: telling those is a matter of detection, not of counting.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

use super::profile;

/// Buffers of the mapping, reused from hashtag to hashtag.
#[derive(Debug, Default, Clone)]
pub(super) struct Scratch {
    /// All characters mapped, before NFC.
    mapped: String,
    /// One character's mapping so far.
    now: String,
    /// The mapping one round later.
    next: String,
}

/// Appends the canonical form of `raw` to `out`.
pub(super) fn canonical_into(raw: &str, out: &mut String, scratch: &mut Scratch) {
    let Scratch { mapped, now, next } = scratch;
    mapped.clear();
    for c in raw.chars() {
        if !profile::is_mapped(c) {
            mapped.push(c);
        } else if c.is_ascii() {
            mapped.push(c.to_ascii_lowercase());
        } else if !profile::is_ignorable(c) {
            map_char(c, now, next);
            mapped.push_str(now);
        }
    }
    let nfc = const { ComposingNormalizerBorrowed::new_nfc() };
    nfc.normalize_to(mapped, out).expect("a String takes all that is written");
}

/// Leaves the NFKC_Casefold mapping of `c`, which the mapping changes, in `now`.
fn map_char(c: char, now: &mut String, next: &mut String) {
    let nfkc = const { ComposingNormalizerBorrowed::new_nfkc() };
    let case = const { CaseMapper::new() };
    now.clear();
    // Capital letters of all scripts: where simple folding ends at a character that the mapping leaves alone, that is it.
    let folded = case.simple_fold(c);
    if folded != c && !profile::is_mapped(folded) {
        now.push(folded);
        return;
    }
    now.push(c);
    while now.chars().any(profile::is_mapped) {
        next.clear();
        nfkc.normalize_to(now, next).expect("a String takes all that is written");
        now.clear();
        now.extend(case.fold_string(next).chars().filter(|&c| !profile::is_ignorable(c)));
    }
}

/// Appends what is shown of `raw`: everything but invisible characters. Joiners and emoji variation selectors stay where
/// they join or select something, at most two in a row, so that Persian words and emoji keep their shape.
pub(super) fn display_into(raw: &str, out: &mut String) {
    if raw.is_ascii() {
        out.push_str(raw);
        return;
    }
    let start = out.len();
    let mut invisible = 0;
    for c in raw.chars() {
        if !profile::is_ignorable(c) {
            invisible = 0;
            out.push(c);
        } else if matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0f}') && invisible < 2 && out.len() > start {
            invisible += 1;
            out.push(c);
        }
    }
    let shown = out[start..].trim_end_matches(['\u{200c}', '\u{200d}']).len();
    out.truncate(start + shown);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{canonical, profile};
    use super::*;

    fn mapped(raw: &str) -> String {
        let mut out = String::new();
        canonical_into(raw, &mut out, &mut Scratch::default());
        out
    }

    fn shown(raw: &str) -> String {
        let mut out = String::new();
        display_into(raw, &mut out);
        out
    }

    #[test]
    fn spellings_of_one_hashtag() {
        for (raw, expected) in [
            ("VOTE", "vote"),
            ("ｖｏｔｅ", "vote"),
            ("𝐯𝐨𝐭𝐞", "vote"),
            ("ⓥⓞⓣⓔ", "vote"),
            ("v\u{200b}ote", "vote"),
            ("v\u{200d}o\u{200c}t\u{2060}e\u{feff}", "vote"),
            ("\u{202e}v\u{2066}ote\u{2069}\u{200f}\u{61c}", "vote"),
            ("vo\u{ad}te\u{fe0f}\u{e0041}", "vote"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("STRAẞE", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("σίσυφος", "σίσυφοσ"),
            ("İstanbul", "i\u{307}stanbul"),
            ("ısparta", "ısparta"),
            ("cafe\u{301}", "café"),
            ("CAFÉ", "café"),
            ("ﬁnal", "final"),
            ("Ⅷ", "viii"),
            ("カ\u{3099}", "ガ"),
            ("ｶﾞ", "ガ"),
            ("한국", "한국"),
            ("한국", "한국"),
            ("日本", "日本"),
            ("เลือกตั้ง", "เลือกตั้ง"),
            ("مي\u{200c}خواهم", "ميخواهم"),
            ("ᾳ", "αι"),
            ("\u{3164}x", "x"),
        ] {
            assert_eq!(mapped(raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn letters_that_only_look_alike_are_other_hashtags() {
        for (one, two) in [("vote", "vоte"), ("vote", "νote"), ("i", "ı"), ("istanbul", "İstanbul"), ("cafe", "café")]
        {
            assert_ne!(mapped(one), mapped(two));
        }
    }

    /// Every character against the definition, carried out without a shortcut, and against Unicode's own list of the
    /// characters that the mapping changes.
    #[test]
    fn every_character_is_mapped_as_defined() {
        let nfkc = ComposingNormalizerBorrowed::new_nfkc();
        for c in '\0'..=char::MAX {
            let mut defined = c.to_string();
            loop {
                let folded = CaseMapper::new().fold_string(&nfkc.normalize(&defined)).into_owned();
                let next = nfkc.normalize(&folded).replace(profile::is_ignorable, "");
                if next == defined {
                    break;
                }
                defined = next;
            }
            assert_eq!(mapped(&c.to_string()), defined, "U+{:04X}", u32::from(c));
            assert_eq!(profile::is_mapped(c), !defined.chars().eq([c]), "U+{:04X} becomes {defined:?}", u32::from(c));
            assert!(!profile::is_ignorable(c) || defined.is_empty(), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn the_display_form_shows_no_trick() {
        for (raw, expected) in [
            ("MacronLeaks", "MacronLeaks"),
            ("v\u{200b}o\u{202e}te\u{2069}", "vote"),
            ("مي\u{200c}خواهم", "مي\u{200c}خواهم"),
            ("🏳\u{fe0f}\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
            ("\u{200d}a\u{200d}\u{200c}\u{200d}\u{200c}b\u{200d}", "a\u{200d}\u{200c}b"),
        ] {
            assert_eq!(shown(raw), expected, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn the_mapping_is_idempotent(raw in prop::collection::vec(any::<char>(), 0..24)) {
            let once = mapped(&raw.into_iter().collect::<String>());
            prop_assert_eq!(mapped(&once), once);
        }

        #[test]
        fn the_mapping_of_letters_and_marks_is_idempotent(raw in "[\\p{L}\\p{M}\\p{Cf}]{0,24}") {
            let once = mapped(&raw);
            prop_assert_eq!(mapped(&once), once);
        }

        #[test]
        fn invisible_characters_change_nothing(word in "[\\p{L}]{1,8}", seed in any::<u64>()) {
            let tricks = ['\u{200b}', '\u{200d}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{ad}', '\u{e0020}', '\u{fe0f}'];
            let mut dice = seed;
            let mut disguised = String::new();
            for c in word.chars() {
                disguised.push(c);
                for _ in 0..dice % 3 {
                    disguised.push(tricks[(dice >> 8) as usize % tricks.len()]);
                    dice = dice.rotate_left(7);
                }
                dice = dice.rotate_left(13);
            }
            prop_assert_eq!(canonical(&disguised), canonical(&word));
        }
    }
}
