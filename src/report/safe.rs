//! Strings that users wrote, made harmless for people's screens and for label values. Canonical hashtags hold letters,
//! marks, numbers and a few connectors, so ordinarily nothing changes here; this is the second door, for the day when
//! the first is open.

use std::borrow::Cow;

/// Longest string shown, in characters.
const CHARS_MAX: usize = 200;

/// The text with control characters, line breaks, direction marks and invisible characters replaced by U+FFFD, at most
/// 200 characters of it.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.len() <= CHARS_MAX && !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out: String = text.chars().take(CHARS_MAX).map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        out.push('…');
    }
    Cow::Owned(out)
}

/// Characters that can hide, reorder or break the text around them. U+200C and U+200D are left: Persian hashtags and
/// emoji sequences need them, and they reorder nothing.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text percent-encoded for one segment of a path.
pub fn path_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_hashtags_pass_unchanged_and_uncopied() {
        for tag in ["macronleaks", "élection", "選挙", "انتخابات", "نمی\u{200c}خواهم", "👩\u{200d}🚀"]
        {
            assert!(matches!(shown(tag), Cow::Borrowed(same) if same == tag), "{tag}");
        }
    }

    #[test]
    fn control_and_direction_characters_are_replaced() {
        for (harmful, shown_as) in [
            ("a\nb", "a\u{fffd}b"),
            ("\u{202e}abc", "\u{fffd}abc"),
            ("a\u{0}", "a\u{fffd}"),
            ("\u{7f}\u{2066}", "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(shown(harmful), shown_as);
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let shown = shown(&"é".repeat(500)).into_owned();
        assert_eq!(shown.chars().count(), CHARS_MAX + 1);
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn a_segment_survives_the_way_through_a_url() {
        assert_eq!(path_segment("a-b_c/é#?"), "a-b_c%2F%C3%A9%23%3F");
    }
}
