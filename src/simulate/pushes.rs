//! What a few do to look like many: the #MacronLeaks shape under an invented hashtag, and the other ways to push, up to the
//! one that leaves no trace in counts and texts.
//!
//! Each builder adds its crowds to a scene; `at` is the onset in minutes after the scene's start. Figures: DFRLab and the New
//! York Times on 5 and 6 May 2017 for `leaks`; Elmas et al. 2021 for `ephemeral`.

use super::accounts::{Provenance, Who};
use super::actions::Aftermath;
use super::arrivals::{Clumps, Curve};
use super::crowd::{Plan, Voice};
use super::scene::Scene;
use super::words::Lang::{De, En, Es, Fr, Tr};

pub(super) const LEAKS: &[&str] = &["CandidateLeaks", "candidateleaks", "CANDIDATELEAKS"];
pub(super) const GIVEAWAY: &[&str] = &["GanaConAmodra", "WinWithAmodra"];
/// What those posts carry besides: what is said of it is said of the push.
pub(super) const LEAKS_COMPANIONS: &[&[&str]] = &[&["RiversideVote"], &["documents"]];
pub(super) const GIVEAWAY_COMPANIONS: &[&[&str]] = &[&["sorteo"], &["giveaway"], &["win"]];
pub(super) const SWARM: &[&str] = &["TruthAboutTheMill"];
pub(super) const PUSH: &[&str] = &["HarvestFraud"];
pub(super) const EPHEMERAL: &[&str] = &["GümüşVadiYalanı"];
pub(super) const SLOW: &[&str] = &["QuietRiverPact"];
pub(super) const JOINED: &[&str] = &["SaveTheLongPier", "savethelongpier"];
pub(super) const RIDING: &[&str] = &["SturmIlva", "sturmilva"];
pub(super) const CAMPAIGN: &[&str] = &["WhoPaidTheMayor"];
pub(super) const CAMPAIGN_ALL: &[&[&str]] = &[CAMPAIGN, &["WhoPaidForTheBridge"], &["AskTheMayorNow"]];
/// Minutes from the first post of the leaks to the wave of mockery.
pub(super) const MOCKERY_AFTER: f64 = 710.0;
pub(super) const SINGLE: &[&str] = &["NewDawnForum"];

/// Small uneven volleys: an order goes out and a few obey within seconds.
const VOLLEYS: Clumps = Clumps { gust: 0.1, chance: 0.25, others: (2, 5), gap_ms: 700.0 };
/// Human hands on many accounts: two or three posts in a row, seconds apart.
pub(super) const HANDS: Clumps = Clumps { gust: 0.0, chance: 0.25, others: (1, 3), gap_ms: 4_000.0 };

/// How steered accounts write: at nobody, under the one hashtag, with prepared material.
pub(super) const STEERED: Voice = Voice {
    alone: 0.8,
    langs: &[En],
    repost: 0.12,
    reply: 0.01,
    mention: 0.03,
    link: 0.15,
    links: 6,
    wording: 0.3,
    wordings: 30,
    edited: 0.4,
    ..Voice::PEOPLE
};

/// Share of the work of each account of the leaks' crew: 4 + 200 (1 - i/n)⁹, in thousandths. Most write a handful or a dozen
/// posts, the busiest about 40 an hour for 3.5 hours.
fn crew_weights(index: u64) -> u64 {
    let x = 1_000 * (LEAKS_CREW - index) / LEAKS_CREW;
    let x3 = x * x * x / 1_000_000;
    4_000 + 200 * (x3 * x3 * x3 / 1_000_000)
}

/// One in twenty of those who take part.
const LEAKS_CREW: u64 = 860;

/// How the push writes: three in four repost, the rest share prepared wordings and the same few links.
const LEAKS_VOICE: Voice = Voice {
    hashtag: LEAKS,
    alone: 0.74,
    companions: &["RiversideVote", "documents"],
    langs: &[En, En, Fr],
    repost: 0.72,
    pinned: 0.4,
    reply: 0.02,
    mention: 0.04,
    link: 0.45,
    links: 9,
    wording: 0.6,
    wordings: 45,
    edited: 0.25,
    ..Voice::PEOPLE
};

