//! The memory of crowds cannot be poisoned: a crew lures the members of a small club, whose crowd is the most alike from one
//! evening to the next, into three pushes; then the club meets. Nothing is called that would not be called without.

use tagwatch::simulate::{CALLS_COORDINATED, listed};

use super::{Story, config, each, options};

#[test]
fn luring_a_club_into_pushes_gains_no_alert_on_it() {
    let config = config();
    let seeds: Vec<u64> = (1..=20).collect();
    let pairs = each(&seeds, |seed| {
        ["club", "lured"].map(|name| Story::of(name, "lowtidelistening", &options(name, *seed, true), &config))
    });
    let called = |story: &Story| {
        let mut lines = story.lines.iter();
        lines.any(|line| line.state.as_str() == "firing" && CALLS_COORDINATED.contains(&line.kind.as_str()))
    };
    let most = |story: &Story| story.scores.iter().map(|(_, score, _)| *score).fold(0.0, f64::max);
    let (mut raised, mut gained) = (0, Vec::new());
    for (seed, [without, with]) in seeds.iter().zip(&pairs) {
        println!("seed {seed}: highest score {} without the attack, {} with it", most(without), most(with));
        gained.extend((called(with) && !called(without)).then_some(*seed));
        raised += usize::from(most(with) > most(without));
    }
    assert!(gained.is_empty(), "alerts gained under seeds {gained:?}");
    // The attack is one only if the memory takes the bait: of most clubs too few are remembered to move the score at all.
    assert!(raised * 4 > seeds.len(), "the members are remembered in {raised} runs only");
}

#[test]
fn the_baits_are_seen_as_what_they_are() {
    let baits = listed("lured").unwrap().aside;
    assert_eq!(baits.len(), 3);
    let story = Story::of("lured", "tenthingsilike", &options("lured", 1, false), &config());
    assert!(
        story.lines.iter().any(|line| line.kind.as_str() == "coordinated_burst"),
        "the memory learns from no other"
    );
}
