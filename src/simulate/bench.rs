//! The population of the benches: fast to generate, hard on the pipeline. Hashtags Zipf(1.1) over a million names, accounts
//! Zipf(0.8) over two million, 1.75 hashtags and about 380 bytes a post, nine languages, quotes and line ends to unescape.

use std::sync::Arc;

use super::accounts::{ORDINARY, Provenance, Register};
use super::crowd::Ids;
use super::names;
use super::post::SimPost;
use super::random::{Random, Zipf};
use super::words::{Lang, WORLD, Words};

/// An endless stream at a steady rate.
pub(crate) struct Bench {
    random: Random,
    words: Words,
    tags: Zipf,
    accounts: Zipf,
    register: Register,
    ids: Ids,
    at_ms: f64,
    gap_ms: f64,
    /// What the last posts said, to repeat.
    recent: Vec<SimPost>,
    written: usize,
}

const RECENT_MAX: usize = 64;

impl Bench {
    /// `rate` is posts a second of event time, from `start` (ms since the epoch) on.
    pub fn new(seed: u64, start: i64, rate: f64) -> Bench {
        Bench {
            random: Random::new(seed, 0xbe),
            words: Words::new(),
            tags: Zipf::new(1_000_000, 1.1),
            accounts: Zipf::new(2_000_000, 0.8),
            register: Register::new(seed, start),
            ids: Ids::new(0xbe),
            at_ms: start as f64,
            gap_ms: 1000.0 / rate,
            recent: Vec::with_capacity(RECENT_MAX),
            written: 0,
        }
    }

    fn hashtags(&mut self) -> Vec<Arc<str>> {
        // 1 to 4 with mean 1.76, about 1.75 distinct.
        let count = match self.random.below(100) {
            0..=49 => 1,
            50..=79 => 2,
            80..=93 => 3,
            _ => 4,
        };
        let mut tags: Vec<Arc<str>> = Vec::with_capacity(count);
        let mut name = String::new();
        for _ in 0..count {
            name.clear();
            names::hashtag(self.tags.draw(&mut self.random), &mut name);
            if !tags.iter().any(|tag| **tag == *name) {
                tags.push(Arc::from(name.as_str()));
            }
        }
        tags
    }

    fn text(&mut self, lang: Lang, tags: &[Arc<str>]) -> Arc<str> {
        let mut text = String::with_capacity(256);
        self.words.text(&mut self.random, lang, &mut text);
        if text.len() < 150 {
            text.push(' ');
            self.words.sentence(&mut self.random, lang, 8, 12, &mut text);
        }
        for tag in tags {
            text.extend([" #", tag]);
        }
        if self.random.chance(0.2) {
            text.push_str(&format!(" https://pic.example/{:x}", self.random.below(1 << 40)));
        }
        Arc::from(text)
    }
}

impl Iterator for Bench {
    type Item = SimPost;

    fn next(&mut self) -> Option<SimPost> {
        self.at_ms += self.gap_ms * self.random.exponential();
        let ts = self.at_ms as i64;
        let index = self.accounts.draw(&mut self.random);
        let account = self.register.account(ORDINARY, index, Provenance::People);
        let lang = WORLD[account.id as usize % WORLD.len()];
        let mut post = SimPost {
            ts,
            id: self.ids.next(ts),
            account: account.id,
            text: Arc::from(""),
            hashtags: Arc::from([]),
            repost_of: None,
            reply_to: None,
            lang: lang.tag(),
            client: account.client,
            account_created: account.created,
            coordinated: false,
        };
        if self.recent.len() == RECENT_MAX && self.random.chance(0.35) {
            let target = &self.recent[self.random.below(RECENT_MAX as u64) as usize];
            (post.text, post.hashtags, post.lang) = (target.text.clone(), target.hashtags.clone(), target.lang);
            post.repost_of = Some(target.id);
            return Some(post);
        }
        let tags = self.hashtags();
        post.text = self.text(lang, &tags);
        post.hashtags = Arc::from(tags);
        if self.recent.len() < RECENT_MAX {
            self.recent.push(post.clone());
        } else {
            self.recent[self.written % RECENT_MAX] = post.clone();
        }
        self.written += 1;
        Some(post)
    }
}