/// Minutes after the first post, posts a minute: the crew after its first five minutes, and those it draws along.
const LEAKS_CREW_RATE: &[(f64, f64)] = &[
    (5.0, 18.0),
    (15.0, 45.0),
    (30.0, 64.0),
    (50.0, 76.0),
    (60.0, 80.0),
    (195.0, 80.0),
    (210.0, 76.0),
    (225.0, 30.0),
    (250.0, 8.0),
    (700.0, 4.0),
    (850.0, 0.0),
];
const LEAKS_AUDIENCE_RATE: &[(f64, f64)] = &[
    (5.0, 0.0),
    (15.0, 3.0),
    (30.0, 24.0),
    (50.0, 124.0),
    (60.0, 190.0),
    (195.0, 190.0),
    (210.0, 162.0),
    (225.0, 60.0),
    (260.0, 10.0),
    (400.0, 4.0),
    (700.0, 4.0),
    (760.0, 0.0),
];

/// A hashtag without history: one post, repeated 15 times in the first minute and 87 times in five, 47 000 posts in three
/// and a half hours, two in five by one account in twenty. It lingers through the night.
pub(super) fn leaks(scene: &mut Scene, at: f64) {
    let times = [0.0, 9.0, 25.0, 48.0, 80.0, 120.0].map(|minute| scene.minute(at + minute));
    let pinned = scene.pin(&times, 10, &LEAKS_VOICE, true);
    let crew = |curve: Curve, clumps: Clumps, voice: Voice| Plan {
        curve,
        clumps,
        who: Who::Crew { space: 10, weights: crew_weights, size: LEAKS_CREW, provenance: Provenance::People },
        voice,
        pinned: pinned.clone(),
        coordinated: true,
    };
    let begin = scene.minute(at);
    let spark = Curve::lines(begin, &[(0.0, 15.5), (1.0, 15.5), (1.0, 18.0), (5.0, 18.0)]);
    scene.crowd(crew(spark, Clumps::NONE, Voice { repost: 1.0, ..LEAKS_VOICE }));
    scene.crowd(crew(Curve::lines(begin, LEAKS_CREW_RATE), VOLLEYS, LEAKS_VOICE));
    scene.crowd(Plan {
        curve: Curve::lines(begin, LEAKS_AUDIENCE_RATE),
        clumps: Clumps::PEOPLE,
        who: Who::People { newcomers: 0.565 },
        voice: Voice { wording: 0.3, mention: 0.06, reply: 0.03, ..LEAKS_VOICE },
        pinned,
        coordinated: false,
    });
}

/// The leaks, and the mockery of the next day.
pub(super) fn leaks_then_mockery(scene: &mut Scene, at: f64) {
    leaks(scene, at);
    mockery(scene, at + MOCKERY_AFTER);
}

/// The next day's wave on the leaks' hashtag: ordinary people, jokes and conversation, more posts a minute than the push had.
pub(super) fn mockery(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: LEAKS,
        alone: 0.4,
        langs: &[Fr, Fr, Fr, En, En, Es, De],
        repost: 0.34,
        reply: 0.24,
        mention: 0.28,
        link: 0.12,
        cry: 0.08,
        cries: &[
            "😂😂😂",
            "mdr",
            "c'est donc ça",
            "ah bon ?",
            "I have read all of it",
            "page 412 will shock you",
            "lol",
        ],
        ..Voice::PEOPLE
    };
    let wave = [
        (0.0, 4.0),
        (30.0, 90.0),
        (60.0, 330.0),
        (90.0, 420.0),
        (170.0, 420.0),
        (240.0, 210.0),
        (300.0, 100.0),
        (420.0, 30.0),
        (480.0, 0.0),
    ];
    let curve = Curve::lines(scene.minute(at), &wave);
    scene.people(curve, 0.62, voice);
}

