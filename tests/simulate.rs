//! The synthetic posts: the same bytes every time, in time order, with unique ids, and with the fingerprints that each
//! scenario promises. The fingerprints are counted here naively; `--nocapture` prints them as a table.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Write};

use tagwatch::model::EventTime;
use tagwatch::simulate::{self, Options, SCENARIOS, SimPost};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// The composition of a set of posts.
#[derive(Debug, Default)]
struct Fingerprint {
    posts: usize,
    accounts: usize,
    /// Posts per account.
    per_account: f64,
    /// Share of accounts with more than one post.
    repeating: f64,
    /// Share of posts by the most active 5 % of accounts.
    top: f64,
    /// (N² / Σn²) / accounts.
    evenness: f64,
    reposts: f64,
    /// Share of posts that mention or reply.
    talking: f64,
    /// Share of originals with one hashtag.
    alone: f64,
    /// Share of originals whose words another original has too (hashtags, mentions and links left out).
    repeated: f64,
    /// Variance over mean of the posts in a second, within minutes.
    dispersion: f64,
    /// Posts in the fullest minute.
    peak: usize,
    minutes: f64,
}

fn words(text: &str) -> String {
    text.split_whitespace().filter(|word| !word.starts_with(['#', '@']) && !word.starts_with("http")).collect()
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Mean over the minutes of (variance over mean of the counts in seconds), for minutes of at least 20 posts.
fn dispersion(posts: &[SimPost]) -> f64 {
    let mut minutes: BTreeMap<i64, [f64; 60]> = BTreeMap::new();
    for post in posts {
        minutes.entry(post.ts / MINUTE).or_insert([0.0; 60])[(post.ts % MINUTE / 1000) as usize] += 1.0;
    }
    let indices: Vec<f64> = minutes
        .values()
        .filter(|counts| counts.iter().sum::<f64>() >= 20.0)
        .map(|counts| {
            let mean = counts.iter().sum::<f64>() / 60.0;
            counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / 59.0 / mean
        })
        .collect();
    indices.iter().sum::<f64>() / indices.len().max(1) as f64
}

fn fingerprint(posts: &[SimPost]) -> Fingerprint {
    let mut by_account: HashMap<u64, usize> = HashMap::new();
    let mut texts: HashMap<String, usize> = HashMap::new();
    let mut minutes: HashMap<i64, usize> = HashMap::new();
    for post in posts {
        *by_account.entry(post.account).or_default() += 1;
        *minutes.entry(post.ts / MINUTE).or_default() += 1;
        if post.repost_of.is_none() {
            *texts.entry(words(&post.text)).or_default() += 1;
        }
    }
    let originals: Vec<&SimPost> = posts.iter().filter(|post| post.repost_of.is_none()).collect();
    let mut counts: Vec<usize> = by_account.values().copied().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let squares: f64 = counts.iter().map(|&n| (n * n) as f64).sum();
    let (n, d) = (posts.len(), counts.len());
    let span = posts.last().map_or(0, |post| post.ts) - posts.first().map_or(0, |post| post.ts);
    Fingerprint {
        posts: n,
        accounts: d,
        per_account: share(n, d),
        repeating: share(counts.iter().filter(|&&n| n > 1).count(), d),
        top: share(counts[..d.div_ceil(20)].iter().sum(), n),
        evenness: (n * n) as f64 / squares / d as f64,
        reposts: share(n - originals.len(), n),
        talking: share(posts.iter().filter(|post| post.reply_to.is_some() || post.text.contains('@')).count(), n),
        alone: share(originals.iter().filter(|post| post.hashtags.len() == 1).count(), originals.len()),
        repeated: share(originals.iter().filter(|post| texts[&words(&post.text)] > 1).count(), originals.len()),
        dispersion: dispersion(posts),
        peak: minutes.values().copied().max().unwrap_or(0),
        minutes: span as f64 / MINUTE as f64,
    }
}

/// Of a scenario's posts those under its hashtag (in any spelling) from its onset on, for so many hours.
fn event(name: &str, hours: i64) -> Vec<SimPost> {
    let options = Options::new(1);
    let from = simulate::onset(name, options.start).unwrap().0;
    let first = simulate::scenario(name, &options).unwrap();
    first.filter(|post| (from..from + hours * HOUR).contains(&post.ts) && is_about(post, name)).collect()
}

/// A crowd writes its own hashtag first.
fn is_about(post: &SimPost, name: &str) -> bool {
    let hashtag = simulate::hashtag(name).unwrap().to_lowercase();
    let other = match name {
        "goal" => "copameridian",
        "boycott" => "darktuesday",
        "viral" => "potatosunset",
        "giveaway" => "winwithamodra",
        _ => "",
    };
    post.hashtags.first().is_some_and(|tag| tag.to_lowercase() == hashtag || tag.to_lowercase() == other)
}

fn print(name: &str, f: &Fingerprint) {
    println!(
        "| {name} | {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {:.0} |",
        f.posts, f.accounts, f.per_account, f.repeating, f.top, f.evenness, f.reposts, f.talking, f.alone, f.repeated,
        f.dispersion, f.peak, f.minutes
    );
}

#[test]
fn table() {
    println!("| scenario | posts | accounts | U | >1 | top5 | E | reposts | talk | alone | repeated | IoD | peak | minutes |");
    for &(name, ..) in SCENARIOS {
        if simulate::hashtag(name).is_some() && name != "story" {
            let f = fingerprint(&event(name, 72));
            print(name, &f);
            let p: Vec<SimPost> = event(name, 72).into_iter().filter(|p| p.coordinated).collect();
            if !p.is_empty() && p.len() < f.posts { print("  pushed", &fingerprint(&p)); }
        }
    }
    let p: Vec<SimPost> = event("leaks", 4).into_iter().filter(|p| p.ts < simulate::onset("leaks", Options::START).unwrap().0 + 210 * MINUTE).collect();
    print("leaks 3.5h", &fingerprint(&p));
    let t = p[0].ts;
    println!("1 min {} 5 min {}", p.iter().filter(|p| p.ts < t + MINUTE).count(), p.iter().filter(|p| p.ts < t + 5 * MINUTE).count());
    let m = simulate::onset("mockery", Options::START).unwrap().0 + 710 * MINUTE;
    let p: Vec<SimPost> = event("mockery", 23).into_iter().filter(|p| p.ts >= m).collect();
    print("wave", &fingerprint(&p));
}
