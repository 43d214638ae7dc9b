//! What repeats itself and is no push: customs, clubs, desks and feeds, day after day, by people who sleep. And what joins
//! hashtags: one crowd, one spelling, or nothing but the hour.
//!
//! Each builder adds its crowds to a scene; `at` is the onset in minutes after the scene's start.

use super::accounts::{Provenance, Who};
use super::arrivals::{Clumps, Curve};
use super::crowd::{Plan, Voice};
use super::pushes::quota;
use super::scene::Scene;
use super::words::Lang::{De, En, Es, Fr, Ja, Pt};

pub(super) const STAMP: &[&str] = &["StampOfTheDay", "stampoftheday"];
pub(super) const CUSTOM: &[&str] = &["FollowFriends"];
pub(super) const CLUB: &[&str] = &["LuminaClub"];
pub(super) const TRAFFIC: &[&str] = &["RingRoadSouth"];
pub(super) const DESK: &[&str] = &["WireDesk"];
pub(super) const FINAL: &[&str] = &["GrandFinal"];
pub(super) const FINAL_TOO: &[&str] = &["GolDelAño"];
pub(super) const TWO: &[&str] = &["OldMillTruth"];
pub(super) const TWO_TOO: &[&str] = &["SchoolBusScandal"];
pub(super) const LOOKALIKE: &[&str] = &["RiverTollLie"];
/// The same to the eye, with a Cyrillic о.
pub(super) const LOOKALIKE_TOO: &[&str] = &["RiverT\u{43e}llLie"];

/// Minutes of a day.
const DAY: f64 = 1440.0;
/// Minutes after the onset at which people of three parts of the world get up.
const ZONES: [f64; 3] = [0.0, 480.0, 960.0];

/// A crowd that is awake for sixteen hours a day and busiest before it goes to bed, `per_day` posts a day.
fn awake(scene: &mut Scene, at: f64, days: u32, wakes: f64, per_day: f64, who: Who, voice: Voice) {
    let rate = per_day / 960.0;
    let mut points = Vec::new();
    for day in 0..days {
        let day = f64::from(day) * DAY + wakes;
        points.extend([
            (day, 0.0),
            (day + 60.0, rate),
            (day + 600.0, rate),
            (day + 840.0, 1.8 * rate),
            (day + 960.0, 0.0),
        ]);
    }
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &points),
        clumps: Clumps::PEOPLE,
        who,
        voice,
        pinned: Vec::new(),
        coordinated: false,
    });
}

/// A stamp a day: collectors all over the world show one each, at nobody, in the customary words, with a picture.
pub(super) fn stamp(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: STAMP,
        alone: 0.8,
        langs: &[En, De, Ja],
        repost: 0.05,
        reply: 0.03,
        mention: 0.03,
        link: 1.0,
        wording: 0.7,
        wordings: 5,
        edited: 0.8,
        ..Voice::PEOPLE
    };
    for (zone, wakes) in ZONES.into_iter().enumerate() {
        let who = Who::Regulars { space: 44 + zone as u8, people: 60, exponent: 0.0 };
        awake(scene, at, 3, wakes, 90.0, who, voice.clone());
    }
}

/// A weekly custom of recommending people: hardly a post without a name.
pub(super) fn custom(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: CUSTOM,
        alone: 0.7,
        langs: &[En, Es, Pt],
        repost: 0.2,
        reply: 0.25,
        mention: 0.97,
        link: 0.02,
        wording: 0.4,
        wordings: 8,
        edited: 0.6,
        ..Voice::PEOPLE
    };
    for (zone, wakes) in ZONES.into_iter().enumerate() {
        let who = Who::Regulars { space: 47 + zone as u8, people: 80, exponent: 0.5 };
        awake(scene, at, 2, wakes, 350.0, who, voice.clone());
    }
}

/// Thirty fans all over the world who talk to each other about one act, all day.
pub(super) fn club(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: CLUB,
        alone: 0.6,
        langs: &[En, Es, Ja],
        repost: 0.25,
        reply: 0.4,
        mention: 0.3,
        link: 0.1,
        cry: 0.1,
        cries: &["💜💜💜", "good morning", "good night", "stream it", "so proud"],
        ..Voice::PEOPLE
    };
    for (zone, wakes) in ZONES.into_iter().enumerate() {
        let who = Who::Regulars { space: 50 + zone as u8, people: 10, exponent: 0.3 };
        awake(scene, at, 2, wakes, 160.0, who, voice.clone());
    }
}

