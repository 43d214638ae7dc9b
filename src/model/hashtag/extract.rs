//! Hashtags in running text, for posts that carry no list of their own.
//!
//! A hashtag is '#' (or U+FE5F, U+FF03) and the longest run of characters of the `profile` after it. It does not begin
//! after a letter, mark, digit or connector (`a#b`; of `#a#b` only the first), nor after '&' (`&#39;`) or '/', nor
//! anywhere in a web address. A run without a name (`#1`, `#_`) is none.

use std::ops::Range;

use super::{TagFault, TagLimits, TagList, profile};

/// Adds the hashtags of `text` to `into`, in order. Linear in the length of the text.
///
/// # Errors
/// [`TagFault::TooLong`] or [`TagFault::TooMany`] at the first hashtag past a limit; those before it have been added.
pub fn extract(text: &str, into: &mut TagList, limits: TagLimits) -> Result<(), TagFault> {
    let mut addresses = Addresses::new(text);
    let mut at = 0;
    while let Some(start) = next_start(text, at) {
        let run = run_after(text, start.end);
        at = run.end.max(start.end);
        if run.is_empty() || !may_begin_at(text, start.start) || addresses.cover(start.start) {
            continue;
        }
        match into.push_run(&text[run], limits, false) {
            Ok(_) | Err(TagFault::Invalid) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// The next '#' or its like at or after `at`.
fn next_start(text: &str, mut at: usize) -> Option<Range<usize>> {
    loop {
        // U+FE5F and U+FF03 both begin with the byte 0xEF in UTF-8.
        let found = at + memchr::memchr2(b'#', 0xef, &text.as_bytes()[at..])?;
        let c = text[found..].chars().next()?;
        at = found + c.len_utf8();
        if profile::is_start(c) {
            return Some(found..at);
        }
    }
}

/// The run of hashtag characters from `from` on.
fn run_after(text: &str, from: usize) -> Range<usize> {
    let rest = &text.as_bytes()[from..];
    let ascii = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if rest.get(ascii).is_none_or(u8::is_ascii) {
        return from..from + ascii;
    }
    let mut end = from + ascii;
    for c in text[end..].chars() {
        if !profile::is_ignorable(c) && !profile::is_continue(c) {
            break;
        }
        end += c.len_utf8();
    }
    from..end
}

/// Whether the character before `at`, invisible ones aside, lets a hashtag begin there.
fn may_begin_at(text: &str, at: usize) -> bool {
    let before = text[..at].chars().rev().find(|&c| !profile::is_ignorable(c));
    before.is_none_or(|c| !profile::is_word(c) && !matches!(c, '&' | '/'))
}

/// Tells which places of a text lie within a web address; asked about growing places, it reads the text once.
struct Addresses<'a> {
    text: &'a str,
    /// How far the text has been read.
    read: usize,
    /// Where the word at `read` begins.
    word: usize,
    /// Whether that word is an address.
    inside: bool,
}

impl<'a> Addresses<'a> {
    fn new(text: &'a str) -> Addresses<'a> {
        Addresses { text, read: 0, word: 0, inside: false }
    }

    /// Whether `at` lies in a word that begins with `www.` or holds `://` before it.
    fn cover(&mut self, at: usize) -> bool {
        let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"');
        if let Some((blank, c)) = self.text[self.read..at].char_indices().rfind(|&(_, c)| ends(c)) {
            self.word = self.read + blank + c.len_utf8();
            self.inside = false;
        }
        if !self.inside {
            // "://" may have begun within what was read before.
            let from = self.word.max(self.read.saturating_sub(2));
            let bytes = self.text.as_bytes();
            let word = &bytes[self.word..at];
            self.inside = memchr::memmem::find(&bytes[from..at], b"://").is_some()
                || word.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"www."));
        }
        self.read = at;
        self.inside
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::canonical;
    use super::*;

    const LIMITS: TagLimits = TagLimits { tags_max: 30, chars_max: 100 };

    fn found(text: &str) -> Vec<String> {
        let mut list = TagList::default();
        extract(text, &mut list, LIMITS).expect("within the limits");
        list.iter().map(|tag| tag.canonical.to_owned()).collect()
    }

    #[test]
    fn hashtags_in_running_text() {
        for (text, expected) in [
            ("", &[][..]),
            ("no hashtag, # none, #, ##", &[]),
            ("#vote", &["vote"]),
            ("Go #Vote! (#now) “#today”", &["vote", "now", "today"]),
            ("#vote#now", &["vote"]),
            ("#a#b #c", &["a", "c"]),
            ("a#b é#b 日#b 1#b _#b", &[]),
            ("a\u{200b}#b &\u{200d}#b", &[]),
            ("a-#b a.#c", &["b", "c"]),
            ("##vote #＃now", &["vote", "now"]),
            ("＃日本 ﹟vote", &["日本", "vote"]),
            ("#日本の選挙、#投票。", &["日本の選挙", "投票"]),
            ("#เลือกตั้ง62 ดี", &["เลือกตั้ง62"]),
            ("#انتخابات و #می\u{200c}خواهم", &["انتخابات", "میخواهم"]),
            ("#123 #٣ #_ #1st #2024_", &["1st"]),
            ("&#39; &#x27; it&#39;s", &[]),
            ("#vote-now #c++ #a.b #l·l", &["vote", "c", "a", "l·l"]),
            ("🔥#vote🔥 #️⃣vote", &["vote🔥"]),
            ("#nike® #go™ #wow‼", &["nike", "go", "wow"]),
            ("#Vote #VOTE #ｖｏｔｅ", &["vote"]),
            ("#\tvote\n#now", &["now"]),
        ] {
            assert_eq!(found(text), expected, "{text:?}");
        }
    }

    #[test]
    fn invisible_characters_neither_split_nor_vary_a_hashtag() {
        for trick in ["\u{200b}", "\u{200d}", "\u{202e}", "\u{2066}", "\u{feff}", "\u{ad}", "\u{e0041}", "\u{3164}"] {
            for text in [
                format!("#v{trick}ote!"),
                format!("#{trick}vote"),
                format!("#vote{trick}{trick} x"),
                format!("{trick}#vote"),
            ] {
                assert_eq!(found(&text), ["vote"], "{text:?}");
            }
            assert_eq!(found(&format!("#{trick}")), [""; 0]);
        }
    }

    #[test]
    fn web_addresses_hold_no_hashtag() {
        for (text, expected) in [
            ("https://a.b/c#frag", &[][..]),
            ("https://a.b/?q=#frag&r=(#x) #vote", &["vote"]),
            ("http://a.b/#!/c #vote http://a.b/c?#d", &["vote"]),
            ("WWW.a.b/?#c #vote", &["vote"]),
            ("a/#b", &[]),
            ("<a href=\"http://a.b/\">#vote</a>", &["vote"]),
            ("#one:#two x:/#three http:/ /#four #five", &["one", "two", "five"]),
            ("見てhttps://a.b/c?=#d　#投票", &["投票"]),
        ] {
            assert_eq!(found(text), expected, "{text:?}");
        }
    }

    #[test]
    fn past_a_limit_the_rest_is_not_read() {
        let mut list = TagList::default();
        let limits = TagLimits { tags_max: 2, chars_max: 5 };
        assert_eq!(extract("#a #b #A #c", &mut list, limits), Err(TagFault::TooMany));
        assert_eq!(list.len(), 2);
        list.clear();
        assert_eq!(extract("#abcdef", &mut list, limits), Err(TagFault::TooLong));
        assert_eq!(extract("#1 #2 #3 #4 #5 #a", &mut list, limits), Ok(()));
    }

    #[test]
    fn hostile_texts_are_read_once() {
        let mut list = TagList::default();
        for text in ["#".repeat(300_000), "#1.".repeat(100_000), "\u{200b}#".repeat(100_000), ":/#1".repeat(100_000)] {
            assert_eq!(extract(&text, &mut list, LIMITS), Ok(()));
        }
        assert!(list.is_empty());
    }

    proptest! {
        #[test]
        fn planted_hashtags_are_found(
            words in prop::collection::vec("[\\p{XID_Start}][\\p{XID_Continue}]{0,7}", 0..8),
            filler in "[ .,!?a-z日本、🔥\u{200b}]{0,20}",
        ) {
            let mut text = filler.clone();
            let mut expected = Vec::new();
            for word in &words {
                text.push_str(" #");
                text.push_str(word);
                text.push_str(" . ");
                text.push_str(&filler);
                let Some(word) = canonical(word) else { continue };
                if !expected.contains(&word) {
                    expected.push(word);
                }
            }
            prop_assert_eq!(found(&text), expected);
        }

        #[test]
        fn any_text_gives_hashtags_that_stay_as_they_are(text in "[#＃﹟&/:a-zA-Z0-9 é日ß\u{200b}\u{202e}_\\-]{0,80}") {
            for tag in found(&text) {
                prop_assert_eq!(canonical(&tag), Some(tag.clone()));
                prop_assert_eq!(found(&format!("#{tag}")), [tag]);
            }
        }
    }
}
