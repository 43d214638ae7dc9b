//! scratch
use std::io::{BufRead, Write};
use std::collections::BTreeMap;
use tagwatch::{model::*, track::Shard, assess, decide::Decider, config::*, exchange::route::Router};
use tagwatch::model::hashtag::TagList;
use std::time::Duration;
#[derive(serde::Deserialize)]
struct P<'a> { #[serde(borrow)] id: std::borrow::Cow<'a,str>, ts: i64, #[serde(borrow)] account: std::borrow::Cow<'a,str>, #[serde(borrow,default)] text: Option<std::borrow::Cow<'a,str>>, hashtags: Vec<String>, #[serde(borrow,default)] repost_of: Option<std::borrow::Cow<'a,str>> , #[serde(borrow,default)] reply_to: Option<std::borrow::Cow<'a,str>>}
fn detect() -> Detect {
    let mut signals = BTreeMap::new();
    let spec = std::fs::read_to_string(std::env::var("SPEC").unwrap_or("/tmp/spec.txt".into())).unwrap();
    let mut fam = BTreeMap::new();
    let mut kv: BTreeMap<String,f64> = BTreeMap::new();
    for l in spec.lines() { let w: Vec<&str> = l.split_whitespace().collect(); if w.is_empty() {continue}
        match w[0] { "s" => { signals.insert(w[1].to_string(), Ramp{points:w[2].parse().unwrap(), from:w[3].parse().unwrap(), to:w[4].parse().unwrap()}); }
            "f" => { fam.insert(w[1].to_string(), w[2].parse().unwrap()); }
            k => { kv.insert(k.to_string(), w[1].parse().unwrap()); } } }
    Detect { candidate_posts: kv["posts"] as u32, candidate_accounts: kv["accounts"] as u32, false_discovery_rate: 0.01, burst_enter: kv["benter"], burst_exit: kv["bexit"], coordination_enter: kv["center"], coordination_exit: kv["cexit"], family_points_min: kv["fmin"], strong_points_min: kv["strong"], minimum_hold: Duration::from_secs(600), quiet: Duration::from_secs(600), pages_per_hour: 20, tickets_per_hour: 100, family_points_max: fam, signals }
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let out = std::env::args().nth(2).unwrap();
    let f = std::fs::File::open(&path).unwrap();
    let r: Box<dyn BufRead> = if path.ends_with(".gz") { Box::new(std::io::BufReader::new(flate2::read::MultiGzDecoder::new(f))) } else { Box::new(std::io::BufReader::new(f)) };
    let d = detect();
    let mut shard = Shard::new(Windows{baseline_days:28,row_posts_min:20,hour_sample_accounts_min:20,hour_total_accounts_below:5}, 1<<30);
    let mut dec = Decider::new(d.clone(), "x".into());
    let mut router = Router::new(Keyed::new(Keyed::FIXED), 1);
    let mut out = std::io::BufWriter::new(std::fs::File::create(out).unwrap());
    let mut tags = TagList::default();
    let (mut n, mut cand) = (0u64, 0u64);
    let t0 = std::time::Instant::now(); let mut ta = Duration::ZERO;
    let mut emit = |dec: &mut Decider, tick, reports, out: &mut dyn Write| { let x = dec.decide(tick, reports); for l in x.lines { serde_json::to_writer(&mut *out, &l).unwrap(); out.write_all(b"\n").unwrap(); } 
        if std::env::var("DUMP").is_ok() { for v in x.assessed { let s: Vec<String> = v.signals.iter().map(|s| format!("{}={}/{}", s.name, s.value.map_or("-".into(), |v| format!("{v:.2}")), s.contribution.0 as f64/100.)).collect(); println!("{} {} h1={}/{} m5={} b={} c={} {}", tick.end(), v.hashtag, v.windows.h1.posts, v.windows.h1.accounts, v.windows.m5.posts, v.burst.as_f64(), v.coordination.as_f64(), s.join(" ")); } } };
    let mut maxts = 0;
    let mut pump = |shard: &mut Shard, router: &mut Router, dec: &mut Decider, w: EventTime, out: &mut dyn Write, cand: &mut u64| {
        for b in router.take().collect::<Vec<_>>() { shard.apply(&b); }
        while let Some(t) = shard.next_due(w) { 
            while let Some(x) = dec.next_timer() { if x < t { emit(dec, x, vec![], out) } else { break } }
            shard.close(t); let a = std::time::Instant::now(); let rep = assess::report(shard, t, &d); ta += a.elapsed(); *cand += rep.hashtags.len() as u64; emit(dec, t, vec![rep], out); }
        ta
    };
    let mut tt = Duration::ZERO;
    for line in r.lines() { let line = line.unwrap(); let p: P = match serde_json::from_str(&line) { Ok(p) => p, Err(e) => { eprintln!("{e}"); continue } };
        n += 1; tags.clear(); for h in &p.hashtags { let c = h.trim_start_matches('#').to_lowercase(); if tags.iter().all(|t| t.canonical != c) { let _ = tags.push(h, tagwatch::model::hashtag::TagLimits { tags_max: 100, chars_max: 200 });; } }
        shard.watched(EventTime(p.ts));
        router.post(&Post { id: p.id, ts: EventTime(p.ts), account: p.account, platform: "".into(), text: p.text, hashtags: &tags, repost_of: p.repost_of, reply_to: p.reply_to, lang: None, client: None, account_created: None });
        if p.ts > maxts { maxts = p.ts; if n % 64 == 0 { tt = pump(&mut shard, &mut router, &mut dec, EventTime(maxts - 10_000), &mut out, &mut cand); } } }
    tt = pump(&mut shard, &mut router, &mut dec, EventTime(maxts + 10_000), &mut out, &mut cand).max(tt);
    eprintln!("{n} posts {cand} reports {:?} assess {:?} bytes {}", t0.elapsed(), tt, shard.bytes());
}
