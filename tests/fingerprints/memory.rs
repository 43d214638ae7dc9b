//! The memory of crowds cannot be poisoned: a crew lures the members of a small club, whose crowd is the most alike from one
//! evening to the next, into three pushes; then the club meets. Nothing is called that would not be called without.

use tagwatch::simulate::{CALLS_COORDINATED, listed};

use super::{Story, config, each, options};

#[test]
fn luring_a_club_into_pushes_gains_no_alert_on_it() {
    let config = config();
    // Points from a tenth known on: what is remembered must show, wherever the shipped ramp begins.
    let mut eager = config.clone();
    let ramp = eager.detect.signals.get_mut("overlap").unwrap();
    (ramp.from, ramp.to) = (0.10, 0.40);
    let seeds: Vec<u64> = (1..=20).collect();
    let plays = each(&seeds, |seed| {
        [("club", &config), ("lured", &config), ("lured", &eager)]
            .map(|(name, config)| Story::of(name, "lowtidelistening", &options(name, *seed, true), config))
    });
    let called = |story: &Story| {
        let mut lines = story.lines.iter();
        lines.any(|line| line.state.as_str() == "firing" && CALLS_COORDINATED.contains(&line.kind.as_str()))
    };
    let most = |story: &Story| story.scores.iter().map(|(_, score, _)| *score).fold(0.0, f64::max);
    let (mut raised, mut gained) = (0, Vec::new());
    for (seed, [without, with, remembered]) in seeds.iter().zip(&plays) {
        println!("seed {seed}: highest score {} without the attack, {} with it", most(without), most(with));
        gained.extend((called(with) && !called(without)).then_some(*seed));
        raised += usize::from(most(remembered) > most(without));
    }
    assert!(gained.is_empty(), "alerts gained under seeds {gained:?}");
    // The attack is one only if the memory takes the bait.
    assert!(raised * 2 > seeds.len(), "the members are remembered in {raised} runs only");
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
