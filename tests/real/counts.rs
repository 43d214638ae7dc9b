//! Posts and accounts by hashtag and window, counted by hand, and as the HTTP API of a process shows them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use tagwatch::model::hashtag::canonical;

use crate::posts::Stream;
use crate::service::Service;

/// The windows as the API names them.
const WINDOWS: [&str; 4] = ["1m", "5m", "1h", "24h"];
const MINUTE_MS: i64 = 60_000;
/// Up to so many accounts the count is exact.
const EXACT: u64 = 100;
/// Above, it may be off by so much: five times its standard error.
const ERROR: f64 = 0.0875;

/// Posts and accounts in each window, by hashtag.
pub type Counts = BTreeMap<String, [(u64, u64); 4]>;

#[derive(Deserialize)]
struct Counted {
    ts: i64,
    account: String,
    #[serde(default)]
    hashtags: Vec<String>,
}

/// What a post carries, each hashtag once.
pub fn hashtags(line: &[u8]) -> BTreeSet<String> {
    let post: Counted = serde_json::from_slice(line).unwrap();
    post.hashtags.iter().map(|tag| canonical(tag).unwrap()).collect()
}

/// Counts the posts before `end`, the end of a tick. Windows of an hour and a day begin with a whole minute and hour.
pub fn by_hand(stream: &Stream, end: i64) -> Counts {
    let whole = |unit: i64| end / unit * unit;
    let begins = [
        end - MINUTE_MS,
        end - 5 * MINUTE_MS,
        whole(MINUTE_MS) - 60 * MINUTE_MS,
        whole(60 * MINUTE_MS) - 1440 * MINUTE_MS,
    ];
    let mut seen: BTreeMap<String, [(u64, BTreeSet<String>); 4]> = BTreeMap::new();
    for post in &stream.posts {
        let Counted { ts, account, .. } = serde_json::from_slice(&post.line).unwrap();
        let tags = hashtags(&post.line);
        for (window, _) in begins.iter().enumerate().filter(|(_, begin)| (**begin..end).contains(&ts)) {
            for tag in &tags {
                let (posts, accounts) = &mut seen.entry(tag.clone()).or_default()[window];
                *posts += 1;
                accounts.insert(account.clone());
            }
        }
    }
    seen.into_iter()
        .map(|(tag, windows)| (tag, windows.map(|(posts, accounts)| (posts, accounts.len() as u64))))
        .collect()
}

/// What a process shows of all hashtags, where it has decided `tick`.
pub fn shown(service: &Service, tick: i64) -> Option<Counts> {
    let (_, body) = service.get("/api/v1/hashtags?limit=1000")?;
    let answer: Value = serde_json::from_str(&body).unwrap();
    if answer["tick"] != tick {
        return None;
    }
    let rows = answer["hashtags"].as_array().unwrap().iter().map(|row| {
        let count = |window: &str, what: &str| row["windows"][window][what].as_u64().unwrap();
        let windows = WINDOWS.map(|window| (count(window, "posts"), count(window, "accounts")));
        (row["hashtag"].as_str().unwrap().to_owned(), windows)
    });
    Some(rows.collect())
}

/// The first difference, if there is one: posts are the same to the last one, accounts within what is promised.
pub fn difference(shown: &Counts, by_hand: &Counts) -> Option<String> {
    let tags: BTreeSet<&String> = shown.keys().chain(by_hand.keys()).collect();
    let zero = [(0, 0); 4];
    tags.into_iter().find_map(|tag| {
        let (found, wanted) = (shown.get(tag).unwrap_or(&zero), by_hand.get(tag).unwrap_or(&zero));
        let same = found.iter().zip(wanted).all(|((posts, accounts), (wanted, distinct))| {
            let off = accounts.abs_diff(*distinct);
            posts == wanted && (off == 0 || *distinct > EXACT && off as f64 <= *distinct as f64 * ERROR)
        });
        (!same).then(|| format!("#{tag} by window {WINDOWS:?}: shown {found:?}, by hand {wanted:?}"))
    })
}
