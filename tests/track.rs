//! Properties of the panes: state depends on which posts fell into a pane and on nothing else, and every window says
//! what a twin that keeps all mentions says.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the functions with #[test]")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use tagwatch::assess::top::TopRow;
use tagwatch::config::Windows;
use tagwatch::model::{EventTime, Mention, MentionBatch, TagHash, Tick, mention};
use tagwatch::track::Shard;
use tagwatch::track::gather::{Gathered, PIONEERS};
use tagwatch::track::ladder::{HOUR, MINUTE, Window, floor};
use tagwatch::track::merge::{SAMPLE, regroup, without_small};
use tagwatch::track::pane::{AccountRow, Pane};
use tagwatch::track::shard::Closing;
use tagwatch::track::usual::Usuals;

const WINDOWS: Windows = Windows {
    baseline_days: 28,
    row_posts_min: 20,
    hour_sample_accounts_min: 20,
    hour_total_accounts_below: 5,
    actions_max: 1_000,
};
const BUDGET: usize = 1 << 34;
/// The first tick of the stories; no multiple of an hour.
const START: i64 = 150_000_000 + 7;

/// What a story is made of.
#[derive(Clone, Copy, Debug)]
struct Story {
    seed: u64,
    mentions: usize,
    hashtags: u64,
    accounts: u64,
    /// Ticks from the first mention to the last.
    ticks: u64,
    /// Part of the ticks, in eighths, at which nothing happens.
    silence: u64,
}

/// A mention as the twin keeps it.
#[derive(Clone, Debug)]
struct Said {
    tag: u64,
    tick: i64,
    spelling: u8,
    mention: Mention,
}

/// SplitMix64: uniform and distinct, as keyed hashes are.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Story {
    /// Its mentions in order of time; one in thirty stands there twice.
    fn tell(&self) -> Vec<Said> {
        let mut all: Vec<Said> = Vec::new();
        for n in 0..self.mentions as u64 {
            let random = |what: u64, below: u64| mix(self.seed ^ mix(n * 16 + what)) % below;
            let mut tick = START + random(0, self.ticks) as i64;
            if mix(self.seed ^ tick as u64) % 8 < self.silence {
                tick = floor(tick, 64); // whoever falls into silence speaks together
            }
            let tick = tick.max(START);
            // Squares of uniform numbers: a few hashtags and accounts have most.
            let skewed = |what, below: u64| (random(what, below) * random(what + 1, below)) / below;
            let tag = mix(skewed(1, self.hashtags) + 1);
            let repost = random(3, 3) == 0;
            let flags = if repost { mention::FLAG_REPOST } else { (random(4, 16) as u8) << 1 };
            let mention = Mention {
                post: mix(self.seed.rotate_left(7) ^ n),
                account: mix(0xacc0 + skewed(5, self.accounts)),
                second: ((tick - 1) * 10) as u32 + random(7, 10) as u32,
                text: random(8, 50) as u32,
                link: random(9, 5) as u32,
                repost: if repost { random(10, 9) as u32 + 1 } else { 0 },
                tags: random(11, 7) as u32,
                client: random(12, 4) as u32,
                spelling: 0,
                created_day: random(13, 900) as u16,
                flags,
            };
            let said = Said { tag, tick, spelling: random(14, 4) as u8, mention };
            if random(15, 30) == 0 {
                all.push(said.clone());
            }
            all.push(said);
        }
        all.sort_by_key(|said| (said.tick, said.mention.second));
        all
    }
}

fn stories() -> impl Strategy<Value = Story> {
    (any::<u64>(), 1_usize..4_000, 1_u64..30, 1_u64..3_000, 1_u64..2_000, 0_u64..8).prop_map(
        |(seed, mentions, hashtags, accounts, ticks, silence)| Story {
            seed,
            mentions,
            hashtags,
            accounts,
            ticks,
            silence,
        },
    )
}

