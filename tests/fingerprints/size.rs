//! Size does not fool it: the same crowd in 300, 3 000 and 50 000 posts; in 500 000 where `TAGWATCH_TEST_LARGE` is set, as a
//! debug build takes minutes for those.

use super::{Story, config, each, options};

/// Minutes after the onset at which scores are compared.
const MINUTES: [i64; 4] = [30, 60, 120, 180];
/// Points that the scores of two sizes may differ by.
const BOUND: f64 = 5.0;

/// Scores at these minutes, the median of three seeds each.
fn scores(scenario: &str) -> [f64; 4] {
    let config = config();
    let stories = each(&[1_u64, 2, 3], |seed| {
        Story::of(scenario, "lanternsonthequay", &options(scenario, *seed, false), &config)
    });
    MINUTES.map(|minutes| {
        let mut scores: Vec<f64> = stories.iter().map(|story| story.score_after(scenario, minutes)).collect();
        scores.sort_by(f64::total_cmp);
        scores[1]
    })
}

/// The largest difference between two sizes at one time.
fn spread(sizes: &[&str]) -> f64 {
    let rows: Vec<[f64; 4]> = sizes.iter().map(|scenario| scores(scenario)).collect();
    println!("| crowd | score after {MINUTES:?} minutes |\n|---|---|");
    sizes.iter().zip(&rows).for_each(|(scenario, scores)| println!("| {scenario} | {scores:?} |"));
    let at = |minute: usize| {
        let (least, most) =
            rows.iter().fold((f64::MAX, 0.0_f64), |(least, most), row| (least.min(row[minute]), most.max(row[minute])));
        most - least
    };
    (0..MINUTES.len()).map(at).fold(0.0, f64::max)
}

#[test]
fn a_crowd_of_300_to_50_000_posts_has_one_score() {
    let spread = spread(&["crowd-300", "crowd-3000", "crowd-50000"]);
    assert!(spread <= BOUND, "{spread} points apart");
}

#[test]
fn a_crowd_of_500_000_posts_has_that_score() {
    if std::env::var_os("TAGWATCH_TEST_LARGE").is_none() {
        return println!("skipped: the crowd of 500 000 posts is played where TAGWATCH_TEST_LARGE is set");
    }
    let spread = spread(&["crowd-300", "crowd-500000"]);
    assert!(spread <= BOUND, "{spread} points apart");
}
