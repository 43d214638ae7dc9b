//! The presets on real samples of each platform, where they are at hand: `TAGWATCH_SHARED` or `../shared` beside the
//! package. Where they are not, each test says so by name and ends.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tagwatch::source::decode::{Decoder, Format, Reason};

mod corpus;

/// The records of a sample file, one JSON text each; `None` where the samples are absent.
fn records(test: &str, file: &str) -> Option<Vec<Value>> {
    let shared = std::env::var_os("TAGWATCH_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = shared.join("data/schemas").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped {test}: {} is absent", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("a sample is a list of JSON values"))
}

/// What the tests look at of a decoded post.
#[derive(Debug, PartialEq)]
struct Seen {
    id: String,
    account: String,
    ts: String,
    text: String,
    hashtags: Vec<String>,
    repost_of: Option<String>,
    reply_to: Option<String>,
    lang: Option<String>,
    client: Option<String>,
    account_created: Option<String>,
}

/// Decodes a record in `format` and, to see that `auto` tells it, in auto.
fn decode(record: &str, format: Format) -> Result<Seen, Reason> {
    let seen = |decoder: &mut Decoder| {
        let post = decoder.decode(record.as_bytes()).map_err(|rejected| rejected.reason)?;
        let own = |text: Option<std::borrow::Cow<'_, str>>| text.map(|text| text.into_owned());
        Ok(Seen {
            id: post.id.to_string(),
            account: post.account.to_string(),
            ts: post.ts.to_string(),
            text: own(post.text).unwrap_or_default(),
            hashtags: post.hashtags.iter().map(|tag| tag.display.to_owned()).collect(),
            repost_of: own(post.repost_of),
            reply_to: own(post.reply_to),
            lang: own(post.lang),
            client: own(post.client),
            account_created: post.account_created.map(|at| at.to_string()),
        })
    };
    let given = seen(&mut Decoder::new(format, corpus::limits()));
    let mut auto = Decoder::new(Format::Auto, corpus::limits());
    assert_eq!(seen(&mut auto), given, "auto read it as {}", auto.last_format());
    given
}

fn decode_all(records: &[Value], format: Format) -> (Vec<Seen>, BTreeMap<Reason, usize>) {
    let mut posts = Vec::new();
    let mut rejected = BTreeMap::new();
    for record in records {
        match decode(&record.to_string(), format) {
            Ok(seen) => posts.push(seen),
            Err(reason) => *rejected.entry(reason).or_insert(0) += 1,
        }
    }
    (posts, rejected)
}

/// The strings at the end of a path through objects and lists.
fn strings<'v>(value: &'v Value, path: &[&str]) -> Vec<&'v str> {
    match (value, path) {
        (Value::Array(items), _) => items.iter().flat_map(|item| strings(item, path)).collect(),
        (Value::String(text), []) => vec![text],
        (value, [key, rest @ ..]) => value.get(key).map_or_else(Vec::new, |value| strings(value, rest)),
        _ => Vec::new(),
    }
}

#[test]
fn jetstream_posts() {
    let Some(tagged) = records("jetstream_posts", "bluesky_jetstream_posts_with_tag_facets.json") else { return };
    let (posts, rejected) = decode_all(&tagged, Format::Jetstream);
    assert!(rejected.is_empty());
    assert_eq!(posts[0].hashtags, ["HowToTellAiToShutUp", "IndieRebellion"]);
    assert_eq!(posts[1].hashtags, ["talesatwonderworld", "balanwonderworldoc"]);
    assert_eq!(posts[0].account, "did:plc:tn3hni2jpphsgl6amfbb7ja6");
    assert_eq!(posts[0].id, "at://did:plc:tn3hni2jpphsgl6amfbb7ja6/app.bsky.feed.post/3mptbypfywk2v");
    // Arrival, not the record's own createdAt of 14:38:07.323.
    assert_eq!(posts[0].ts, "2026-07-04T14:38:08.172Z");
    assert_eq!(posts[1].lang.as_deref(), Some("es"));

    let others = records("jetstream_posts", "bluesky_jetstream_posts_other.json").expect("beside the first");
    let (posts, rejected) = decode_all(&others, Format::Jetstream);
    assert!(rejected.is_empty() && posts.len() == others.len());
    for (post, record) in posts.iter().zip(&others) {
        assert_eq!(Some(post.text.as_str()), strings(record, &["commit", "record", "text"]).first().copied());
        let parent = strings(record, &["commit", "record", "reply", "parent", "uri"]);
        assert_eq!(post.reply_to.as_deref(), parent.first().copied());
    }
}

