//! One crowd on one hashtag: an endless conversation of one kind, in time order. Scenarios are made of these.

use std::collections::VecDeque;
use std::sync::Arc;

use super::accounts::{Account, Cast, Register, Who};
use super::arrivals::{Arrivals, Clumps, Curve};
use super::names;
use super::post::{SimPost, Tags, account_name};
use super::random::{Random, Zipf};
use super::words::{Lang, WORLD, Words};

/// Originals that may still be reposted or answered.
const RECENT_MAX: usize = 200;

/// How a crowd writes. Shares are of all posts unless said otherwise.
#[derive(Clone)]
pub(crate) struct Voice {
    /// The hashtag, as most spell it, and further spellings of it that one in twelve uses.
    pub hashtag: &'static [&'static str],
    /// Share of originals that carry the hashtag alone.
    pub alone: f64,
    /// Half of the other hashtags of those that do not; the rest, or all, is whatever the population talks about.
    pub companions: &'static [&'static str],
    pub langs: &'static [Lang],
    pub repost: f64,
    /// Share of reposts that repeat a pinned post.
    pub pinned: f64,
    pub reply: f64,
    /// Share of originals that mention an account (replies always do).
    pub mention: f64,
    /// Share of originals with a link, and among how many links they choose (0: each its own).
    pub link: f64,
    pub links: u64,
    /// Share of originals that are a short exclamation, and which.
    pub cry: f64,
    pub cries: &'static [&'static str],
    /// Share of originals that use a prepared wording, how many there are, and the share that adds words of its own.
    pub wording: f64,
    pub wordings: u64,
    pub edited: f64,
}

impl Voice {
    /// Ordinary conversation.
    pub const PEOPLE: Voice = Voice {
        hashtag: &[],
        alone: 0.35,
        companions: &[],
        langs: WORLD,
        repost: 0.4,
        pinned: 0.0,
        reply: 0.16,
        mention: 0.22,
        link: 0.18,
        links: 0,
        cry: 0.0,
        cries: &[],
        wording: 0.0,
        wordings: 0,
        edited: 0.0,
    };
}

/// A post that others repeat or answer.
#[derive(Clone)]
pub(crate) struct Original {
    pub ts: i64,
    pub id: u64,
    pub account: u64,
    pub text: Arc<str>,
    pub hashtags: Tags,
    pub lang: Lang,
}

/// What a crowd does, when, and who is in it.
pub(crate) struct Plan {
    pub curve: Curve,
    pub clumps: Clumps,
    pub who: Who,
    pub voice: Voice,
    pub pinned: Vec<Original>,
    pub coordinated: bool,
}

/// Hands out ids: milliseconds since 2000 in 44 bits, the stream, and a count within the millisecond.
pub(crate) struct Ids {
    stream: u8,
    last: (i64, u64),
}

impl Ids {
    pub fn new(stream: u8) -> Ids {
        Ids { stream, last: (i64::MIN, 0) }
    }

    /// The id of the next post of this stream, at `ts`. Times must not fall.
    pub fn next(&mut self, ts: i64) -> u64 {
        self.last = if self.last.0 == ts { (ts, self.last.1 + 1) } else { (ts, 0) };
        let since = (ts - crate::model::EventTime::FIRST.0) as u64 & ((1 << 44) - 1);
        since << 20 | u64::from(self.stream) << 12 | (self.last.1 & 0xfff)
    }
}

/// The stream of a crowd's posts.
pub(crate) struct Crowd {
    random: Random,
    arrivals: Arrivals,
    cast: Cast,
    voice: Voice,
    pinned: Vec<Original>,
    coordinated: bool,
    words: Words,
    wordings: Vec<String>,
    others: Zipf,
    recent: VecDeque<Original>,
    ids: Ids,
}

impl Crowd {
    /// `stream` must be unique within a scenario: it seeds the crowd and marks its ids.
    pub fn new(seed: u64, stream: u8, register: Register, plan: Plan) -> Crowd {
        let mut random = Random::new(seed, u64::from(stream));
        let words = Words::new();
        let wordings = (0..plan.voice.wordings)
            .map(|i| {
                let mut text = String::new();
                let lang = plan.voice.langs[i as usize % plan.voice.langs.len()];
                words.sentence(&mut random, lang, 9, 16, &mut text);
                text
            })
            .collect();
        Crowd {
            random,
            arrivals: Arrivals::new(plan.curve, plan.clumps),
            cast: Cast::new(register, plan.who),
            voice: plan.voice,
            pinned: plan.pinned,
            coordinated: plan.coordinated,
            words,
            wordings,
            others: Zipf::shifted(50_000, 1.05, 200),
            recent: VecDeque::new(),
            ids: Ids::new(stream),
        }
    }

