//! The steady population that carries every scenario: long-lived hashtags with Zipf popularity, and a constant birth of
//! new ones, of which most stay at one to three posts and a few grow to hundreds.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use super::accounts::{Account, ORDINARY, Provenance, Register};
use super::arrivals::{Arrivals, Clumps, Curve, MINUTE};
use super::crowd::{Ids, Original};
use super::names;
use super::post::{SimPost, Tags, account_name};
use super::random::{Random, Zipf, scatter};
use super::words::{WORLD, Words};

/// Hashtags in lasting use; the first gets about one mention in 150.
const LASTING: u64 = 50_000;
/// Numbers of new hashtags start here, far above the lasting ones.
const NEW_FROM: u64 = 1 << 20;
/// So many new hashtags before a name comes again, and an odd number that scatters them.
const NEW_NAMES: u64 = 1 << 30;
const NEW_SCATTER: u64 = 0x2545_f491;
/// Share of posts that belong to new hashtags.
const NEW_SHARE: f64 = 0.3;
/// P(a new hashtag gets at least n posts) = n^-1.3, at most 250: mean 3.4 posts, 1 in 400 gets a hundred.
const NEW_TAIL: f64 = 1.3;
const NEW_POSTS_MAX: u64 = 250;
const NEW_POSTS_MEAN: f64 = 3.4;
/// Originals that may still be reposted.
const RECENT_MAX: usize = 400;

/// What both halves of the population write with.
struct Pen {
    random: Random,
    words: Words,
    people: Zipf,
    lasting: Zipf,
    register: Register,
    ids: Ids,
}

impl Pen {
    fn new(seed: u64, stream: u8, register: Register) -> Pen {
        Pen {
            random: Random::new(seed, u64::from(stream)),
            words: Words::new(),
            people: Zipf::new(400_000, 0.8),
            lasting: Zipf::shifted(LASTING, 1.05, 20),
            register,
            ids: Ids::new(stream),
        }
    }

    fn account(&mut self) -> Account {
        let index = self.people.draw(&mut self.random);
        self.register.account(ORDINARY, index, Provenance::People)
    }

    fn lasting_tag(&mut self) -> Arc<str> {
        let mut name = String::new();
        names::hashtag(self.lasting.draw(&mut self.random), &mut name);
        Arc::from(name)
    }

    fn original(&mut self, ts: i64, id: u64, account: u64, hashtags: Tags) -> Original {
        let lang = WORLD[account as usize % WORLD.len()];
        let mut text = String::new();
        if self.random.chance(0.25) {
            text.extend(["@", &account_name(self.random.below(1 << 48)), " "]);
        }
        self.words.text(&mut self.random, lang, &mut text);
        for tag in hashtags.iter() {
            text.extend([" #", tag]);
        }
        if self.random.chance(0.2) {
            text.push_str(&format!(" https://pic.example/{:x}", self.random.below(1 << 40)));
        }
        Original { ts, id, account, text: Arc::from(text), hashtags, lang }
    }
}

fn post(ts: i64, id: u64, account: Account, what: &Original, repost: bool, reply_to: Option<u64>) -> SimPost {
    SimPost {
        ts,
        id,
        account: account.id,
        text: what.text.clone(),
        hashtags: what.hashtags.clone(),
        repost_of: repost.then_some(what.id),
        reply_to,
        lang: what.lang.tag(),
        client: account.client,
        account_created: account.created,
        coordinated: false,
    }
}

/// Posts about what people always talk about; one in eight without a hashtag.
pub(crate) struct Lasting {
    pen: Pen,
    arrivals: Arrivals,
    recent: VecDeque<Original>,
}

impl Lasting {
    /// `rate` is that of the whole population in posts a second; `from` and `until` are ms since the epoch.
    pub fn new(seed: u64, stream: u8, register: Register, rate: f64, from: i64, until: i64) -> Lasting {
        let curve = Curve::Daily { mean: rate * 60.0 * (1.0 - NEW_SHARE), from, until };
        Lasting {
            pen: Pen::new(seed, stream, register),
            arrivals: Arrivals::new(curve, Clumps::PEOPLE),
            recent: VecDeque::new(),
        }
    }

    fn hashtags(&mut self) -> Tags {
        let count = match self.pen.random.below(80) {
            0..=9 => 0,
            10..=53 => 1,
            54..=69 => 2,
            70..=75 => 3,
            _ => 4 + self.pen.random.below(3),
        };
        let mut tags: Vec<Arc<str>> = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let tag = self.pen.lasting_tag();
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Arc::from(tags)
    }
}

impl Iterator for Lasting {
    type Item = SimPost;

