//! What ordinary people do together, and what looks steered and is not hidden: a goal, an election night, a fandom, news, a
//! conference, a protest text, a boycott, a feed that says what it is, a post everyone repeats.
//!
//! Each builder adds its crowds to a scene; `at` is the onset in minutes after the scene's start.

use super::accounts::{ORDINARY, Provenance, Who};
use super::arrivals::{Clumps, Curve};
use super::crowd::{Plan, Voice};
use super::scene::Scene;
use super::words::Lang::{Ar, De, El, En, Es, Fr, Ja, Pt, Tr};

pub(super) const GOAL: &[&str] = &["CopaMeridián", "copameridián", "CopaMeridian"];
pub(super) const ELECTION: &[&str] = &["NuitDesUrnes", "nuitdesurnes"];
pub(super) const FANDOM: &[&str] = &["VoteLumina", "votelumina"];
pub(super) const CLUB: &[&str] = &["LowTideListening", "lowtidelistening"];
pub(super) const BREAKING: &[&str] = &["HarbourBridge", "harbourbridge"];
pub(super) const CONFERENCE: &[&str] = &["OpenTide21", "opentide21"];
pub(super) const COPYPASTA: &[&str] = &["KeepTheReadingRooms"];
pub(super) const BOYCOTT: &[&str] = &["ΣκοτεινήΤρίτη", "DarkTuesday"];
pub(super) const FEED: &[&str] = &["RiverGauges"];
pub(super) const VIRAL: &[&str] = &["夕焼けポテト", "PotatoSunset"];

/// The club's part of the population, and its members.
pub(super) const CLUB_SPACE: u8 = 44;
pub(super) const CLUB_PEOPLE: u64 = 160;

/// A goal in a final: known hashtag, a jump within a minute, short cries that many write alike.
pub(super) fn goal(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: GOAL,
        alone: 0.45,
        companions: &["Final", "gol", "Meridián", "football"],
        langs: &[Es, Es, Es, Pt, En, En, Ar, Ja],
        repost: 0.32,
        reply: 0.12,
        mention: 0.14,
        link: 0.06,
        cry: 0.16,
        cries: &[
            "GOOOOOL",
            "GOOOL!!!",
            "gol gol gol",
            "what a goal",
            "WHAT A GOAL!!!",
            "no puede ser",
            "qué golazo",
            "GOLAÇO",
            "ゴール！！！",
            "هدف",
            "I can't breathe",
            "😭😭😭",
            "🔥🔥🔥",
            "vamos",
            "VAMOOOS",
            "madre mía",
        ],
        ..Voice::PEOPLE
    };
    scene.ordinary_use(GOAL, 12.0, at - 60.0);
    let match_long = [
        (-60.0, 0.5),
        (-10.0, 18.0),
        (-5.0, 28.0),
        (0.0, 30.0),
        (44.0, 45.0),
        (45.0, 260.0),
        (60.0, 50.0),
        (120.0, 0.0),
    ];
    let curve = Curve::lines(scene.minute(at), &match_long);
    scene.people(curve, 0.66, voice.clone());
    let curve = Curve::burst(scene.minute(at), 950.0, 0.7, 4.0);
    scene.people(curve, 0.74, voice);
}

/// An election night: hours of build-up, a jump when the polls close, links to results, much reposting.
pub(super) fn election(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: ELECTION,
        alone: 0.35,
        companions: &["Élections", "résultats", "participation", "DirectUrnes"],
        langs: &[Fr, Fr, Fr, Fr, En, De, Ar],
        repost: 0.5,
        reply: 0.1,
        mention: 0.24,
        link: 0.3,
        links: 150,
        cry: 0.06,
        cries: &["20h !", "enfin les résultats", "et voilà", "quelle soirée", "incroyable", "🍿🍿🍿"],
        ..Voice::PEOPLE
    };
    scene.ordinary_use(ELECTION, 40.0, at - 180.0);
    let night = [
        (-180.0, 2.0),
        (-60.0, 20.0),
        (0.0, 45.0),
        (2.0, 250.0),
        (30.0, 130.0),
        (60.0, 150.0),
        (120.0, 100.0),
        (240.0, 0.0),
    ];
    let curve = Curve::lines(scene.minute(at), &night);
    scene.people(curve, 0.6, voice);
}

