//! One crowd in four sizes: the same people in the same hours, 300 to 500 000 posts. What is said of a crowd must not depend
//! on how large it is.

use super::accounts::Who;
use super::arrivals::{Clumps, Curve};
use super::crowd::{Plan, Voice};
use super::scene::Scene;

pub(super) const CROWD: &[&str] = &["LanternsOnTheQuay", "lanternsonthequay"];

/// Posts over the whole curve for a peak of one post a minute.
const AREA: f64 = 59.53;

/// An evening that people talk about, under a new hashtag, `posts` posts in four hours.
fn crowd(scene: &mut Scene, at: f64, posts: f64) {
    let voice = Voice { hashtag: CROWD, ..Voice::PEOPLE };
    scene.crowd(Plan {
        curve: Curve::burst(scene.minute(at), posts / AREA / scene.size(), 30.0, 30.0),
        clumps: Clumps::PEOPLE,
        // Drawn from the whole world: a town of 400 000 would be used up by the largest crowd, and change its shape.
        who: Who::World { newcomers: 0.62 },
        voice,
        pinned: Vec::new(),
        coordinated: false,
    });
}

pub(super) fn crowd_300(scene: &mut Scene, at: f64) {
    crowd(scene, at, 300.0);
}

pub(super) fn crowd_3000(scene: &mut Scene, at: f64) {
    crowd(scene, at, 3_000.0);
}

pub(super) fn crowd_50000(scene: &mut Scene, at: f64) {
    crowd(scene, at, 50_000.0);
}

pub(super) fn crowd_500000(scene: &mut Scene, at: f64) {
    crowd(scene, at, 500_000.0);
}
