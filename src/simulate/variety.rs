//! Variety: under another seed not only other posts, but a crowd of another size and with other habits. An error rate over
//! seeds of one shape says how chance treats that one crowd; over varied ones it says something of crowds.
//!
//! The ranges are those of the labelled organic bursts of real posts (58 of them): 1.2 to 2.6 posts an account, up to 5.9 at
//! conferences; 3 to 36 % of the originals mention or answer somebody, 20 to 93 % at conferences.

use super::accounts::Who;
use super::arrivals::Curve;
use super::crowd::{Plan, Voice};
use super::random::Random;

/// The stream of chance that shapes are drawn from: no stream of posts has it.
const STREAM: u64 = 1 << 40;

/// How the crowds of a scenario differ from the shape that its builder describes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variety {
    /// Factor of all rates.
    pub size: f64,
    /// Habits of people, and of those who are steered.
    people: Habits,
    steered: Habits,
}

/// Least factor of talk where people know each other.
const COMMUNITY_TALK_MIN: f64 = 0.54;

/// Shifts on the scale of log odds, where the one end of a share is as far away as the other; factors of the rest.
#[derive(Clone, Copy, Debug)]
struct Habits {
    newcomers: f64,
    repost: f64,
    alone: f64,
    /// Factor of the shares that mention or answer.
    talk: f64,
    /// Factor of the number of steered accounts.
    crew: f64,
}

const AS_DESCRIBED: Habits = Habits { newcomers: 0.0, repost: 0.0, alone: 0.0, talk: 1.0, crew: 1.0 };

impl Variety {
    /// A crowd may be three times as large, or a third.
    pub const OF_PEOPLE: f64 = 1.6;
    /// A push is as large as it is described, give or take a third: a smaller one would be another push.
    pub const OF_PUSHES: f64 = 0.5;

    /// Every crowd as its builder describes it.
    pub const NONE: Variety = Variety { size: 1.0, people: AS_DESCRIBED, steered: AS_DESCRIBED };

    /// The shape of a seed, up to 2^`octaves` times larger or smaller than described.
    pub fn of(seed: u64, octaves: f64) -> Variety {
        let mut random = Random::new(seed, STREAM);
        let size = two_to(normal(&mut random).clamp(-octaves, octaves));
        let people = Habits {
            newcomers: 0.35 * normal(&mut random),
            repost: 0.4 * normal(&mut random),
            alone: 0.5 * normal(&mut random),
            talk: two_to(between(&mut random, -1.8, 0.5)),
            crew: 1.0,
        };
        let steered = Habits {
            newcomers: 0.0,
            repost: 0.5 * normal(&mut random),
            alone: 0.5 * normal(&mut random),
            talk: two_to(between(&mut random, -1.0, 1.5)),
            crew: two_to(between(&mut random, -0.5, 0.5)),
        };
        Variety { size, people, steered }
    }

    /// A plan in this shape.
    pub fn apply(&self, mut plan: Plan) -> Plan {
        let habits = if plan.coordinated { self.steered } else { self.people };
        match &mut plan.curve {
            Curve::Lines(points) => points.iter_mut().for_each(|(_, rate)| *rate *= self.size),
            Curve::Daily { mean, .. } => *mean *= self.size,
        }
        match &mut plan.who {
            Who::People { newcomers } | Who::World { newcomers } => *newcomers = shifted(*newcomers, habits.newcomers),
            // A feed is what it is; a crew may be larger or smaller than its work.
            Who::Rota { size, .. } if plan.coordinated => *size = ((*size as f64 * habits.crew) as u64).max(8),
            Who::Rota { .. } | Who::Regulars { .. } | Who::Crew { .. } => {}
        }
        // Who knows each other talks: of communities at least a fifth of the originals does.
        let least = if matches!(plan.who, Who::Regulars { .. }) { COMMUNITY_TALK_MIN } else { 0.0 };
        let Voice { repost, alone, reply, mention, .. } = &mut plan.voice;
        (*repost, *alone) = (shifted(*repost, habits.repost), shifted(*alone, habits.alone));
        for talk in [reply, mention] {
            *talk = (*talk * habits.talk.max(least)).min(0.95);
        }
        plan
    }
}

/// A share moved on the scale of log odds; none and all stay what they are.
fn shifted(share: f64, by: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return share;
    }
    let odds = share / (1.0 - share) * libm::exp(by);
    odds / (1.0 + odds)
}

fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.unit()
}

fn two_to(power: f64) -> f64 {
    libm::exp2(power)
}

/// Standard normal but for its far tails: twelve uniform numbers less six.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_stays_one_and_the_middle_of_the_seeds_is_as_described() {
        assert!((shifted(0.4, 0.0) - 0.4).abs() < 1e-12);
        assert_eq!((shifted(0.0, 2.0).to_bits(), shifted(1.0, -2.0).to_bits()), (0.0_f64.to_bits(), 1.0_f64.to_bits()));
        let shapes: Vec<Variety> = (1..=400).map(|seed| Variety::of(seed, Variety::OF_PEOPLE)).collect();
        let larger = shapes.iter().filter(|shape| shape.size > 1.0).count();
        assert!((160..=240).contains(&larger), "{larger} of 400 are larger");
        let newcomers: Vec<f64> = shapes.iter().map(|shape| shifted(0.62, shape.people.newcomers)).collect();
        let within = newcomers.iter().filter(|share| (0.45..0.78).contains(*share)).count();
        assert!((370..400).contains(&within), "{within} of 400 between 1.3 and 2.2 posts an account");
    }
}
