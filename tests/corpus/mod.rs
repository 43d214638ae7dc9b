//! Hostile records and the reason each must be rejected for, with good posts to stand between them. Native format.
#![allow(dead_code, reason = "every test binary uses its own part")]

use tagwatch::config::Limits;

/// The limits that the corpus is made for.
pub fn limits() -> Limits {
    Limits { post_bytes_max: 256 * 1024, hashtags_max: 30, hashtag_chars_max: 100, id_bytes_max: 256 }
}

/// 2017-05-05T20:00:00Z.
pub const START_MS: i64 = 1_494_014_400_000;

/// `n` good posts, a second apart, of many accounts, each with the hashtag `good` and one of its own.
pub fn good(n: usize) -> Vec<Vec<u8>> {
    (0..n)
        .map(|i| {
            let ts = START_MS + i as i64 * 1000;
            format!(
                r#"{{"id":"g{i}","ts":{ts},"account":"a{}","text":"post {i} #good","hashtags":["good","g{i}x"],"lang":"en"}}"#,
                i % 97
            )
            .into_bytes()
        })
        .collect()
}

/// Records that look like tricks and are posts all the same, with the canonical hashtags that must come out.
pub fn tricks() -> Vec<(Vec<u8>, Vec<String>)> {
    let many_same = vec!["\"same\""; 200].join(",");
    let deep = format!(r##""junk":{}{},"hashtags":["deep"]"##, "[".repeat(100_000), "]".repeat(100_000));
    let deep_objects = format!(r##""junk":{}1{},"hashtags":["deep"]"##, "{\"a\":".repeat(40_000), "}".repeat(40_000));
    [
        (r##""hashtags":["\u200b","\u200d\u202e","#","","123"]"##, vec![]),
        (r##""hashtags":["v\u200bote","\u202evote\u202c","VOTE","ｖｏｔｅ"]"##, vec!["vote"]),
        (r##""text":"#v\u200bote #\u2066vote\u2069 #ＶＯＴＥ""##, vec!["vote"]),
        (r##""text":"#vоte #vote""##, vec!["vоte", "vote"]),
        (r##""text":null,"hashtags":null,"lang":null,"repost_of":null,"account_created":null"##, vec![]),
        (r##""hashtags":[],"text":"#ignored""##, vec![]),
        (r##""hashtags":["a\u0000b","x"]"##, vec!["x"]),
        (r##""junk":1e400,"hashtags":["x"]"##, vec!["x"]),
        (r##""junk":"\ud800","hashtags":["x"]"##, vec!["x"]),
        (r##""junk":1,"junk":2,"hashtags":["x"]"##, vec!["x"]),
        (r##""ID":5,"Ts":"x","hashtags":["x"]"##, vec!["x"]),
        (&format!(r##""hashtags":[{many_same}]"##), vec!["same"]),
        (&deep, vec!["deep"]),
        (&deep_objects, vec!["deep"]),
    ]
    .into_iter()
    .map(|(fields, expected)| (post(fields), expected.into_iter().map(str::to_owned).collect()))
    .collect()
}

/// At least 120 distinct records that are no post, each with the name of its reason.
pub fn poison() -> Vec<(Vec<u8>, &'static str)> {
    let mut all = Vec::new();
    torn(&mut all);
    not_one_object(&mut all);
    not_utf8(&mut all);
    bad_strings_and_numbers(&mut all);
    duplicate_keys(&mut all);
    missing_fields(&mut all);
    wrong_types(&mut all);
    bad_times(&mut all);
    too_much(&mut all);
    other_records(&mut all);
    all
}

type Poison = Vec<(Vec<u8>, &'static str)>;

/// A post with the needed fields and `fields`.
fn post(fields: &str) -> Vec<u8> {
    format!(r#"{{"id":"p","ts":{START_MS},"account":"a",{fields}}}"#).into_bytes()
}

fn add(all: &mut Poison, reason: &'static str, record: impl AsRef<[u8]>) {
    all.push((record.as_ref().to_vec(), reason));
}

fn torn(all: &mut Poison) {
    let whole =
        post(r#""text":"go #vote \"now\"","hashtags":["vote","now"],"repost_of":null,"account_created":1400000000000"#);
    for cut in (1..whole.len()).step_by(5) {
        add(all, "syntax", &whole[..cut]);
    }
    add(all, "syntax", &whole[1..]);
}

fn not_one_object(all: &mut Poison) {
    for blank in ["", " ", "\t\r\n", "\u{feff}"] {
        add(all, "empty", blank);
    }
    for other in
        ["[]", "[{}]", "5", "-1e5", "true", "null", "\"text\"", "hello", "<html></html>", "'{}'", "\0", "}", "]["]
    {
        add(all, "syntax", other);
    }
    let whole = String::from_utf8(post(r#""lang":"en""#)).expect("ASCII");
    for wrapped in [
        format!("{whole}{whole}"),
        format!("{whole},"),
        format!("{whole}]"),
        format!("{whole}\0"),
        format!("\u{200b}{whole}"),
        format!("\u{202e}{whole}"),
        format!("// {whole}"),
        format!("({whole})"),
    ] {
        add(all, "syntax", wrapped);
    }
    for fields in [
        r#""x":1,"#,
        r#""x" 1"#,
        r#""x""#,
        r#"x:1"#,
        r#"'x':1"#,
        r#""x":NaN"#,
        r#""x":undefined"#,
        r#""x":01"#,
        r#""x":[1,]"#,
    ] {
        add(all, "syntax", post(fields));
    }
}

fn not_utf8(all: &mut Poison) {
    let kinds: [&[u8]; 9] = [
        b"\xff",
        b"\x80",
        b"\xc0\xaf",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe\xff",
        b"caf\xe9",
    ];
    for bytes in kinds {
        for key in ["text", "unknown"] {
            let mut record = post(&format!(r#""{key}":""#));
            record.truncate(record.len() - 1);
            record.extend_from_slice(bytes);
            record.extend_from_slice(b"\"}");
            add(all, "encoding", record);
        }
    }
    let utf16: Vec<u8> = "\u{feff}{\"id\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    add(all, "encoding", utf16);
    add(all, "encoding", b"\x1f\x8b\x08\x00\x00\x00\x00\x00");
}

fn bad_strings_and_numbers(all: &mut Poison) {
    for text in
        [r"\ud800", r"\ud800\ud800", r"\udc00", r"\ud83d x", r"\ud83", r"\x41", r"\u00g0", "a\0b", "a\nb", "a\tb"]
    {
        add(all, "syntax", post(&format!(r#""text":"{text}""#)));
    }
    add(all, "syntax", post(r#""hashtags":["\ud800"]"#));
    for number in ["1e400", "-1e400", "123456789e400"] {
        add(all, "invalid_field", format!(r#"{{"id":"p","ts":{number},"account":"a"}}"#));
    }
    add(all, "invalid_field", format!(r#"{{"id":1e400,"ts":{START_MS},"account":"a"}}"#));
}

fn duplicate_keys(all: &mut Poison) {
    for twice in [
        r#""id":"q""#,
        r#""ts":1494014400001"#,
        r#""account":"a""#,
        r#""text":"x","text":"x""#,
        r#""hashtags":["x"],"hashtags":["y"]"#,
        r#""hashtags":null,"hashtags":["y"]"#,
        r#""repost_of":1,"repost_of":2"#,
        r#""reply_to":1,"reply_to":2"#,
        r#""lang":"a","lang":"b""#,
        r#""client":"a","client":"b""#,
        r#""platform":"a","platform":"b""#,
        r#""account_created":1494014400000,"account_created":1494014400000"#,
        r#""\u0069d":"q""#,
    ] {
        add(all, "duplicate_key", post(twice));
    }
}

fn missing_fields(all: &mut Poison) {
    for record in [
        "{}".to_owned(),
        r#"{"ID":"p"}"#.to_owned(),
        format!(r#"{{"ts":{START_MS},"account":"a"}}"#),
        format!(r#"{{"id":null,"ts":{START_MS},"account":"a"}}"#),
        r#"{"id":"p","account":"a"}"#.to_owned(),
        r#"{"id":"p","ts":null,"account":"a"}"#.to_owned(),
        format!(r#"{{"id":"p","ts":{START_MS}}}"#),
        format!(r#"{{"id":"p","ts":{START_MS},"account":null}}"#),
        format!(r#"{{"i\u200bd":"p","ts":{START_MS},"account":"a"}}"#),
        format!(r#"{{"id":"p","ts\u202e":{START_MS},"account":"a"}}"#),
    ] {
        add(all, "missing_field", record);
    }
}

fn wrong_types(all: &mut Poison) {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    for key in ["text", "hashtags", "repost_of", "lang", "account_created"] {
        add(all, "invalid_field", post(&format!(r#""{key}":{deep}"#)));
    }
    for (key, values) in [
        ("text", &["1", "true", "[]", "{}"][..]),
        ("hashtags", &["1", "true", "\"vote\"", "{}", "[1]", "[null]", "[true]", "[[\"x\"]]", "[{\"text\":\"x\"}]"]),
        ("repost_of", &["1.5", "true", "[]", "{}"]),
        ("reply_to", &["1e3", "false", "[]", "{}"]),
        ("lang", &["1", "true", "[\"en\"]", "{}"]),
        ("client", &["1", "true", "[]", "{}"]),
        ("platform", &["1", "true", "[]", "{}"]),
        ("account_created", &["1.5", "true", "[]", "{}", "\"long ago\"", "\"\""]),
    ] {
        for value in values {
            add(all, "invalid_field", post(&format!(r#""{key}":{value}"#)));
        }
    }
    for id in ["1.5", "true", "[]", "{}", "18446744073709551616", "\"\""] {
        add(all, "invalid_field", format!(r#"{{"id":{id},"ts":{START_MS},"account":"a"}}"#));
        add(all, "invalid_field", format!(r#"{{"id":"p","ts":{START_MS},"account":{id}}}"#));
    }
}

fn bad_times(all: &mut Poison) {
    for time in [
        "1494014400000.0",
        "1494014400000.5",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"1494014400000\"",
        "\"yesterday\"",
        "\"2017-05-05\"",
        "\"2017-05-05T20:00:00\"",
        "\"2017-02-30T20:00:00Z\"",
        "\"2017-05-05T25:00:00Z\"",
        "\"２０１７-05-05T20:00:00Z\"",
        "\"\\u202e2017-05-05T20:00:00Z\"",
        "\"2017-05-05T20:00:00Z\\u200b\"",
        "\"12017-05-05T20:00:00Z\"",
    ] {
        add(all, "invalid_field", format!(r#"{{"id":"p","ts":{time},"account":"a"}}"#));
    }
    for time in [
        "0",
        "-1",
        "-1494014400000",
        "946684799999",
        "4102444800000",
        "10413792000000",
        "1494014400",
        "1494014400000000",
        "1494014400000000000",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "\"1969-12-31T23:59:59Z\"",
        "\"1999-12-31T23:59:59.999Z\"",
        "\"2100-01-01T00:00:00Z\"",
        "\"2300-01-01T00:00:00Z\"",
        "\"-000044-03-15T12:00:00Z\"",
    ] {
        add(all, "time_range", format!(r#"{{"id":"p","ts":{time},"account":"a"}}"#));
    }
    for time in ["0", "1400000000", "\"2300-01-01T00:00:00Z\""] {
        add(all, "time_range", post(&format!(r#""account_created":{time}"#)));
    }
}

fn too_much(all: &mut Poison) {
    let tags = |n: usize| (0..n).map(|i| format!("\"t{i}\"")).collect::<Vec<_>>().join(",");
    for n in [31, 32, 500, 20_000] {
        add(all, "hashtags_max", post(&format!(r#""hashtags":[{}]"#, tags(n))));
    }
    let text: Vec<String> = (0..31).map(|i| format!("#t{i}")).collect();
    add(all, "hashtags_max", post(&format!(r#""text":"{}""#, text.join(" "))));
    for tag in ["a".repeat(101), "é".repeat(101), "日".repeat(10_000), "A".repeat(200_000)] {
        add(all, "hashtag_too_long", post(&format!(r#""hashtags":["{tag}"]"#)));
        add(all, "hashtag_too_long", post(&format!(r#""text":"x #{tag}""#)));
    }
    let long = "1".repeat(257);
    for n in [257, 5_000] {
        let id = "i".repeat(n);
        add(all, "id_too_long", format!(r#"{{"id":"{id}","ts":{START_MS},"account":"a"}}"#));
        add(all, "id_too_long", format!(r#"{{"id":"p","ts":{START_MS},"account":"{id}"}}"#));
        add(all, "id_too_long", post(&format!(r#""repost_of":"{id}""#)));
        add(all, "id_too_long", post(&format!(r#""reply_to":"{id}""#)));
    }
    add(all, "invalid_field", format!(r#"{{"id":{long},"ts":{START_MS},"account":"a"}}"#));
    add(all, "oversize", post(&format!(r#""text":"{}""#, "x".repeat(300 * 1024))));
    add(all, "oversize", vec![b'['; 300 * 1024]);
    add(all, "oversize", vec![b' '; 300 * 1024]);
    add(all, "oversize", vec![0xff; 300 * 1024]);
}

fn other_records(all: &mut Poison) {
    for record in [
        r#"{"at":1494014400000,"action":"account_actioned","account":"a"}"#,
        r#"{"at":1494014400000,"action":"post_deleted","post":"p"}"#,
        r#"{"action":7}"#,
        "event: update",
        ":keep-alive",
    ] {
        add(all, "unsupported", record);
    }
}