fn shard() -> Shard {
    let mut shard = Shard::new(WINDOWS, BUDGET);
    shard.watched(EventTime((START - 1) * 10_000));
    shard
}

/// Counts mentions; how many hashtags were let go of for it.
fn apply(shard: &mut Shard, said: &[Said]) -> u64 {
    let mut batch = MentionBatch::default();
    for one in said {
        let name = format!("tag{:x}", one.tag);
        let display = if one.spelling == 0 { name.clone() } else { format!("{name}#{}", one.spelling) };
        batch.push(TagHash(one.tag), Tick(one.tick), &name, &display, true, one.mention);
    }
    shard.apply(&batch).evicted
}

/// Closes everything due up to `tick`.
fn close_to(shard: &mut Shard, tick: i64) -> Vec<Closing> {
    let mut closings = Vec::new();
    while let Some(due) = shard.next_due(Tick(tick).end()) {
        closings.push(shard.close(due));
    }
    closings
}

/// Level, end and bytes of all panes that closed, and the rows.
fn bytes(closings: &[Closing]) -> BTreeMap<(u8, i64), Vec<u8>> {
    let mut all = BTreeMap::new();
    for closing in closings {
        for (level, end, pane) in &closing.panes {
            all.insert((*level, *end), postcard::to_stdvec(pane.as_ref()).unwrap());
        }
        if let Some((end, rows)) = &closing.rows {
            all.insert((3, *end), postcard::to_stdvec(rows).unwrap());
        }
    }
    all
}

fn end_of(said: &[Said]) -> i64 {
    said.iter().map(|one| one.tick).max().unwrap_or(START) + 2 * HOUR
}

/// Shuffles by hash.
fn shuffled(said: &[Said], seed: u64) -> Vec<Said> {
    let mut order: Vec<usize> = (0..said.len()).collect();
    order.sort_by_key(|at| mix(seed ^ *at as u64));
    order.into_iter().map(|at| said[at].clone()).collect()
}

/// The mentions that count: each post of a hashtag once in its pane.
fn without_duplicates(said: &[Said]) -> Vec<Said> {
    let mut seen = BTreeSet::new();
    said.iter().filter(|one| seen.insert((one.tag, one.mention.post))).cloned().collect()
}

/// Compares a window with the mentions that should be in it.
fn check_window(name: &str, found: &Gathered, said: &[&Said], full_sample: bool) {
    let mentions: Vec<Mention> = said.iter().map(|one| one.mention).collect();
    let reposts = mentions.iter().filter(|m| !m.is_original()).count() as u64;
    assert_eq!((found.posts, found.reposts), (mentions.len() as u64, reposts), "{name}: posts and reposts");
    let first = mentions.iter().map(|m| m.second).min().unwrap_or(u32::MAX);
    assert_eq!(found.first_second, first, "{name}: first second");
    let mut seconds: HashMap<(u32, bool), u64> = HashMap::new();
    mentions.iter().for_each(|m| *seconds.entry((m.second, m.is_original())).or_default() += 1);
    let square = |original| seconds.iter().filter(|((_, o), _)| *o == original).map(|(_, n)| n * n).sum::<u64>();
    assert_eq!(found.squares, [square(true), square(false)], "{name}: squares");

    let mut sampled: Vec<Mention> = mentions.iter().filter(|m| m.post <= found.mention_cut).copied().collect();
    sampled.sort_unstable_by_key(|m| m.post);
    let plain = |m: &Mention| Mention { spelling: 0, ..*m };
    assert_eq!(found.mentions.iter().map(plain).collect::<Vec<_>>(), sampled, "{name}: mention sample");
    let mut rows: BTreeMap<u64, AccountRow> = BTreeMap::new();
    for m in &mentions {
        let row = AccountRow::of(m);
        rows.entry(m.account).and_modify(|known| known.absorb(&row)).or_insert(row);
    }
    let expected: Vec<AccountRow> = rows.values().filter(|row| row.account <= found.account_cut).copied().collect();
    assert_eq!(found.accounts, expected, "{name}: account sample");
    if full_sample {
        assert_eq!(found.mentions.len(), mentions.len().min(SAMPLE), "{name}: size of the mention sample");
        assert_eq!(found.accounts.len(), rows.len().min(SAMPLE), "{name}: size of the account sample");
    }
    let distinct = found.distinct_accounts() as f64;
    let error = if found.account_cut == u64::MAX { 0.0 } else { 0.09 * rows.len() as f64 };
    assert!((distinct - rows.len() as f64).abs() <= error, "{name}: {distinct} accounts of {}", rows.len());

    let mut firsts: BTreeMap<u64, u32> = BTreeMap::new();
    for m in mentions.iter().filter(|m| m.is_original()) {
        firsts.entry(m.account).and_modify(|second| *second = m.second.min(*second)).or_insert(m.second);
    }
    let mut pioneers: Vec<(u32, u64)> = firsts.into_iter().map(|(account, second)| (second, account)).collect();
    pioneers.sort_unstable();
    pioneers.truncate(PIONEERS);
    assert_eq!(found.pioneers, pioneers, "{name}: pioneers");
}

