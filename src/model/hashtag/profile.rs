//! Which characters a hashtag is made of: the hashtag identifiers of Unicode (UAX #31, R8) with a profile of our own.
//!
//! R8 lets a hashtag start with '#', U+FE5F or U+FF03 and go on with `XID_Continue`, emoji, `_`, `-` and `+`. The profile:
//! - `-` and `+` end a hashtag in text, as they do on the platforms (`#vote-now` is `vote`), but are accepted in a
//!   hashtag that a platform lists by itself.
//! - `*`, the keycap mark (it turns the '#' itself into an emoji), `©`, `®` and pictographs whose canonical form is
//!   other characters (`‼`, `™`) are not part of a hashtag.
//! - Default-ignorable characters (zero-width, bidi controls, variation selectors) belong to a hashtag but count for
//!   nothing, so that they can neither split it nor make another one of it.
//!
//! Every character kept here maps to characters kept here (a test walks all of Unicode): a canonical form is a hashtag.

use std::sync::LazyLock;

use icu_properties::props::{
    ChangesWhenNfkcCasefolded, DefaultIgnorableCodePoint, EmojiComponent, ExtendedPictographic, GeneralCategory,
    XidContinue,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Whether a hashtag may begin with `c`: '#' and its compatibility forms.
pub(super) fn is_start(c: char) -> bool {
    matches!(c, '#' | '\u{fe5f}' | '\u{ff03}')
}

/// Whether `c` is default-ignorable: drawn as nothing, dropped by the canonical form.
pub(super) fn is_ignorable(c: char) -> bool {
    // U+00AD, the soft hyphen, is the first one.
    c >= '\u{ad}' && class(c) & IGNORABLE != 0
}

/// Whether `c` is a letter, mark, digit or connector: after such a character '#' begins no hashtag.
pub(super) fn is_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    class(c) & WORD != 0
}

/// Whether a hashtag in text may go on with `c`, not counting default-ignorables.
pub(super) fn is_continue(c: char) -> bool {
    if c.is_ascii() { is_word(c) } else { class(c) & (WORD | EMOJI) != 0 }
}

/// Whether a hashtag that a platform lists may hold `c`.
pub(super) fn is_listed(c: char) -> bool {
    matches!(c, '-' | '+') || is_continue(c)
}

/// Whether `c` makes a name of a hashtag: it needs one character besides digits and signs.
pub(super) fn is_naming(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { class(c) & DIGIT == 0 }
}

/// Whether the canonical form of `c` alone differs from `c`.
pub(super) fn is_mapped(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { class(c) & MAPPED != 0 }
}

/// What an ASCII text is made of, as bits that hold for each of its bytes and bits that hold for some: [`WORD`],
/// [`LISTED`] and [`NAMING`]. Most hashtags are a few such bytes, so one look at each has to be enough.
pub(super) fn ascii(text: &str) -> (u8, u8) {
    text.bytes().fold((u8::MAX, 0), |(each, some), byte| {
        let class = ASCII[byte as usize];
        (each & class, some | class)
    })
}

/// Classes of bytes; those of other characters than ASCII's have none.
static ASCII: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        if c.is_ascii_alphanumeric() || c == b'_' {
            classes[byte] = WORD | LISTED;
        }
        if c.is_ascii_alphabetic() {
            classes[byte] |= NAMING;
        }
        if matches!(c, b'-' | b'+') {
            classes[byte] = LISTED;
        }
        byte += 1;
    }
    classes
};

pub(super) const LISTED: u8 = 32;
pub(super) const NAMING: u8 = 64;

const IGNORABLE: u8 = 1;
pub(super) const WORD: u8 = 2;
const EMOJI: u8 = 4;
const DIGIT: u8 = 8;
const MAPPED: u8 = 16;

/// U+20E3, which makes a keycap of the character before it.
const KEYCAP: char = '\u{20e3}';

/// The classes of `c`, as bits.
fn class(c: char) -> u8 {
    // Unicode's sets are sorted ranges, some ten steps a question. The first two planes hold all but rare Han characters;
    // their table is made at the first hashtag that needs it.
    static TABLE: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..=0x1_ffff).map(|code| char::from_u32(code).map_or(0, look_up)).collect());
    TABLE.get(c as usize).copied().unwrap_or_else(|| look_up(c))
}

fn look_up(c: char) -> u8 {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c);
    let mapped = CodePointSetData::new::<ChangesWhenNfkcCasefolded>().contains(c);
    let word = CodePointSetData::new::<XidContinue>().contains(c) && !ignorable;
    let picture = CodePointSetData::new::<ExtendedPictographic>().contains(c)
        || CodePointSetData::new::<EmojiComponent>().contains(c);
    // Below U+2000 stand only '#', '*', digits, © and ®.
    let emoji = picture && c >= '\u{2000}' && c != KEYCAP && !mapped;
    let digit = CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::DecimalNumber;
    [(ignorable, IGNORABLE), (word, WORD), (emoji, EMOJI), (digit, DIGIT), (mapped, MAPPED)]
        .into_iter()
        .filter(|(holds, _)| *holds)
        .fold(0, |bits, (_, bit)| bits | bit)
}

#[cfg(test)]
mod tests {
    use super::super::canonical::{Scratch, canonical_into};
    use super::*;

    #[test]
    fn the_profile_is_closed_under_the_canonical_mapping() {
        let mut scratch = Scratch::default();
        let mut checked = 0;
        for c in ('\0'..=char::MAX).filter(|&c| is_listed(c)) {
            let mut mapped = String::new();
            canonical_into(c.encode_utf8(&mut [0; 4]), &mut mapped, &mut scratch);
            assert!(!mapped.is_empty(), "U+{:04X} is ignorable", u32::from(c));
            assert!(mapped.chars().all(is_listed), "U+{:04X} becomes {mapped:?}", u32::from(c));
            checked += 1;
        }
        assert!(checked > 130_000, "XID_Continue alone has more than {checked}");
    }

    #[test]
    fn the_classes_of_ascii_are_those_of_its_characters() {
        for c in '\0'..='\u{ff}' {
            let mut utf8 = [0; 4];
            let (each, some) = ascii(c.encode_utf8(&mut utf8));
            let expected = if c.is_ascii() { (is_word(c), is_listed(c), is_naming(c)) } else { (false, false, false) };
            assert_eq!((each & WORD != 0, each & LISTED != 0, some & NAMING != 0), expected, "{c:?}");
        }
    }

    #[test]
    fn signs_that_end_a_hashtag() {
        for c in "#＃﹟ -+*.,!/&\u{20e3}©®™‼\u{3000}。「\u{2800}\u{fff9}\u{0}\u{7f}\u{85}".chars() {
            assert!(!is_continue(c), "{c:?}");
        }
        for c in "aZ0_é日ก\u{e31}ı🔥❤·٣".chars() {
            assert!(is_continue(c), "{c:?}");
        }
    }
}
