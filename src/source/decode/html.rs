//! The plain text of a post written in HTML, as Mastodon and ActivityPub send it: tags removed, paragraphs and line
//! breaks as newlines, character references resolved. Made for hashing and searching, not for showing.

use std::borrow::Cow;

/// The plain text of `html`; the same string where there is nothing to do. Linear in its length.
pub(super) fn plain(html: Cow<'_, str>) -> Cow<'_, str> {
    match html {
        Cow::Borrowed(html) if memchr::memchr2(b'<', b'&', html.as_bytes()).is_none() => Cow::Borrowed(html),
        html => Cow::Owned(strip(&html)),
    }
}

fn strip(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = memchr::memchr2(b'<', b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = if rest.starts_with('<') { element(rest, &mut out) } else { reference(rest, &mut out) };
    }
    out.push_str(rest);
    out.truncate(out.trim_end().len());
    out
}

/// Passes over one element's tag; a break or the end of a block becomes a newline.
fn element<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some(end) = memchr::memchr(b'>', rest.as_bytes()) else {
        return "";
    };
    let tag = &rest[1..end];
    let name = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '/').next().unwrap_or("");
    let name = name.strip_suffix('/').unwrap_or(name);
    if ["br", "/p", "/div", "/li", "/blockquote", "/h1", "/h2", "/h3"]
        .iter()
        .any(|block| name.eq_ignore_ascii_case(block))
    {
        out.push('\n');
    }
    &rest[end + 1..]
}

/// Resolves one character reference; what is none stays as it is.
fn reference<'a>(rest: &'a str, out: &mut String) -> &'a str {
    // The longest reference known here is `&#x10FFFF;`.
    let end = rest.bytes().take(10).position(|byte| byte == b';');
    if let Some((end, c)) = end.and_then(|end| Some((end, resolve(&rest[1..end])?))) {
        out.push(c);
        return &rest[end + 1..];
    }
    out.push('&');
    &rest[1..]
}

fn resolve(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_plain_text() {
        for (html, expected) in [
            ("nothing to do", "nothing to do"),
            ("<p>you can&#39;t say &quot;that&quot; &amp;amp; more</p>", "you can't say \"that\" &amp; more"),
            ("<p>one</p><p>two<br/>three<BR>four</p>", "one\ntwo\nthree\nfour"),
            ("<a href=\"https://a.b/tags/hoot\" class=\"mention\">#<span>hoot</span></a> (x)", "#hoot (x)"),
            ("&#x1F525;&nbsp;&unknown; & &#xD800; &#9999999999;", "🔥\u{a0}&unknown; & &#xD800; &#9999999999;"),
            ("torn <a href=", "torn"),
            ("a &é; b", "a &é; b"),
        ] {
            assert_eq!(plain(Cow::Borrowed(html)), expected, "{html}");
        }
    }

    #[test]
    fn what_needs_nothing_is_not_copied() {
        assert!(matches!(plain(Cow::Borrowed("a # b")), Cow::Borrowed(_)));
    }
}