/// What of a hashtag's mentions the windows of closed hours still know.
fn in_hours<'a>(said: &[&'a Said], tick: i64, hours: i64) -> Vec<&'a Said> {
    let (minute, hour) = (floor(tick, MINUTE), floor(tick, HOUR));
    let stands = |one: &Said| one.tick > minute - HOUR;
    let end_of_hour = |one: &Said| floor(one.tick + HOUR - 1, HOUR);
    let mut accounts: HashMap<i64, BTreeSet<u64>> = HashMap::new();
    said.iter().for_each(|one| {
        accounts.entry(end_of_hour(one)).or_default().insert(one.mention.account);
    });
    let mut kept = Vec::new();
    for one in said.iter().filter(|one| one.tick <= tick && one.tick > hour - hours * HOUR) {
        let end = end_of_hour(one);
        if end > hour || accounts[&end].len() as u64 >= u64::from(WINDOWS.hour_total_accounts_below) || stands(one) {
            kept.push(*one);
        }
    }
    kept
}

/// Compares every window of every hashtag at a tick that just closed.
fn check_windows(shard: &Shard, said: &[Said], tick: i64) {
    let tags: BTreeSet<u64> = said.iter().map(|one| one.tag).collect();
    for tag in tags {
        let own: Vec<&Said> = said.iter().filter(|one| one.tag == tag && one.tick <= tick).collect();
        let after = |after: i64| own.iter().filter(|one| one.tick > after).copied().collect::<Vec<_>>();
        let ladder = shard.ladder();
        check_window("1m", &ladder.window(tag, tick, Window::M1), &after(tick - MINUTE), true);
        check_window("5m", &ladder.window(tag, tick, Window::M5), &after(tick - 5 * MINUTE), true);
        let minute = floor(tick, MINUTE);
        let hour = ladder.window(tag, tick, Window::Minutes(60));
        check_window("1h", &hour, &after(minute - HOUR), true);
        let (three, day) = ladder.hours(tag, tick, 3, 24);
        check_window("3h", &three, &in_hours(&own, tick, 3), false);
        check_window("24h", &day, &in_hours(&own, tick, 24), false);
        if let Some(TopRow { windows, .. }) = tagwatch::assess::report::overview(shard, tag, tick) {
            let all = [&windows.m1, &windows.m5, &windows.h1, &windows.h24];
            for pair in all.windows(2) {
                assert!(pair[0].posts <= pair[1].posts, "a window counts less posts than a shorter one: {windows:?}");
                assert!(pair[0].accounts <= pair[1].accounts, "a window counts less accounts: {windows:?}");
            }
        }
    }
}

