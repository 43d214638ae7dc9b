//! The two-day story of the demo: an ordinary population, three bursts of ordinary people, one push, and the next day's
//! mockery of it that is louder than the push and calms the alert.

use super::arrivals::MINUTE;
use super::scene::Scene;
use super::{organic, pushes};
use crate::model::EventTime;

/// Minutes after the start. With the default start, eight in the evening, these are the clock times beside them.
const FANDOM_AT: f64 = 15.5 * 60.0; // 11:30
const GOAL_AT: f64 = 21.0 * 60.0 + 52.0; // 17:52
pub(super) const LEAKS_AT: f64 = 24.0 * 60.0 + 40.0; // 20:40
const ELECTION_AT: f64 = 26.0 * 60.0; // 22:00
const MOCKERY_AT: f64 = 27.0 * 60.0 + 50.0; // 23:50
const SLACK_AT: f64 = 28.0 * 60.0 + 10.0; // 00:10
const PEAK_AT: f64 = MOCKERY_AT + 90.0; // 01:20
const QUIET_AT: f64 = 36.0 * 60.0; // 08:00

/// How long the story is, in hours.
pub(super) const HOURS: f64 = 37.0;

/// Adds the story's crowds to a scene that has its carrier; the push begins at `leaks_at`, which is [`LEAKS_AT`].
pub(super) fn build(scene: &mut Scene, leaks_at: f64) {
    organic::fandom(scene, FANDOM_AT);
    organic::goal(scene, GOAL_AT);
    pushes::leaks(scene, leaks_at);
    organic::election(scene, ELECTION_AT);
    pushes::mockery(scene, MOCKERY_AT);
}

/// What happens when in the `story` that starts at `start`, in order.
pub fn chapters(start: EventTime) -> Vec<(EventTime, &'static str)> {
    let marks = [
        (0.0, "an ordinary evening: thousands of hashtags, nothing odd"),
        (FANDOM_AT, "a fandom votes: #VoteLumina"),
        (GOAL_AT, "a goal in the final: #CopaMeridián"),
        (LEAKS_AT, "a hashtag nobody used before: #CandidateLeaks"),
        (ELECTION_AT, "the polls close, an election night: #NuitDesUrnes"),
        (MOCKERY_AT, "ordinary people find #CandidateLeaks and make fun of it"),
        (SLACK_AT, "the push behind #CandidateLeaks slackens"),
        (PEAK_AT, "the mockery is louder than the push ever was: #CandidateLeaks"),
        (QUIET_AT, "quiet again"),
    ];
    marks.map(|(minute, text)| (start.plus_ms((minute * MINUTE as f64) as i64), text)).to_vec()
}