#[test]
fn jetstream_events_that_are_no_post() {
    let file = "bluesky_jetstream_other_event_kinds.json";
    let Some(events) = records("jetstream_events_that_are_no_post", file) else { return };
    let (posts, rejected) = decode_all(&events, Format::Jetstream);
    assert!(posts.is_empty());
    assert_eq!(rejected, BTreeMap::from([(Reason::Unsupported, events.len())]));
}

#[test]
fn mastodon_statuses() {
    let Some(statuses) = records("mastodon_statuses", "mastodon_status_rest.json") else { return };
    let (posts, rejected) = decode_all(&statuses, Format::Mastodon);
    assert!(rejected.is_empty() && posts.len() == statuses.len());
    for (post, status) in posts.iter().zip(&statuses) {
        assert_eq!(post.hashtags, strings(status, &["tags", "name"]));
        assert_eq!(vec![post.account.as_str()], strings(status, &["account", "acct"]));
        assert_eq!(vec![post.ts.as_str()], strings(status, &["created_at"]));
        assert!(!post.text.contains("</") && !post.text.contains("&#"), "{}", post.text);
        assert_eq!(post.client.as_deref(), Some("Mastodon.py test suite"));
    }
    assert_eq!(posts[0].text, "#hoot (hashtag toot)");
    assert_eq!(posts[2].text, "you can't say that on television");
    assert_eq!(posts[0].account_created.as_deref(), Some("2026-08-01T00:00:00.000Z"));
}

#[test]
fn mastodon_streams_line_by_line() {
    let Some(streams) = records("mastodon_streams_line_by_line", "mastodon_streaming_raw_sse.json") else { return };
    let (mut posts, mut others) = (0, 0);
    for line in streams.iter().flat_map(|stream| strings(stream, &["raw"])).flat_map(str::lines) {
        // A status has its own text at the top. Some recordings end in the middle of an event.
        let data = line.strip_prefix("data: ").map(serde_json::from_str::<Value>);
        let torn = matches!(data, Some(Err(_)));
        let is_status = matches!(data, Some(Ok(data)) if data.get("content").is_some());
        let decoded = decode(line, Format::Mastodon);
        match decoded {
            Ok(seen) => {
                assert!(is_status && !seen.text.is_empty(), "{line}");
                posts += 1;
            }
            Err(reason) => {
                let expected =
                    if torn { reason == Reason::Syntax } else { matches!(reason, Reason::Unsupported | Reason::Empty) };
                assert!(!is_status && expected, "{reason}: {line}");
                others += 1;
            }
        }
    }
    assert!(posts == 2 && others > 10, "{posts} posts, {others} other lines");
}

#[test]
fn activitypub_activities() {
    let Some(tagged) = records("activitypub_activities", "activitypub_create_note_hashtag.json") else { return };
    let (posts, _) = decode_all(&tagged, Format::ActivityPub);
    assert_eq!(posts[0].hashtags, ["moo"]);
    assert_eq!(posts[0].text, "@lain #moo");
    assert_eq!(posts[0].account, "http://mastodon.example.org/users/admin");
    assert_eq!(posts[0].ts, "2018-02-12T14:08:20.000Z");

    let captured =
        records("activitypub_activities", "activitypub_create_note_lemmy_assets.json").expect("beside the first");
    for sample in &captured {
        let activity = &sample["activity"];
        let decoded = decode(&activity.to_string(), Format::ActivityPub);
        // Lemmy's captured page, announced by its group, says no time in this sample unless the page itself does.
        let creates = activity["type"] == "Create" || activity["object"]["type"] == "Create";
        match decoded {
            Ok(seen) => {
                assert!(creates, "{}", sample["_path"]);
                assert!(seen.account.starts_with("http") && !seen.text.contains("<p>"), "{seen:?}");
            }
            Err(reason) => assert!(!creates && reason == Reason::Unsupported, "{reason}: {}", sample["_path"]),
        }
    }
}