/// A fandom votes: some thousands of devoted people, many posts each, repeated wording, always the same two hashtags.
pub(super) fn fandom(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: FANDOM,
        alone: 0.12,
        companions: &["StarlightAwards", "StarlightAwards", "LuminaNation"],
        langs: &[En, En, Es, Pt, Ja, Tr],
        repost: 0.42,
        reply: 0.2,
        mention: 0.35,
        link: 0.08,
        links: 5,
        cry: 0.1,
        cries: &["keep voting!!", "let's go", "we can do this", "vote vote vote", "💜💜💜", "one more"],
        wording: 0.5,
        wordings: 14,
        edited: 0.35,
        ..Voice::PEOPLE
    };
    scene.ordinary_use(FANDOM, 20.0, at);
    // An award that has voters has had followers: only the campaign for one act is new.
    scene.ordinary_use(&["StarlightAwards"], 15.0, at);
    let vote = [(0.0, 20.0), (10.0, 90.0), (95.0, 80.0), (115.0, 170.0), (120.0, 200.0), (125.0, 60.0), (180.0, 0.0)];
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &vote),
        clumps: Clumps::PEOPLE,
        who: Who::Regulars { space: 40, people: 3_000, exponent: 0.5 },
        voice,
        pinned: Vec::new(),
        coordinated: false,
    });
    // Nor does a fandom first call itself by its name on the evening of a vote.
    scene.ordinary_use(&["LuminaNation"], 10.0, at);
}

/// A fan club of 160 listens to a new record together: few people, many posts each, under a hashtag for the evening.
pub(super) fn club(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: CLUB,
        alone: 0.45,
        companions: &["LowTideRecords", "nowplaying"],
        langs: &[En, En, En, Es],
        // As communities of conferences measure: half of the originals talk to somebody, and a third or more is reposted.
        repost: 0.4,
        reply: 0.2,
        mention: 0.25,
        link: 0.08,
        cry: 0.12,
        cries: &["this one", "that bass line", "goosebumps", "again!", "🎶🎶🎶", "side B now"],
        ..Voice::PEOPLE
    };
    let evening = [(0.0, 1.0), (12.0, 8.0), (80.0, 8.0), (95.0, 2.0), (120.0, 0.0)];
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &evening),
        clumps: Clumps::PEOPLE,
        who: Who::Regulars { space: CLUB_SPACE, people: CLUB_PEOPLE, exponent: 0.7 },
        voice,
        pinned: Vec::new(),
        coordinated: false,
    });
}

/// Breaking news around one post that most repeat.
pub(super) fn breaking(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: BREAKING,
        alone: 0.5,
        langs: &[En, En, En, En, Es, De, Fr],
        repost: 0.74,
        pinned: 0.6,
        reply: 0.08,
        mention: 0.18,
        link: 0.35,
        links: 40,
        ..Voice::PEOPLE
    };
    let pinned = scene.pin(&[scene.minute(at), scene.minute(at + 14.0)], 41, &voice, false);
    scene.crowd(Plan {
        curve: Curve::burst(scene.minute(at), 220.0, 12.0, 40.0),
        clumps: Clumps::PEOPLE,
        who: Who::People { newcomers: 0.68 },
        voice,
        pinned,
        coordinated: false,
    });
}