fn usuals_of(usuals: &Usuals) -> BTreeMap<u64, (u32, u32, u32)> {
    usuals.iter().map(|(tag, usual)| (tag, (usual.m5, usual.h1, usual.h24))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_batches_give_the_same_bytes(story in stories(), seed: u64, size in 1_usize..700) {
        let said = story.tell();
        let mut plain = shard();
        apply(&mut plain, &said);
        let expected = bytes(&close_to(&mut plain, end_of(&said)));
        let mut other = shard();
        for part in shuffled(&said, seed).chunks(size) {
            apply(&mut other, part);
        }
        prop_assert!(bytes(&close_to(&mut other, end_of(&said))) == expected);
        // And closing on the way: every mention comes before its tick closes, nothing else counts.
        let mut eager = shard();
        let mut closings = Vec::new();
        for part in said.chunk_by(|a, b| a.tick == b.tick) {
            closings.extend(close_to(&mut eager, part[0].tick - 1));
            apply(&mut eager, &shuffled(part, seed));
        }
        closings.extend(close_to(&mut eager, end_of(&said)));
        prop_assert!(bytes(&closings) == expected);
    }

    #[test]
    fn shards_regrouped_are_the_one_shard(story in stories(), shards in 2_u64..6) {
        let said = story.tell();
        let mut one = shard();
        apply(&mut one, &said);
        let whole = close_to(&mut one, end_of(&said));
        let mut parts: BTreeMap<(u8, i64), Vec<Pane>> = BTreeMap::new();
        for index in 0..shards {
            let mut part = shard();
            apply(&mut part, &said.iter().filter(|one| one.tag % shards == index).cloned().collect::<Vec<_>>());
            for (level, end, pane) in close_to(&mut part, end_of(&said)).into_iter().flat_map(|c| c.panes) {
                parts.entry((level, end)).or_default().push(pane.as_ref().clone());
            }
        }
        for (level, end, pane) in whole.iter().flat_map(|closing| &closing.panes) {
            let of: Vec<&Pane> = parts.get(&(*level, *end)).map_or(Vec::new(), |of| of.iter().collect());
            prop_assert!(&regroup(&of, |_| true, true) == pane.as_ref(), "level {level}, end {end}");
            let (small, gone) = without_small(pane, 3);
            prop_assert_eq!(small.len() as u64 + gone, pane.len() as u64);
            prop_assert!(small.iter().all(|view| view.posts() >= 3));
        }
    }

    #[test]
    fn windows_say_what_a_twin_that_keeps_everything_says(story in stories(), hours in 0_u64..30) {
        let story = Story { mentions: story.mentions.min(1_500), ticks: story.ticks + hours * 360, ..story };
        let said = without_duplicates(&story.tell());
        let mut shard = shard();
        let mut n = 0;
        for part in story.tell().chunk_by(|a, b| a.tick == b.tick) {
            apply(&mut shard, part);
            while let Some(due) = shard.next_due(Tick(part[0].tick).end()) {
                shard.close(due);
                n += 1;
                prop_assert_eq!(usuals_of(shard.usuals()), usuals_of(&Usuals::recount(shard.ladder(), due.0)));
                if n % 61 == 0 {
                    check_windows(&shard, &said, due.0);
                }
            }
        }
        let tick = shard.closed_through().0;
        check_windows(&shard, &said, tick);
    }

    #[test]
    fn a_shard_restored_from_its_panes_goes_on_alike(story in stories(), cut in 0.0..1.0_f64, hours in 0_u64..30) {
        let story = Story { ticks: story.ticks + hours * 360, ..story };
        let said = story.tell();
        let mut plain = shard();
        apply(&mut plain, &said);
        let last = end_of(&said);
        let at = START + ((last - START) as f64 * cut) as i64;
        close_to(&mut plain, at);
        let tick = plain.closed_through();
        let panes = (0..3).flat_map(|level| {
            let pane = |pane: &Pane| postcard::from_bytes(&postcard::to_stdvec(pane).unwrap()).unwrap();
            plain.ladder().level(level).iter().map(move |(end, of)| (level, *end, pane(of))).collect::<Vec<_>>()
        });
        let rows: BTreeMap<i64, Vec<tagwatch::track::rows::Row>> = rows_of(&plain, &said);
        let mut restored = Shard::restore(
            WINDOWS, BUDGET, tick, plain.watched_since(), panes.collect(), rows.into_iter().collect(),
        );
        prop_assert_eq!(usuals_of(restored.usuals()), usuals_of(plain.usuals()));
        apply(&mut restored, &said); // what is closed is not counted twice
        let detect = tagwatch::config::load(tagwatch::config::Sources::of_process(None, Vec::new())).unwrap().detect;
        while let Some(due) = plain.next_due(Tick(last).end()) {
            prop_assert_eq!(restored.next_due(Tick(last).end()), Some(due));
            prop_assert!(bytes(&[plain.close(due)]) == bytes(&[restored.close(due)]), "tick {due:?}");
            let reports = [&plain, &restored].map(|of| format!("{:?}", tagwatch::assess::report(of, due, &detect)));
            prop_assert!(reports[0] == reports[1], "reports of {due:?} differ");
        }
        prop_assert_eq!(restored.next_due(Tick(last).end()), None);
    }
}

/// The rows a checkpoint would have, gathered hashtag by hashtag.
fn rows_of(shard: &Shard, said: &[Said]) -> BTreeMap<i64, Vec<tagwatch::track::rows::Row>> {
    let mut rows: BTreeMap<i64, Vec<tagwatch::track::rows::Row>> = BTreeMap::new();
    for tag in said.iter().map(|one| one.tag).collect::<BTreeSet<_>>() {
        for hour in shard.rows().of(tag) {
            let row = tagwatch::track::rows::Row { tag, posts: hour.posts, accounts: hour.accounts };
            rows.entry(hour.end).or_default().push(row);
        }
    }
    rows
}

#[test]
fn a_pane_of_many_runs_is_the_pane_of_one() {
    let story = Story { seed: 5, mentions: 90_000, hashtags: 9, accounts: 40_000, ticks: 1, silence: 0 };
    let said = story.tell();
    let close = |said: &[Said]| {
        let mut shard = shard();
        for part in said.chunks(5_000) {
            apply(&mut shard, part);
        }
        let closings = close_to(&mut shard, START);
        check_windows(&shard, &without_duplicates(said), START);
        bytes(&closings)
    };
    let expected = close(&said);
    assert_eq!(expected.len(), 1);
    assert!(close(&shuffled(&said, 77)) == expected, "another order gave another pane");
}

/// What tells duplicates cannot be let go of while its pane is open: it alone may outgrow a small budget.
#[test]
fn where_memory_runs_out_the_busiest_hashtag_stays() {
    let mut shard = Shard::new(WINDOWS, 4 << 20);
    shard.watched(EventTime((START - 1) * 10_000));
    let story = Story { seed: 6, mentions: 400_000, hashtags: 1, accounts: 300, ticks: 1, silence: 0 };
    let mut said = without_duplicates(&story.tell());
    let flood = said[0].tag;
    // Every other one is of a hashtag of its own.
    for (n, one) in said.iter_mut().enumerate().filter(|(n, _)| n % 2 == 1) {
        one.tag = mix(1 << 40 | n as u64);
    }
    let evicted: u64 = said.chunks(5_000).map(|part| apply(&mut shard, part)).sum();
    assert!(evicted > 50_000, "{evicted} evicted: the budget was never reached");
    close_to(&mut shard, START);
    let counted = shard.ladder().window(flood, START, Window::M1).posts;
    assert_eq!(counted, said.iter().filter(|one| one.tag == flood).count() as u64);
}