/// Two accounts that announce the traffic of one road every ten minutes, and drivers who add to it by day.
pub(super) fn traffic(scene: &mut Scene, at: f64) {
    let mut pulses = Vec::new();
    for minute in (0..2 * DAY as u32).step_by(10).map(f64::from) {
        pulses.extend([(minute, 0.0), (minute, 12.0), (minute + 0.25, 12.0), (minute + 0.25, 0.0)]);
    }
    let voice = Voice {
        hashtag: TRAFFIC,
        alone: 1.0,
        langs: &[De],
        repost: 0.0,
        reply: 0.0,
        mention: 0.0,
        link: 0.5,
        links: 4,
        wording: 1.0,
        wordings: 12,
        edited: 0.5,
        ..Voice::PEOPLE
    };
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &pulses),
        clumps: Clumps::NONE,
        who: Who::Rota { space: 53, size: 2, effort: 1.0, provenance: Provenance::People },
        voice,
        pinned: Vec::new(),
        coordinated: false,
    });
    let who = Who::Regulars { space: 54, people: 150, exponent: 0.3 };
    awake(scene, at, 2, 0.0, 120.0, who, Voice { hashtag: TRAFFIC, langs: &[De], ..Voice::PEOPLE });
}

/// Twenty-four correspondents of one agency, eight a shift, who write day and night and to nobody, as they did before.
pub(super) fn desk(scene: &mut Scene, _: f64) {
    let voice = Voice {
        hashtag: DESK,
        alone: 0.85,
        langs: &[En, Fr],
        repost: 0.05,
        reply: 0.0,
        mention: 0.02,
        link: 0.95,
        ..Voice::PEOPLE
    };
    for (shift, begins) in ZONES.into_iter().enumerate() {
        let mut points = Vec::new();
        for day in 0..3 {
            let day = f64::from(day) * DAY + begins;
            points.extend([(day, 0.0), (day, 0.4), (day + 480.0, 0.4), (day + 480.0, 0.0)]);
        }
        scene.crowd(Plan {
            curve: Curve::lines(scene.start, &points),
            clumps: Clumps::PEOPLE,
            who: Who::Rota { space: 55 + shift as u8, size: 8, effort: 0.7, provenance: Provenance::People },
            voice: voice.clone(),
            pinned: Vec::new(),
            coordinated: false,
        });
    }
}

/// Two hashtags of one final, carried by the same fans.
pub(super) fn final_evening(scene: &mut Scene, at: f64) {
    for hashtag in [FINAL, FINAL_TOO] {
        let voice = Voice {
            hashtag,
            alone: 0.4,
            langs: &[Es, Es, En, Pt],
            repost: 0.4,
            reply: 0.2,
            mention: 0.3,
            cry: 0.15,
            cries: &["GOOOL", "vamos", "qué golazo", "what a goal", "🔥🔥🔥"],
            ..Voice::PEOPLE
        };
        let evening = [(0.0, 5.0), (20.0, 40.0), (110.0, 60.0), (112.0, 150.0), (130.0, 40.0), (180.0, 0.0)];
        scene.crowd(Plan {
            curve: Curve::lines(scene.minute(at), &evening),
            clumps: Clumps::PEOPLE,
            who: Who::Regulars { space: 58, people: 2_500, exponent: 0.4 },
            voice,
            pinned: Vec::new(),
            coordinated: false,
        });
    }
}

/// Two pushes in the same evening that have nothing to do with each other.
pub(super) fn two_pushes(scene: &mut Scene, at: f64) {
    quota(scene, at, TWO, 20, 40, 4.0, 150.0);
    quota(scene, at + 10.0, TWO_TOO, 21, 50, 4.0, 150.0);
}

/// A push, and another crew's under a hashtag that looks the same.
pub(super) fn lookalike(scene: &mut Scene, at: f64) {
    quota(scene, at, LOOKALIKE, 22, 40, 4.0, 120.0);
    quota(scene, at + 60.0, LOOKALIKE_TOO, 23, 40, 4.0, 120.0);
}