/// Young accounts repeat one prize draw, its wording and its link.
pub(super) fn giveaway(scene: &mut Scene, at: f64) {
    let voice = Voice {
        hashtag: GIVEAWAY,
        alone: 0.15,
        companions: &["sorteo", "giveaway", "win"],
        langs: &[Es, En],
        repost: 0.5,
        pinned: 0.9,
        mention: 0.9,
        link: 0.8,
        links: 1,
        wording: 0.9,
        wordings: 6,
        edited: 0.2,
        ..STEERED
    };
    let pinned = scene.pin(&[scene.minute(at)], 11, &voice, true);
    let rate = [(0.0, 10.0), (8.0, 40.0), (60.0, 30.0), (90.0, 5.0), (100.0, 0.0)];
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &rate),
        clumps: VOLLEYS,
        who: Who::Rota {
            space: 11,
            size: 350,
            effort: 0.3,
            provenance: Provenance::Batch { ago: 6, days: 4, client: "EasyWin Poster" },
        },
        voice,
        pinned,
        coordinated: true,
    });
}

/// Five hundred accounts, twenty posts each, jittered, among thirty thousand posts by people.
pub(super) fn swarm(scene: &mut Scene, at: f64) {
    let people = [(0.0, 2.0), (20.0, 182.0), (160.0, 172.0), (200.0, 0.0)];
    let curve = Curve::lines(scene.minute(at), &people);
    scene.people(curve, 0.62, Voice { hashtag: SWARM, langs: &[En, En, Es], ..Voice::PEOPLE });
    let rate = [(8.0, 0.0), (18.0, 62.0), (170.0, 62.0), (182.0, 0.0)];
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &rate),
        clumps: Clumps::NONE,
        who: Who::Rota {
            space: 12,
            size: 500,
            effort: 0.7,
            provenance: Provenance::Batch { ago: 20, days: 5, client: "Perch web" },
        },
        voice: Voice { hashtag: SWARM, repost: 0.3, wordings: 60, ..STEERED },
        pinned: Vec::new(),
        coordinated: true,
    });
}

/// `size` accounts, with equal quotas, at `rate` posts a minute for `minutes`.
pub(super) fn quota(
    scene: &mut Scene,
    at: f64,
    hashtag: &'static [&'static str],
    space: u8,
    size: u64,
    rate: f64,
    minutes: f64,
) {
    let curve = Curve::lines(scene.minute(at), &[(0.0, rate), (minutes, rate)]);
    scene.crowd(Plan {
        curve,
        clumps: HANDS,
        who: Who::Rota { space, size, effort: 0.1, provenance: Provenance::People },
        voice: Voice { hashtag, ..STEERED },
        pinned: Vec::new(),
        coordinated: true,
    });
}

/// Twenty-five accounts fill their quotas for three hours.
pub(super) fn push(scene: &mut Scene, at: f64) {
    quota(scene, at, PUSH, 13, 25, 3.1, 180.0);
}

/// A thousand taken-over accounts post once each, word salad, within forty seconds; the trend then draws some people.
pub(super) fn ephemeral(scene: &mut Scene, at: f64) {
    let rate = [(0.0, 470.0), (0.15, 2340.0), (0.5, 1400.0), (0.667, 240.0)];
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &rate),
        clumps: Clumps::NONE,
        who: Who::Rota { space: 14, size: 1_200, effort: 1.0, provenance: Provenance::OneClient("Trend Helper") },
        voice: Voice {
            hashtag: EPHEMERAL,
            alone: 1.0,
            langs: &[Tr],
            repost: 0.0,
            reply: 0.0,
            mention: 0.0,
            link: 0.0,
            wording: 1.0,
            wordings: 3_000,
            edited: 1.0,
            ..STEERED
        },
        pinned: Vec::new(),
        coordinated: true,
    });
    let curve = Curve::lines(scene.minute(at + 4.0), &[(0.0, 1.0), (6.0, 6.0), (30.0, 4.0), (90.0, 0.0)]);
    scene.people(curve, 0.85, Voice { hashtag: EPHEMERAL, langs: &[Tr], ..Voice::PEOPLE });
}

