//! An attack on the memory of crowds: a crew that wants an organic crowd to be called coordinated draws that crowd's most
//! active accounts into pushes of its own first, so that they are remembered as having carried them.

use super::accounts::{Provenance, Who};
use super::arrivals::{Clumps, Curve};
use super::crowd::{Plan, Voice};
use super::organic;
use super::pushes::{HANDS, STEERED};
use super::scene::Scene;

/// The hashtags of the baits: what is said of them is no matter of the crowd's.
pub(super) const BAITS: &[&[&str]] = &[&["AnswerTheLanterns"], &["TenThingsILike"], &["PassThePebble"]];

/// Hours before the crowd's own burst at which the baits are laid.
const HOURS_BEFORE: [f64; 3] = [19.0, 13.0, 7.0];
/// Posts a minute of the members who answer a bait: about five each.
const LURED_RATE: f64 = 8.0;
/// The crew that pushes the baits, with quotas.
const CREW: u64 = 45;
const CREW_RATE: f64 = 5.0;
const MINUTES: f64 = 110.0;

/// A club meets whose members were lured into three pushes within the day before.
pub(super) fn lured(scene: &mut Scene, at: f64) {
    // First, so that the club's posts are those of the scenario without the attack.
    organic::club(scene, at);
    for (bait, before) in BAITS.iter().zip(HOURS_BEFORE) {
        let begin = at - 60.0 * before;
        let steered = Voice { hashtag: bait, ..STEERED };
        scene.crowd(Plan {
            curve: Curve::lines(scene.minute(begin), &[(0.0, CREW_RATE), (MINUTES, CREW_RATE)]),
            clumps: HANDS,
            who: Who::Rota { space: 50, size: CREW, effort: 0.2, provenance: Provenance::People },
            voice: steered,
            pinned: Vec::new(),
            coordinated: true,
        });
        let answers = Curve::lines(scene.minute(begin), &[(5.0, 0.0), (15.0, LURED_RATE), (MINUTES, LURED_RATE)]);
        scene.crowd(Plan {
            curve: answers,
            clumps: Clumps::PEOPLE,
            who: Who::Regulars { space: organic::CLUB_SPACE, people: organic::CLUB_PEOPLE, exponent: 0.2 },
            voice: Voice { hashtag: bait, ..Voice::PEOPLE },
            pinned: Vec::new(),
            coordinated: false,
        });
    }
}