#[test]
fn x_v1_statuses() {
    for file in ["twitter_v1_1_stream.json", "twitter_v1_1_extended_tweet.json"] {
        let Some(statuses) = records("x_v1_statuses", file) else { return };
        let (posts, rejected) = decode_all(&statuses, Format::XV1);
        assert!(rejected.is_empty() && posts.len() == statuses.len(), "{rejected:?}");
        for (post, status) in posts.iter().zip(&statuses) {
            let whole = status.get("retweeted_status").unwrap_or(status);
            let long = whole.get("extended_tweet").unwrap_or(whole);
            let mut expected = Vec::new();
            for tag in strings(long, &["entities", "hashtags", "text"]) {
                if !expected.iter().any(|seen: &&str| seen.to_lowercase() == tag.to_lowercase()) {
                    expected.push(tag);
                }
            }
            assert_eq!(post.hashtags, expected);
            assert_eq!(post.repost_of.as_deref(), strings(status, &["retweeted_status", "id_str"]).first().copied());
            assert_eq!(vec![post.account.as_str()], strings(status, &["user", "id_str"]));
            assert!(post.client.as_deref().is_some_and(|client| !client.contains('<')), "{:?}", post.client);
            assert!(post.account_created.is_some());
        }
    }
}

#[test]
fn x_v1_times_have_milliseconds() {
    let Some(statuses) = records("x_v1_times_have_milliseconds", "twitter_v1_1_stream.json") else { return };
    assert_eq!(
        decode(&statuses[0].to_string(), Format::XV1).map(|seen| seen.ts),
        Ok("2016-01-22T05:00:07.053Z".into())
    );
    let mut old = statuses[0].clone();
    old.as_object_mut().expect("a status").remove("timestamp_ms");
    assert_eq!(decode(&old.to_string(), Format::XV1).map(|seen| seen.ts), Ok("2016-01-22T05:00:07.000Z".into()));
}

#[test]
fn x_v2_lines_and_flattened_posts() {
    let Some(lines) = records("x_v2_lines_and_flattened_posts", "twitter_v2_stream_lines.json") else { return };
    let (posts, rejected) = decode_all(&lines, Format::XV2);
    assert!(rejected.is_empty() && posts.len() == lines.len(), "{rejected:?}");
    for (post, line) in posts.iter().zip(&lines) {
        assert_eq!(post.hashtags, strings(line, &["data", "entities", "hashtags", "tag"]));
        assert!(post.account_created.is_some() && post.client.is_some() && post.lang.is_some());
    }
    assert_eq!(posts[1].reply_to.as_deref(), Some("1377266697850257410"));

    let flat = records("x_v2_lines_and_flattened_posts", "twitter_v2_flattened.json").expect("beside the first");
    let (posts, rejected) = decode_all(&flat, Format::XV2);
    assert!(rejected.is_empty() && posts.len() == flat.len(), "{rejected:?}");
    let original = &flat[0]["referenced_tweets"][0];
    assert_eq!(posts[0].repost_of.as_deref(), original["id"].as_str());
    assert_eq!(Some(posts[0].text.as_str()), original["text"].as_str());
    assert!(posts.iter().all(|post| post.account_created.is_some()));
}

#[test]
fn x_v2_pages_are_unsupported_and_their_posts_flattened_are_not() {
    let test = "x_v2_pages_are_unsupported_and_their_posts_flattened_are_not";
    let Some(pages) = records(test, "twitter_v2_search_response.json") else { return };
    let (posts, rejected) = decode_all(&pages, Format::XV2);
    assert!(posts.is_empty());
    assert_eq!(rejected, BTreeMap::from([(Reason::Unsupported, pages.len())]));
    let mut reposts = 0;
    for page in &pages {
        for data in page["data"].as_array().expect("a page has posts") {
            let line = serde_json::json!({ "data": data, "includes": page["includes"] });
            let seen = decode(&line.to_string(), Format::XV2).expect("a post");
            reposts += usize::from(seen.repost_of.is_some() && !seen.text.starts_with("RT @"));
        }
    }
    assert!(reposts > 0, "a repost takes the whole text of its original");
}
