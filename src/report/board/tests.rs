//! The board read as its readers read it.

use super::*;
use crate::decide::line::{Counts, Evidence, Kind, Score, Severity, Windows};

fn limits() -> Limits {
    Limits { hashtags_max: 10, lines_max: 6, open_max: 4, top_k: 2, alerts_max: 2 }
}

fn view(hashtag: &str, posts: u64) -> HashtagView {
    let m1 = Counts { posts, ..Counts::default() };
    let windows = Windows { m1, m5: m1, h1: m1, h24: m1 };
    HashtagView { hashtag: hashtag.into(), display: hashtag.to_uppercase(), windows, ..HashtagView::default() }
}

fn tick(tick: i64, top: &[(&str, u64)], assessed: &[(&str, u64)], lines: Vec<AlertLine>) -> TickView {
    let views = |list: &[(&str, u64)]| list.iter().map(|(hashtag, posts)| view(hashtag, *posts)).collect();
    let tick = Tick(tick);
    TickView { tick, watermark: tick.end(), top: views(top), assessed: views(assessed), lines, warming: false }
}

fn line(tick: i64, id: &str, state: State, severity: Severity, coordination: i32) -> AlertLine {
    AlertLine {
        tick,
        n: 0,
        alert_id: id.into(),
        kind: Kind::CoordinatedBurst,
        state,
        severity,
        hashtag: id.into(),
        display: id.into(),
        at: String::new(),
        onset: String::new(),
        degraded: false,
        warming: false,
        suppressed: false,
        burst: Score(5_000),
        coordination: Score(coordination),
        windows: Windows::default(),
        adjusted: None,
        signals: Vec::new(),
        evidence: Evidence::default(),
        ..AlertLine::default()
    }
}

fn ids(lines: &[Arc<AlertLine>]) -> Vec<&str> {
    lines.iter().map(|line| line.alert_id.as_str()).collect()
}

#[test]
fn readers_see_one_tick_whole_and_keep_it_while_the_next_comes() {
    let board = Board::new(limits());
    assert_eq!(board.face().tick, None);
    board.publish(tick(100, &[("a", 9), ("b", 5), ("c", 1)], &[("d", 2)], vec![]));
    let held = board.face();
    board.publish(tick(101, &[("e", 7)], &[], vec![]));
    let names = |face: &Face| face.top.iter().map(|view| view.hashtag.clone()).collect::<Vec<_>>();
    assert_eq!((held.tick, names(&held)), (Some(Tick(100)), vec!["a".to_owned(), "b".to_owned()]), "top_k is 2");
    assert_eq!((board.face().tick, names(&board.face())), (Some(Tick(101)), vec!["e".to_owned()]));
    assert_eq!(board.hashtag("d").unwrap().seen, Tick(100));
}

#[test]
fn a_hashtag_leaves_an_hour_of_event_time_after_it_was_last_seen() {
    let board = Board::new(limits());
    board.publish(tick(600, &[("a", 1)], &[("b", 1)], vec![]));
    board.publish(tick(600 + HASHTAG_TICKS_MAX - 6, &[], &[("b", 1)], vec![]));
    assert!(board.hashtag("a").is_some());
    let published = board.publish(tick(600 + HASHTAG_TICKS_MAX, &[], &[], vec![]));
    assert!(board.hashtag("a").is_none() && board.hashtag("b").is_some());
    assert_eq!((published.hashtags, published.hashtags_evicted), (1, 0), "leaving by age is not eviction");
}

#[test]
fn a_flood_of_hashtags_evicts_those_seen_longest_ago() {
    let board = Board::new(limits());
    board.publish(tick(1, &[("old", 1_000)], &[], vec![]));
    let names: Vec<String> = (0..10).map(|i| format!("t{i}")).collect();
    let flood: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let published = board.publish(tick(2, &[], &flood, vec![]));
    assert_eq!((published.hashtags, published.hashtags_evicted), (10, 1));
    assert!(board.hashtag("old").is_none());
}

#[test]
fn history_holds_the_posts_of_each_minute_and_no_more_than_an_hour() {
    let board = Board::new(limits());
    // Minute 10 ends with tick 60. Its last tick's one-minute window is that minute's posts.
    for (at, posts) in [(59, 3), (60, 4), (61, 5), (66, 6), (72, 7)] {
        board.publish(tick(at, &[("a", posts)], &[], vec![]));
    }
    assert_eq!(board.hashtag("a").unwrap().history, [(10, 4), (11, 6), (12, 7)]);
    board.publish(tick(72 + 6 * 59, &[("a", 8)], &[], vec![]));
    assert_eq!(board.hashtag("a").unwrap().history, [(12, 7), (71, 8)]);
    board.publish(tick(72 + 6 * 60, &[("a", 9)], &[], vec![]));
    assert_eq!(board.hashtag("a").unwrap().history, [(71, 8), (72, 9)]);
}

#[test]
fn ranks_are_of_the_last_tick_alone() {
    let board = Board::new(limits());
    board.publish(tick(1, &[("gone", 100)], &[], vec![]));
    let mut next = tick(2, &[("a", 5), ("b", 9)], &[("c", 1)], vec![]);
    next.assessed[0].coordination = Score(4_000);
    board.publish(next);
    let ranked = |order, limit| board.ranked(order, limit).into_iter().map(|e| e.view.hashtag).collect::<Vec<_>>();
    assert_eq!(ranked(Order::Posts, 10), ["b", "a", "c"]);
    assert_eq!(ranked(Order::Coordination, 2), ["c", "b"]);
    assert_eq!(ranked(Order::Burst, 0), Vec::<String>::new());
}

