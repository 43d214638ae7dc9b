//! Every format on small records written for the rule they show.

use tagwatch::source::decode::{Decoder, Format, Reason};

mod corpus;

/// One line that says all of a decoded post, or why there is none.
fn told(record: &str, format: Format) -> String {
    let mut decoder = Decoder::new(format, corpus::limits());
    let post = match decoder.decode(record.as_bytes()) {
        Ok(post) => post,
        Err(rejected) => return rejected.to_string(),
    };
    let hashtags: Vec<&str> = post.hashtags.iter().map(|tag| tag.display).collect();
    let mut line = format!("{}/{} by {} at {} #{}", post.platform, post.id, post.account, post.ts, hashtags.join("#"));
    for (name, value) in [
        ("text", post.text.as_deref()),
        ("repost_of", post.repost_of.as_deref()),
        ("reply_to", post.reply_to.as_deref()),
        ("lang", post.lang.as_deref()),
        ("client", post.client.as_deref()),
        ("created", post.account_created.map(|at| at.to_string()).as_deref()),
    ] {
        if let Some(value) = value {
            line += &format!(" {name}={value:?}");
        }
    }
    line
}

fn check(format: Format, cases: &[(&str, &str)]) {
    for (record, expected) in cases {
        assert_eq!(told(record, format), *expected, "{record}");
    }
}

