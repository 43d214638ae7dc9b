//! A synthetic post and its native JSON form.

use std::io::Write;
use std::sync::Arc;

/// A post's hashtags as spelled, without '#'.
pub type Tags = Arc<[Arc<str>]>;

/// One synthetic post. Ids and accounts are numbers here and names in the JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimPost {
    /// Event time in milliseconds since the epoch.
    pub ts: i64,
    /// Unique within a stream of posts.
    pub id: u64,
    /// 48 bits; see [`account_name`].
    pub account: u64,
    /// What it says, with its hashtags, mentions and links, as a platform shows it.
    pub text: Arc<str>,
    /// In order of appearance.
    pub hashtags: Tags,
    /// Id of the post that this one repeats.
    pub repost_of: Option<u64>,
    /// Id of the post that this one answers.
    pub reply_to: Option<u64>,
    /// Language of the text.
    pub lang: &'static str,
    /// The program that wrote it; some accounts show none.
    pub client: Option<&'static str>,
    /// When the account was created, in milliseconds since the epoch.
    pub account_created: i64,
    /// Whether the scenario says that this post is part of a coordinated push. Never written: a detector has to find out.
    pub coordinated: bool,
}

/// An account as posts name it: `a1f3c07e5b921`.
pub fn account_name(account: u64) -> String {
    format!("a{account:012x}")
}

/// What is written as one JSON object.
pub trait WriteJson {
    /// Appends it, without a line end.
    fn write_json(&self, out: &mut Vec<u8>);
}

impl WriteJson for SimPost {
    fn write_json(&self, out: &mut Vec<u8>) {
        SimPost::write_json(self, out);
    }
}

impl SimPost {
    /// Appends the native post, one JSON object without a line end.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        put(out, format_args!(r#"{{"id":"{}","ts":{},"account":"a{:012x}","text":"#, self.id, self.ts, self.account));
        write_string(out, &self.text);
        out.extend_from_slice(br#","hashtags":["#);
        for (i, tag) in self.hashtags.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            write_string(out, tag);
        }
        out.push(b']');
        if let Some(id) = self.repost_of {
            put(out, format_args!(r#","repost_of":"{id}""#));
        }
        if let Some(id) = self.reply_to {
            put(out, format_args!(r#","reply_to":"{id}""#));
        }
        put(out, format_args!(r#","lang":"{}""#, self.lang));
        if let Some(client) = self.client {
            out.extend_from_slice(br#","client":"#);
            write_string(out, client);
        }
        put(out, format_args!(r#","account_created":{}}}"#, self.account_created));
    }
}

pub(super) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}

/// A JSON string; the simulated texts need three escapes, the rest of the control characters never occur but stay correct.
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0..=0x1f => put(out, format_args!("\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_one_native_json_object() {
        let post = SimPost {
            ts: 1_620_000_000_123,
            id: 42,
            account: 0x00f3,
            text: "say \"oui\"\n\\ \u{1} #Été".into(),
            hashtags: Arc::from([Arc::from("Été"), Arc::from("b")]),
            repost_of: Some(7),
            reply_to: None,
            lang: "fr",
            client: Some("Perch"),
            account_created: 1_500_000_000_000,
            coordinated: true,
        };
        let mut line = Vec::new();
        post.write_json(&mut line);
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let expected = serde_json::json!({
            "id": "42", "ts": 1_620_000_000_123_i64, "account": "a0000000000f3", "text": &*post.text,
            "hashtags": ["Été", "b"], "repost_of": "7", "lang": "fr", "client": "Perch",
            "account_created": 1_500_000_000_000_i64,
        });
        assert_eq!(read, expected);
        assert!(!line.contains(&b'\n'));
    }
}