    fn post(
        &self,
        ts: i64,
        id: u64,
        account: Account,
        what: &Original,
        repost: bool,
        reply_to: Option<u64>,
    ) -> SimPost {
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
            coordinated: self.coordinated,
        }
    }

    /// A post to repeat: pinned, or recent with the older (who had more time to be noticed) more likely.
    fn target(&mut self, ts: i64) -> Option<Original> {
        let there = self.pinned.partition_point(|original| original.ts < ts) as u64;
        if there > 0 && (self.recent.is_empty() || self.random.chance(self.voice.pinned)) {
            let reach = 1 + self.random.below(there);
            return Some(self.pinned[self.random.below(reach) as usize].clone());
        }
        let reach = 1 + self.random.below((self.recent.len() as u64).max(1));
        let index = self.random.below(reach) as usize;
        self.recent.get(index).cloned()
    }

    fn hashtags(&mut self) -> Tags {
        let spellings = self.voice.hashtag;
        let main = if self.random.chance(1.0 / 12.0) { self.random.choose(spellings) } else { spellings[0] };
        let mut tags: Vec<Arc<str>> = vec![Arc::from(main)];
        if !self.random.chance(self.voice.alone) {
            for _ in 0..1 + self.random.below(2) {
                let tag: Arc<str> = if self.voice.companions.is_empty() || self.random.chance(0.5) {
                    let mut name = String::new();
                    names::hashtag(self.others.draw(&mut self.random), &mut name);
                    Arc::from(name)
                } else {
                    Arc::from(self.random.choose(self.voice.companions))
                };
                if !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
        }
        Arc::from(tags)
    }

    fn original(&mut self, ts: i64, id: u64, account: u64, answered: Option<u64>) -> Original {
        let langs = self.voice.langs;
        let lang = langs[account as usize % langs.len()];
        let hashtags = self.hashtags();
        let mut text = String::new();
        match answered {
            Some(other) => text.extend(["@", &account_name(other), " "]),
            None if self.random.chance(self.voice.mention) => {
                let other = self.random.below(1 << 48);
                text.extend(["@", &account_name(other), " "]);
            }
            None => {}
        }
        self.say(lang, &mut text);
        for tag in hashtags.iter() {
            text.extend([" #", tag]);
        }
        if self.random.chance(self.voice.link) {
            let link = if self.voice.links == 0 {
                self.random.below(1 << 40)
            } else {
                let reach = 1 + self.random.below(self.voice.links);
                self.random.below(reach)
            };
            text.push_str(&format!(" https://news{}.example/{:x}/{link:x}", link % 7, self.ids.stream));
        }
        Original { ts, id, account, text: Arc::from(text), hashtags, lang }
    }

    fn say(&mut self, lang: Lang, text: &mut String) {
        let dice = self.random.unit();
        if dice < self.voice.wording {
            let reach = 1 + self.random.below(self.voice.wordings);
            text.push_str(&self.wordings[self.random.below(reach) as usize]);
            if self.random.chance(self.voice.edited) {
                text.push(' ');
                self.words.sentence(&mut self.random, lang, 1, 4, text);
            }
        } else if dice < self.voice.wording + self.voice.cry {
            text.push_str(self.random.choose(self.voice.cries));
        } else {
            self.words.text(&mut self.random, lang, text);
        }
    }
}

impl Iterator for Crowd {
    type Item = SimPost;

    fn next(&mut self) -> Option<SimPost> {
        let ts = self.arrivals.next(&mut self.random)?;
        let account = self.cast.next(&mut self.random);
        let id = self.ids.next(ts);
        let dice = self.random.unit();
        if dice < self.voice.repost
            && let Some(target) = self.target(ts)
        {
            return Some(self.post(ts, id, account, &target, true, None));
        }
        let answered = if dice >= 1.0 - self.voice.reply { self.target(ts) } else { None };
        let reply_to = answered.as_ref().map(|original| original.id);
        let original = self.original(ts, id, account.id, answered.map(|original| original.account));
        let post = self.post(ts, id, account, &original, false, reply_to);
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(original);
        Some(post)
    }
}
