//! The composition of a set of posts, counted naively.

use std::collections::{BTreeMap, HashMap};

use tagwatch::simulate::SimPost;

use crate::MINUTE;

/// The composition of a set of posts.
#[derive(Debug, Default)]
pub struct Fingerprint {
    pub posts: usize,
    pub accounts: usize,
    /// Posts per account.
    pub per_account: f64,
    /// Share of accounts with more than one post.
    pub repeating: f64,
    /// Share of posts by the most active 5 % of accounts.
    pub top: f64,
    /// (N² / Σn²) / accounts.
    pub evenness: f64,
    pub reposts: f64,
    /// Share of posts that mention or reply.
    pub talking: f64,
    /// Share of originals with one hashtag.
    pub alone: f64,
    /// Share of originals whose words another original has too (hashtags, mentions and links left out).
    pub repeated: f64,
    /// Variance over mean of the posts in a second, within minutes.
    pub dispersion: f64,
    /// Posts in the fullest minute.
    pub peak: usize,
    pub minutes: f64,
}

fn words(text: &str) -> String {
    text.split_whitespace().filter(|word| !word.starts_with(['#', '@']) && !word.starts_with("http")).collect()
}

/// A part of a whole; 0 of nothing.
pub fn share(part: usize, whole: usize) -> f64 {
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
    indices.iter().sum::<f64>().max(0.0) / indices.len().max(1) as f64
}

/// Counts it all.
pub fn fingerprint(posts: &[SimPost]) -> Fingerprint {
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

/// One line of the table that `--nocapture` shows.
pub fn print(name: &str, f: &Fingerprint) {
    println!(
        "| {name} | {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {:.0} |",
        f.posts,
        f.accounts,
        f.per_account,
        f.repeating,
        f.top,
        f.evenness,
        f.reposts,
        f.talking,
        f.alone,
        f.repeated,
        f.dispersion,
        f.peak,
        f.minutes
    );
}