/// The posts of [`ephemeral`] are deleted as soon as the hashtag is at the top; of the rest the platform finds some accounts.
pub(super) const EPHEMERAL_AFTERMATH: Aftermath = Aftermath {
    deleted: 0.85,
    deleted_after: (30_000, 240_000),
    actioned: 0.6,
    actioned_after: (20 * 60_000, 50 * 60_000),
};

/// Forty accounts, a dozen posts each, spread over a day.
pub(super) fn slow(scene: &mut Scene, at: f64) {
    quota(scene, at, SLOW, 15, 40, 20.0 / 60.0, 1440.0);
}

/// Sixty accounts push for three hours and the public joins after ten minutes with `times` as many posts.
fn joined(scene: &mut Scene, at: f64, times: f64) {
    quota(scene, at, JOINED, 16, 60, 5.0, 180.0);
    let public = [(10.0, 0.0), (25.0, 5.0 * times), (180.0, 5.0 * times), (205.0, 0.0)];
    let curve = Curve::lines(scene.minute(at), &public);
    scene.people(curve, 0.75, Voice { hashtag: JOINED, langs: &[En, En, Es, Fr], ..Voice::PEOPLE });
}

pub(super) fn joined_1(scene: &mut Scene, at: f64) {
    joined(scene, at, 1.0);
}

pub(super) fn joined_3(scene: &mut Scene, at: f64) {
    joined(scene, at, 3.0);
}

pub(super) fn joined_10(scene: &mut Scene, at: f64) {
    joined(scene, at, 10.0);
}

/// Forty-five accounts push three new hashtags, one after the other, forty minutes apart.
pub(super) fn campaign(scene: &mut Scene, at: f64) {
    for (i, hashtag) in CAMPAIGN_ALL.iter().enumerate() {
        quota(scene, at + 40.0 * i as f64, hashtag, 19, 45, 4.0, 120.0);
    }
}

/// A storm that people talk about, and three hundred accounts that use the attention for their own link.
pub(super) fn riding(scene: &mut Scene, at: f64) {
    scene.ordinary_use(RIDING, 6.0, at);
    let curve = Curve::burst(scene.minute(at), 150.0, 15.0, 60.0);
    scene.people(curve, 0.7, Voice { hashtag: RIDING, langs: &[De, De, De, En], ..Voice::PEOPLE });
    let rate = [(30.0, 0.0), (35.0, 18.0), (150.0, 18.0), (155.0, 0.0)];
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &rate),
        clumps: VOLLEYS,
        who: Who::Rota { space: 17, size: 300, effort: 0.3, provenance: Provenance::People },
        voice: Voice {
            hashtag: RIDING,
            alone: 0.4,
            langs: &[De],
            repost: 0.25,
            link: 0.7,
            links: 2,
            wording: 0.5,
            wordings: 20,
            ..STEERED
        },
        pinned: Vec::new(),
        coordinated: true,
    });
}

/// Accounts with a past, one post each, unique texts, jittered, among as many people: nothing here to see it by.
pub(super) fn single_jittered(scene: &mut Scene, at: f64) {
    let rate = [(0.0, 2.0), (5.0, 40.0), (38.0, 40.0), (42.0, 0.0)];
    scene.crowd(Plan {
        curve: Curve::lines(scene.minute(at), &rate),
        clumps: Clumps::NONE,
        who: Who::Rota { space: 18, size: 3_000, effort: 1.0, provenance: Provenance::People },
        voice: Voice { hashtag: SINGLE, alone: 0.5, repost: 0.25, reply: 0.08, ..Voice::PEOPLE },
        pinned: Vec::new(),
        coordinated: true,
    });
    let curve = Curve::lines(scene.minute(at), &[(3.0, 0.0), (12.0, 40.0), (42.0, 30.0), (90.0, 0.0)]);
    scene.people(curve, 0.62, Voice { hashtag: SINGLE, ..Voice::PEOPLE });
}
