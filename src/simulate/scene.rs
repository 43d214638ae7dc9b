//! Puts a scenario together: streams of posts merged by time, each with its own random numbers and ids, so that adding one
//! changes no other. Only the next post of each stream is held.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::accounts::{Provenance, Register, Who};
use super::arrivals::{Clumps, Curve, MINUTE};
use super::background::{Births, Lasting};
use super::crowd::{Crowd, Ids, Original, Plan, Voice};
use super::post::SimPost;
use super::random::Random;
use super::variety::Variety;
use super::words::Words;

type Stream = Box<dyn Iterator<Item = SimPost> + Send>;

/// A scenario being put together.
pub(crate) struct Scene {
    seed: u64,
    /// Event time of the first post, ms since the epoch.
    pub start: i64,
    register: Register,
    variety: Variety,
    streams: Vec<Stream>,
}

impl Scene {
    pub fn new(seed: u64, start: i64, variety: Variety) -> Scene {
        Scene { seed, start, register: Register::new(seed, start), variety, streams: Vec::new() }
    }

    /// The factor of all rates: who wants so many posts and no other number divides by it.
    pub fn size(&self) -> f64 {
        self.variety.size
    }

    /// The time so many minutes after the start.
    pub fn minute(&self, minutes: f64) -> i64 {
        self.start + (minutes * MINUTE as f64) as i64
    }

    /// The number of the next stream.
    fn stream(&self) -> u8 {
        u8::try_from(self.streams.len()).expect("a scenario has far fewer than 256 streams")
    }

    /// The steady population at `rate` posts a second, for so many minutes.
    pub fn carrier(&mut self, rate: f64, minutes: f64) {
        let until = self.minute(minutes);
        let lasting = Lasting::new(self.seed, self.stream(), self.register, rate, self.start, until);
        self.streams.push(Box::new(lasting));
        let births = Births::new(self.seed, self.stream(), self.register, rate, self.start, until);
        self.streams.push(Box::new(births));
    }

    /// A crowd on a hashtag.
    pub fn crowd(&mut self, plan: Plan) {
        let plan = self.variety.apply(plan);
        self.streams.push(Box::new(Crowd::new(self.seed, self.stream(), self.register, plan)));
    }

    /// People on a hashtag along a curve.
    pub fn people(&mut self, curve: Curve, newcomers: f64, voice: Voice) {
        let who = Who::People { newcomers };
        self.crowd(Plan { curve, clumps: Clumps::PEOPLE, who, voice, pinned: Vec::new(), coordinated: false });
    }

    /// What a hashtag gets on ordinary days, posts an hour, from the start for so many minutes.
    pub fn ordinary_use(&mut self, hashtag: &'static [&'static str], per_hour: f64, minutes: f64) {
        let curve = Curve::Daily { mean: per_hour / 60.0, from: self.start, until: self.minute(minutes) };
        self.people(curve, 0.8, Voice { hashtag, ..Voice::PEOPLE });
    }

    /// Writes posts at the given times (ms, ascending) that crowds can then pin, each by an account of its own.
    pub fn pin(&mut self, times: &[i64], space: u8, voice: &Voice, coordinated: bool) -> Vec<Original> {
        let stream = self.stream();
        let (mut random, mut ids, words) = (Random::new(self.seed, u64::from(stream)), Ids::new(stream), Words::new());
        let mut posts = Vec::new();
        let mut originals = Vec::new();
        for (i, &ts) in times.iter().enumerate() {
            let account = self.register.account(space, i as u64, Provenance::People);
            let (id, lang) = (ids.next(ts), voice.langs[i % voice.langs.len()]);
            let mut text = String::new();
            words.sentence(&mut random, lang, 8, 14, &mut text);
            text.push_str(&format!(" #{} https://news{i}.example/{stream:x}/first", voice.hashtag[0]));
            let text: Arc<str> = Arc::from(text);
            let hashtags = Arc::from([Arc::from(voice.hashtag[0])]);
            let original = Original { ts, id, account: account.id, text, hashtags, lang };
            posts.push(SimPost {
                ts,
                id,
                account: account.id,
                text: original.text.clone(),
                hashtags: original.hashtags.clone(),
                repost_of: None,
                reply_to: None,
                lang: lang.tag(),
                client: account.client,
                account_created: account.created,
                coordinated,
            });
            originals.push(original);
        }
        self.streams.push(Box::new(posts.into_iter()));
        originals
    }

    /// All streams as one, in time order.
    pub fn merge(self) -> Merge {
        let mut streams = self.streams;
        let mut heads = BinaryHeap::new();
        for (i, stream) in streams.iter_mut().enumerate() {
            if let Some(post) = stream.next() {
                heads.push(Reverse(Head { ts: post.ts, stream: i, post: Box::new(post) }));
            }
        }
        Merge { streams, heads }
    }
}

/// The next post of a stream. Ordered by time, then stream.
struct Head {
    ts: i64,
    stream: usize,
    post: Box<SimPost>,
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> std::cmp::Ordering {
        (self.ts, self.stream).cmp(&(other.ts, other.stream))
    }
}

/// Streams merged by time.
pub(crate) struct Merge {
    streams: Vec<Stream>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl Iterator for Merge {
    type Item = SimPost;

    fn next(&mut self) -> Option<SimPost> {
        let mut top = self.heads.peek_mut()?;
        let stream = top.0.stream;
        match self.streams[stream].next() {
            Some(next) => {
                top.0.ts = next.ts;
                Some(std::mem::replace(&mut *top.0.post, next))
            }
            None => {
                let Reverse(head) = std::collections::binary_heap::PeekMut::pop(top);
                Some(*head.post)
            }
        }
    }
}