    fn next(&mut self) -> Option<SimPost> {
        let pen = &mut self.pen;
        let ts = self.arrivals.next(&mut pen.random)?;
        let (id, account) = (pen.ids.next(ts), pen.account());
        let dice = pen.random.unit();
        let known = (dice < 0.55 && !self.recent.is_empty())
            .then(|| &self.recent[pen.random.below(self.recent.len() as u64) as usize]);
        match known {
            Some(target) if dice < 0.4 => Some(post(ts, id, account, target, true, None)),
            _ => {
                let reply_to = known.map(|target| target.id);
                let hashtags = self.hashtags();
                let original = self.pen.original(ts, id, account.id, hashtags);
                let post = post(ts, id, account, &original, false, reply_to);
                if self.recent.len() == RECENT_MAX {
                    self.recent.pop_front();
                }
                self.recent.push_back(original);
                Some(post)
            }
        }
    }
}

/// A new hashtag that still gets posts.
struct Young {
    /// Time of its next post, then its number: the order of the heap.
    at: i64,
    number: u64,
    left: u64,
    gap_ms: f64,
    first: Option<Original>,
    /// Accounts that took part, at most one a post.
    accounts: Vec<Account>,
}

impl PartialEq for Young {
    fn eq(&self, other: &Young) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Young {}

impl PartialOrd for Young {
    fn partial_cmp(&self, other: &Young) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Young {
    fn cmp(&self, other: &Young) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Posts under hashtags nobody used before. Memory: the hashtags still alive, at most 250 accounts each.
pub(crate) struct Births {
    pen: Pen,
    arrivals: Arrivals,
    next_birth: Option<i64>,
    born: u64,
    /// Another seed has other new hashtags.
    offset: u64,
    alive: BinaryHeap<Reverse<Young>>,
    until: i64,
}

impl Births {
    /// As [`Lasting::new`].
    pub fn new(seed: u64, stream: u8, register: Register, rate: f64, from: i64, until: i64) -> Births {
        let mean = rate * 60.0 * NEW_SHARE / NEW_POSTS_MEAN;
        let mut pen = Pen::new(seed, stream, register);
        let mut arrivals = Arrivals::new(Curve::Daily { mean, from, until }, Clumps::NONE);
        let next_birth = arrivals.next(&mut pen.random);
        let offset = scatter(seed) % NEW_NAMES;
        Births { pen, arrivals, next_birth, born: 0, offset, alive: BinaryHeap::new(), until }
    }

    fn birth(&mut self, at: i64) {
        let random = &mut self.pen.random;
        let left = random.pareto(NEW_TAIL, NEW_POSTS_MAX);
        // The more it gets the longer it lives: about 20 minutes for two posts, some hours for a hundred.
        let life = 20.0 * MINUTE as f64 * (left as f64).sqrt() * (0.2 + random.exponential());
        let number = self.born;
        self.born += 1;
        self.alive.push(Reverse(Young {
            at,
            number,
            left,
            gap_ms: life / left as f64,
            first: None,
            accounts: Vec::new(),
        }));
        self.next_birth = self.arrivals.next(&mut self.pen.random);
    }

    fn write(&mut self, young: &mut Young) -> SimPost {
        let pen = &mut self.pen;
        let id = pen.ids.next(young.at);
        let account = if !young.accounts.is_empty() && pen.random.chance(0.25) {
            pen.random.choose(&young.accounts)
        } else {
            let account = pen.account();
            young.accounts.push(account);
            account
        };
        match &young.first {
            Some(first) if pen.random.chance(0.45) => post(young.at, id, account, first, true, None),
            _ => {
                let mut name = String::new();
                let scattered = (self.offset + young.number).wrapping_mul(NEW_SCATTER) % NEW_NAMES;
                names::hashtag(NEW_FROM + scattered, &mut name);
                let mut tags: Vec<Arc<str>> = vec![Arc::from(name)];
                if pen.random.chance(0.4) {
                    tags.push(pen.lasting_tag());
                }
                let original = pen.original(young.at, id, account.id, Arc::from(tags));
                let post = post(young.at, id, account, &original, false, None);
                young.first.get_or_insert(original);
                post
            }
        }
    }
}

impl Iterator for Births {
    type Item = SimPost;

    fn next(&mut self) -> Option<SimPost> {
        while let Some(at) = self.next_birth
            && self.alive.peek().is_none_or(|Reverse(young)| at <= young.at)
        {
            self.birth(at);
        }
        let Reverse(mut young) = self.alive.pop()?;
        if young.at >= self.until {
            return None;
        }
        let post = self.write(&mut young);
        young.left -= 1;
        if young.left > 0 {
            // Gaps grow as attention fades.
            let fade = 0.5 + young.accounts.len() as f64 / (young.accounts.len() as u64 + young.left) as f64;
            young.at += (young.gap_ms * fade * self.pen.random.exponential()) as i64;
            self.alive.push(Reverse(young));
        }
        Some(post)
    }
}