#[test]
fn an_alert_stands_as_its_last_line_says() {
    let board = Board::new(limits());
    let say = |at, state| board.publish(tick(at, &[], &[], vec![line(at, "x", state, Severity::Page, 6_000)]));
    say(1, State::Pending);
    assert_eq!((board.face().open.len(), board.face().active.len()), (1, 0), "pending is open, not active");
    say(2, State::Provisional);
    say(3, State::Firing);
    board.publish(tick(4, &[], &[], vec![]));
    assert_eq!(board.face().open["x"].tick, 3);
    assert_eq!(ids(&board.face().active), ["x"]);
    say(5, State::Resolved);
    assert!(board.face().open.is_empty() && board.face().active.is_empty());
    assert_eq!(board.face().lines.len(), 4, "its lines stay readable");
}

#[test]
fn what_is_suppressed_or_warming_is_open_but_not_active() {
    let board = Board::new(limits());
    let mut suppressed = line(1, "s", State::Firing, Severity::Page, 1);
    suppressed.suppressed = true;
    let mut warming = line(1, "w", State::Firing, Severity::Page, 1);
    warming.warming = true;
    board.publish(tick(1, &[], &[], vec![suppressed, warming]));
    assert_eq!((board.face().open.len(), board.face().active.len()), (2, 0));
}

#[test]
fn over_alerts_max_the_most_severe_and_highest_stay_and_each_other_counts_once() {
    let board = Board::new(limits());
    let firing = |id, severity, coordination| line(1, id, State::Firing, severity, coordination);
    let lines = vec![
        firing("low", Severity::Page, 5_000),
        firing("info", Severity::Info, 9_900),
        firing("high", Severity::Page, 7_000),
    ];
    assert_eq!(board.publish(tick(1, &[], &[], lines)).alerts_over, 1);
    assert_eq!(ids(&board.face().active), ["high", "low"]);
    assert_eq!(board.publish(tick(2, &[], &[], vec![])).alerts_over, 0);
    let again = board.publish(tick(3, &[], &[], vec![firing("higher", Severity::Page, 8_000)]));
    assert_eq!(again.alerts_over, 1, "`low` went over now, `info` was counted before");
    assert_eq!(ids(&board.face().active), ["higher", "high"]);
}

#[test]
fn lines_and_open_alerts_are_bounded() {
    let board = Board::new(limits());
    for at in 0..20 {
        let id = format!("a{at:02}");
        let severity = if at == 0 { Severity::Page } else { Severity::Info };
        board.publish(tick(at, &[], &[], vec![line(at, &id, State::Firing, severity, 1)]));
    }
    let face = board.face();
    assert_eq!(face.lines.iter().map(|line| line.tick).collect::<Vec<_>>(), [14, 15, 16, 17, 18, 19]);
    assert_eq!(face.open.keys().collect::<Vec<_>>(), ["a00", "a17", "a18", "a19"], "a page outlives newer infos");
}

#[test]
fn recalled_lines_are_open_before_the_first_tick() {
    let board = Board::new(limits());
    board.recall([
        line(1, "x", State::Firing, Severity::Page, 1),
        line(2, "y", State::Firing, Severity::Page, 1),
        line(3, "x", State::Resolved, Severity::Page, 1),
    ]);
    assert_eq!(board.face().open.keys().collect::<Vec<_>>(), ["y"]);
    assert_eq!(board.face().tick, None);
}

#[test]
fn readers_in_the_middle_of_reading_do_not_hold_up_the_writer() {
    let board = Arc::new(Board::new(limits()));
    board.publish(tick(1, &[("a", 1)], &[], vec![]));
    let held: Vec<_> = (0..100).map(|_| board.face()).collect();
    let entry = board.hashtag("a");
    // Were a reader's lock held, this would not return.
    for at in 2..500 {
        board.publish(tick(at, &[("a", 1), ("b", 1)], &[], vec![]));
    }
    assert!(held.iter().all(|face| face.tick == Some(Tick(1))));
    assert_eq!(entry.unwrap().seen, Tick(1));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let board = Arc::clone(&board);
            std::thread::spawn(move || {
                let mut last = Tick(0);
                while last < Tick(999) {
                    let face = board.face();
                    let now = face.tick.unwrap();
                    assert!(now >= last && face.watermark == now.end(), "a face is of one tick");
                    last = now;
                    board.ranked(Order::Posts, 10);
                }
            })
        })
        .collect();
    for at in 500..1_000 {
        board.publish(tick(at, &[("a", 1), ("b", 1)], &[], vec![line(at, "x", State::Firing, Severity::Page, 1)]));
    }
    for reader in readers {
        reader.join().unwrap();
    }
}

/// Fresher rows of the same tick take the place of those before; a row that was counted at an earlier tick is not to stay.
#[test]
fn what_left_the_top_within_a_tick_is_not_ranked_with_it() {
    let board = Board::new(limits());
    let ranked = || board.ranked(Order::Posts, 10).into_iter().map(|entry| entry.view.hashtag).collect::<Vec<_>>();
    board.publish(tick(5, &[("old", 9), ("new", 1)], &[("assessed", 3)], vec![]));
    assert_eq!(ranked(), ["old", "assessed", "new"]);
    board.publish(tick(5, &[("new", 2)], &[], vec![]));
    assert_eq!(ranked(), ["assessed", "new"]);
}