/// A conference of two days: a small community, several posts each, mentions and reposts, links to slides.
pub(super) fn conference(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: CONFERENCE,
        alone: 0.48,
        companions: &["openscience", "tides", "openData", "python"],
        langs: &[En, En, En, En, De, Fr],
        repost: 0.53,
        reply: 0.12,
        mention: 0.42,
        link: 0.3,
        ..Voice::PEOPLE
    };
    scene.ordinary_use(CONFERENCE, 2.0, at);
    let mut curve = Vec::new();
    for day in [0.0, 1440.0] {
        let talks = [
            (0.0, 0.2),
            (20.0, 1.6),
            (90.0, 2.1),
            (180.0, 0.6),
            (240.0, 1.7),
            (420.0, 1.3),
            (540.0, 0.3),
            (660.0, 0.05),
        ];
        curve.extend(talks.map(|(minute, rate)| (day + minute, rate)));
    }
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &curve),
        clumps: Clumps::PEOPLE,
        who: Who::People { newcomers: 0.27 },
        voice,
        pinned: Vec::new(),
        coordinated: false,
    });
}

/// Ordinary people paste one protest text, one or two posts each.
pub(super) fn copypasta(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: COPYPASTA,
        alone: 0.55,
        langs: &[En, En, En, Pt, El],
        repost: 0.2,
        reply: 0.06,
        mention: 0.3,
        link: 0.1,
        links: 2,
        wording: 0.75,
        wordings: 3,
        edited: 0.12,
        ..Voice::PEOPLE
    };
    let curve = Curve::burst(scene.minute(at), 60.0, 20.0, 30.0);
    scene.people(curve, 0.82, voice);
}

/// An announced boycott: talked about for a day, then thousands at the full hour with suggested wordings.
pub(super) fn boycott(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: BOYCOTT,
        alone: 0.5,
        langs: &[El, El, El, El, En],
        repost: 0.35,
        reply: 0.08,
        mention: 0.12,
        link: 0.15,
        links: 3,
        wording: 0.4,
        wordings: 5,
        edited: 0.3,
        ..Voice::PEOPLE
    };
    scene.ordinary_use(BOYCOTT, 8.0, at);
    let hour = [(0.0, 60.0), (0.4, 480.0), (5.0, 360.0), (15.0, 140.0), (60.0, 40.0), (180.0, 5.0), (240.0, 0.0)];
    let curve = Curve::lines(scene.minute(at), &hour);
    scene.people(curve, 0.65, voice);
}

/// River gauges that post their level every five minutes, through one program, with one template each. They say so.
pub(super) fn feed(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: FEED,
        alone: 1.0,
        langs: &[De],
        repost: 0.0,
        reply: 0.0,
        mention: 0.0,
        link: 1.0,
        links: 24,
        wording: 1.0,
        wordings: 24,
        edited: 0.25,
        ..Voice::PEOPLE
    };
    let mut pulses = Vec::new();
    // Every gauge at every pulse, however large other crowds are.
    let rate = 36.0 / scene.size();
    for minute in (0..360).step_by(5).map(f64::from) {
        pulses.extend([(minute, 0.0), (minute, rate), (minute + 2.0 / 3.0, rate), (minute + 2.0 / 3.0, 0.0)]);
    }
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &pulses),
        clumps: Clumps::NONE,
        who: Who::Rota {
            space: 43,
            size: 24,
            effort: 1.0,
            provenance: Provenance::OneClient("Gauge Autopost (automated)"),
        },
        voice,
        pinned: Vec::new(),
        coordinated: false,
    });
}

/// One post under a new hashtag that ten thousand people repeat within ten minutes, once each.
pub(super) fn viral(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: VIRAL,
        alone: 0.7,
        langs: &[Ja, Ja, Ja, En],
        repost: 0.93,
        pinned: 0.97,
        reply: 0.04,
        mention: 0.05,
        link: 0.02,
        ..Voice::PEOPLE
    };
    let pinned = scene.pin(&[scene.minute(at)], ORDINARY, &voice, false);
    let wave = [
        (0.0, 0.0),
        (2.0, 300.0),
        (4.0, 1500.0),
        (6.0, 2000.0),
        (8.0, 1200.0),
        (10.0, 400.0),
        (20.0, 40.0),
        (60.0, 5.0),
        (90.0, 0.0),
    ];
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &wave),
        clumps: Clumps::PEOPLE,
        who: Who::People { newcomers: 0.97 },
        voice,
        pinned,
        coordinated: false,
    });
}