#[test]
fn native_posts() {
    check(
        Format::Native,
        &[
            (
                r##"{"id":7,"ts":1494014400120,"account":-8,"text":"a \"b\" #c","hashtags":["#X","x","Y"],"repost_of":5,
                    "reply_to":"6","lang":"en","client":"Web","platform":"x","account_created":1400000000000,"more":[{}]}"##,
                r#"x/7 by -8 at 2017-05-05T20:00:00.120Z #X#Y text="a \"b\" #c" repost_of="5" reply_to="6" lang="en" client="Web" created="2014-05-13T16:53:20.000Z""#,
            ),
            (
                r##"{"text":"#a #B","account":"a","ts":"2017-05-05T22:00:00+02:00","id":"p"}"##,
                r##"/p by a at 2017-05-05T20:00:00.000Z #a#B text="#a #B""##,
            ),
            (
                r##"{"id":"p","ts":1494014400000,"account":"a","text":"#a","hashtags":[],"repost_of":"","lang":null}"##,
                r##"/p by a at 2017-05-05T20:00:00.000Z # text="#a""##,
            ),
            (
                "\u{feff} {\"id\":\"p\",\"ts\":1494014400000,\"account\":\"a\"}\r\n",
                "/p by a at 2017-05-05T20:00:00.000Z #",
            ),
            (
                r#"{"id":"p","ts":1494014400,"account":"a"}"#,
                "time_range: `ts` lies outside 2000 to 2099 (1494014400 looks like seconds, milliseconds are meant)",
            ),
            (r#"{"id":"p","ts":[],"account":"a"}"#, "invalid_field: `ts` has a wrong type or form, line 1 column 17"),
            (r#"{"id":"p","ts":1494014400000}"#, "missing_field: `account` is missing"),
            (r#"{"id":"p","id":"q"}"#, "duplicate_key: `id` stands twice"),
            (r#"{"id":"p","ts":14"#, "syntax: EOF while parsing an object at line 1 column 17"),
        ],
    );
}

#[test]
fn jetstream_events() {
    let post = |record: &str| {
        format!(
            r#"{{"did":"did:plc:a","time_us":1494014400120999,"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.feed.post","rkey":"k","record":{record}}}}}"#
        )
    };
    let at = "bluesky/at://did:plc:a/app.bsky.feed.post/k by did:plc:a at 2017-05-05T20:00:00.120Z";
    assert_eq!(
        told(
            &post(
                r##"{"text":"#typed","langs":["de","en"],"reply":{"root":{},"parent":{"uri":"at://x"}},"tags":["b","A"],
                    "facets":[{"features":[{"$type":"app.bsky.richtext.facet#tag","tag":"a"},{"$type":"app.bsky.richtext.facet#link","uri":"u"}]}]}"##
            ),
            Format::Jetstream
        ),
        format!(r##"{at} #a#b text="#typed" reply_to="at://x" lang="de""##)
    );
    assert_eq!(told(&post(r##"{"text":"#typed"}"##), Format::Jetstream), format!(r##"{at} # text="#typed""##));
    assert_eq!(told(&post("null"), Format::Jetstream), "missing_field: `commit.record` is missing");
    check(
        Format::Jetstream,
        &[
            // Foreign collections may use the same keys for anything.
            (
                r#"{"did":"d","time_us":1,"kind":"commit","commit":{"operation":"create","collection":"x.y","rkey":"k","record":{"text":5,"facets":"no"}}}"#,
                "unsupported: a commit to another collection, not a new post",
            ),
            (
                r#"{"did":"d","time_us":1,"kind":"commit","commit":{"operation":"delete","collection":"app.bsky.feed.post","rkey":"k"}}"#,
                "unsupported: an update or delete, not a new post",
            ),
            (
                r#"{"did":"d","time_us":1,"kind":"identity"}"#,
                "unsupported: an identity or account event, not a new post",
            ),
            (r#"{"did":"d","did":"e"}"#, "duplicate_key: `did` stands twice in one object, line 1 column 16"),
            (r#"{"did":"d","time_us":"x"}"#, "invalid_field: a known key has a wrong type or form, line 1 column 24"),
        ],
    );
}

#[test]
fn mastodon_statuses() {
    let status = r##"{"id":"7","created_at":"2017-05-05T20:00:00.120Z","account":{"acct":"a@b.c","created_at":"2016-01-01T00:00:00.000Z"},"content":"<p>Go <a href=\"x\">#<span>vote</span></a></p>","tags":[{"name":"vote","url":"x"}],"in_reply_to_id":null,"language":"en","application":null,"reblog":null}"##;
    let told_status = r##"mastodon/7 by a@b.c at 2017-05-05T20:00:00.120Z #vote text="Go #vote" lang="en" created="2016-01-01T00:00:00.000Z""##;
    let event =
        |name: &str| format!(r#"{{"stream":["public"],"event":"{name}","payload":{}}}"#, serde_json::json!(status));
    let data = format!("data: {status}");
    check(
        Format::Mastodon,
        &[
            (status, told_status),
            (&data, told_status),
            (&event("update"), told_status),
            (&event("status.update"), "unsupported: an edit, delete or notice, not a new post"),
            (
                r#"{"stream":["user"],"event":"delete","payload":"5"}"#,
                "unsupported: an edit, delete or notice, not a new post",
            ),
            ("event: update", "unsupported: a line of a server-sent event without data"),
            (
                r#"{"id":"8","type":"mention","created_at":"2017-05-05T20:00:00Z","status":{"id":"7"}}"#,
                "unsupported: a notification or conversation, not a post",
            ),
            (
                r#"{"id":"9","created_at":"2017-05-05T20:00:00Z","account":{"acct":"b"},"content":"","tags":[],"reblog":{"id":"7","content":"x","tags":[{"name":"vote"}]}}"#,
                r#"mastodon/9 by b at 2017-05-05T20:00:00.000Z #vote text="x" repost_of="7""#,
            ),
            (
                r##"{"id":"9","created_at":"2017-05-05T20:00:00Z","account":{"acct":"b"},"content":"<b>#</b>vote"}"##,
                r##"mastodon/9 by b at 2017-05-05T20:00:00.000Z #vote text="#vote""##,
            ),
            (
                r#"{"id":"9","created_at":"2017-05-05T20:00:00Z","content":""}"#,
                "missing_field: `account.acct` is missing",
            ),
        ],
    );
}

#[test]
fn activitypub_activities() {
    let note = r##"{"type":["Note"],"id":"n","attributedTo":{"id":"http://a"},"content":"<p>x</p>","contentMap":{"fr":"x"},"tag":{"type":"Hashtag","name":"#Moo"},"inReplyTo":["r"],"published":"2017-05-05T20:00:00Z"}"##;
    let told_note = r#"activitypub/n by http://a at 2017-05-05T20:00:00.000Z #Moo text="x" reply_to="r" lang="fr""#;
    let create = format!(r#"{{"type":"Create","id":"c","actor":"http://b","object":{note}}}"#);
    let group = format!(r#"{{"type":"Announce","id":"n2","actor":"http://group","object":{create}}}"#);
    let announce = format!(
        r#"{{"type":"Announce","id":"n3","actor":"http://b","published":"2017-05-05T20:00:01Z","object":{note}}}"#
    );
    check(
        Format::ActivityPub,
        &[
            (note, told_note),
            (&create, told_note),
            (&group, told_note),
            (
                &announce,
                r#"activitypub/n3 by http://b at 2017-05-05T20:00:01.000Z #Moo text="x" repost_of="n" reply_to="r" lang="fr""#,
            ),
            (
                r##"{"type":"Create","actor":"b","published":"2017-05-05T20:00:00Z","object":{"type":"Page","id":"n","content":"#moo"}}"##,
                r##"activitypub/n by b at 2017-05-05T20:00:00.000Z #moo text="#moo""##,
            ),
            (
                r##"{"type":"Note","id":"n","attributedTo":"b","published":"2017-05-05T20:00:00Z","content":"#moo","tag":[{"type":"Mention","name":"#no"}]}"##,
                r##"activitypub/n by b at 2017-05-05T20:00:00.000Z # text="#moo""##,
            ),
            (
                r#"{"type":"Create","actor":"b","object":{"type":"Note","id":"n"}}"#,
                "missing_field: `published` is missing",
            ),
            (
                r#"{"type":"Announce","actor":"b","object":"u"}"#,
                "unsupported: an announcement without its object, not a post",
            ),
            (
                r#"{"type":"Follow","actor":"b","object":"u"}"#,
                "unsupported: an activity or object of another type, not a post",
            ),
        ],
    );
}

#[test]
fn x_v1_statuses() {
    check(
        Format::XV1,
        &[
            (
                r##"{"id":7,"id_str":"7","created_at":"Fri May 05 20:00:00 +0000 2017","timestamp_ms":"1494014400120","text":"cut…","truncated":true,
                    "extended_tweet":{"full_text":"whole #a","entities":{"hashtags":[{"text":"a"}]}},"entities":{"hashtags":[{"text":"cut"}]},
                    "user":{"id_str":"8","created_at":"Tue Jan 01 15:16:00 +0000 2013"},"in_reply_to_status_id_str":"6","lang":"en","source":"<a href=\"u\">Web &amp; App</a>"}"##,
                r#"x/7 by 8 at 2017-05-05T20:00:00.120Z #a text="whole #a" reply_to="6" lang="en" client="Web & App" created="2013-01-01T15:16:00.000Z""#,
            ),
            (
                r##"{"id":7,"created_at":"Fri May 05 22:00:00 +0200 2017","text":"RT @x: cut…","user":{"id":8},"entities":{"hashtags":[]},
                    "retweeted_status":{"id_str":"5","full_text":"whole","entities":{"hashtags":[{"text":"b"}]}}}"##,
                r#"x/7 by 8 at 2017-05-05T20:00:00.000Z #b text="whole" repost_of="5""#,
            ),
            (
                r##"{"id_str":"7","created_at":"Fri May 05 20:00:00 +0000 2017","user":{"id_str":"8"},"text":"#a"}"##,
                r##"x/7 by 8 at 2017-05-05T20:00:00.000Z #a text="#a""##,
            ),
            (
                r#"{"id_str":"7","user":{"id_str":"8"},"created_at":"long ago"}"#,
                "invalid_field: `created_at` is no time",
            ),
            (r#"{"delete":{"status":{"id_str":"7"}}}"#, "unsupported: a notice of the stream, not a post"),
            (r#"{"limit":{"track":7}}"#, "unsupported: a notice of the stream, not a post"),
        ],
    );
}

#[test]
fn x_v2_posts() {
    check(
        Format::XV2,
        &[
            (
                r##"{"data":{"id":"7","author_id":"8","created_at":"2017-05-05T20:00:00.000Z","text":"x","entities":{"hashtags":[{"tag":"a"}]},"lang":"en","source":"Web",
                    "referenced_tweets":[{"type":"replied_to","id":"6"},{"type":"quoted","id":"5"}]},"includes":{"users":[{"id":"9"},{"id":"8","created_at":"2013-01-01T15:16:00.000Z"}]}}"##,
                r#"x/7 by 8 at 2017-05-05T20:00:00.000Z #a text="x" reply_to="6" lang="en" client="Web" created="2013-01-01T15:16:00.000Z""#,
            ),
            (
                r##"{"data":[{"id":"7","author_id":"8","created_at":"2017-05-05T20:00:00.000Z","text":"RT @y: cut…","entities":{"mentions":[]},"referenced_tweets":[{"type":"retweeted","id":"5"}]}],
                    "includes":{"tweets":[{"id":"5","text":"short","note_tweet":{"text":"whole","entities":{"hashtags":[{"tag":"b"}]}}}]}}"##,
                r#"x/7 by 8 at 2017-05-05T20:00:00.000Z #b text="whole" repost_of="5""#,
            ),
            (
                r##"{"id":"7","author":{"id":"8","created_at":"2013-01-01T15:16:00.000Z"},"created_at":"2017-05-05T20:00:00.000Z","text":"#a #b"}"##,
                r##"x/7 by 8 at 2017-05-05T20:00:00.000Z #a#b text="#a #b" created="2013-01-01T15:16:00.000Z""##,
            ),
            (r#"{"data":[{"id":"7"},{"id":"8"}]}"#, "unsupported: a page of several posts: flatten it to one a line"),
            (r#"{"data":[]}"#, "unsupported: a page without posts"),
            (r#"{"errors":[{"title":"x"}]}"#, "unsupported: an error of the platform, not a post"),
            (r#"{"data":{"id":"7"}}"#, "missing_field: `created_at` is missing"),
        ],
    );
}

#[test]
fn formats_have_the_names_of_the_flag() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!("xml".parse::<Format>().is_err_and(|error| error.to_string().contains("\"xml\"")));
}

#[test]
fn limits_are_met_exactly() {
    let limits = corpus::limits();
    let mut decoder = Decoder::new(Format::Native, limits.clone());
    let record = |id: usize, tags: usize, chars: usize| {
        let tags: Vec<String> = (0..tags).map(|i| format!("\"{i:a>chars$}\"")).collect();
        format!(r#"{{"id":"{}","ts":1494014400000,"account":"a","hashtags":[{}]}}"#, "i".repeat(id), tags.join(","))
    };
    let fits = record(limits.id_bytes_max, limits.hashtags_max, limits.hashtag_chars_max);
    assert_eq!(decoder.decode(fits.as_bytes()).map(|post| post.hashtags.len()), Ok(limits.hashtags_max));
    for (over, reason) in [
        (record(limits.id_bytes_max + 1, 1, 5), Reason::IdTooLong),
        (record(1, limits.hashtags_max + 1, 5), Reason::HashtagsMax),
        (record(1, 1, limits.hashtag_chars_max + 1), Reason::HashtagTooLong),
    ] {
        assert_eq!(decoder.decode(over.as_bytes()).map_err(|rejected| rejected.reason).err(), Some(reason));
    }
    let padded = format!("{fits}{}", " ".repeat(limits.post_bytes_max - fits.len()));
    assert!(decoder.decode(padded.as_bytes()).is_ok());
    let over = decoder.decode(format!("{padded} ").as_bytes()).map_err(|rejected| rejected.reason).err();
    assert_eq!(over, Some(Reason::Oversize));
}
