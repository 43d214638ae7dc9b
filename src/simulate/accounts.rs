//! Who writes: the ordinary population, of which every crowd draws its people, and the accounts of steered pushes.

use super::arrivals::HOUR;
use super::random::{Random, Zipf, scatter};

/// Accounts of the ordinary population.
const PEOPLE: u64 = 400_000;
/// Accounts of this many earlier posts are remembered to take part again.
const RETURNING_MAX: usize = 1 << 16;
/// The same, and the accounts, where a crowd is larger than one town: then no bound may bend its shape.
const WORLD_RETURNING_MAX: usize = 1 << 20;
const WORLD: u64 = 1 << 36;
/// Programs that people write with; shares by how often they stand here.
const CLIENTS: [&str; 12] = [
    "Perch for phones",
    "Perch for phones",
    "Perch for phones",
    "Perch for phones",
    "Perch web",
    "Perch web",
    "Perch web",
    "Wren",
    "Wren",
    "Perch for tablets",
    "Skylark Deck",
    "Plover",
];

/// The ordinary population's id space; steered accounts have spaces of their own, so that no account is in two.
pub(crate) const ORDINARY: u8 = 0;

/// Where an account comes from, as far as a platform tells.
#[derive(Clone, Copy)]
pub(crate) enum Provenance {
    /// Created over the years before, with the clients people use.
    People,
    /// As `People`, but all write with one program.
    OneClient(&'static str),
    /// Created within `days` days that ended `ago` days before, all writing with one program.
    Batch { ago: i64, days: u64, client: &'static str },
}

/// An account as its posts show it.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    /// 48 bits.
    pub id: u64,
    /// Milliseconds since the epoch.
    pub created: i64,
    pub client: Option<&'static str>,
}

/// The accounts of one run: everything about one is a function of the seed, its space and its number there.
#[derive(Clone, Copy)]
pub(crate) struct Register {
    seed: u64,
    /// Ages are counted back from here, in ms since the epoch.
    start: i64,
}

impl Register {
    pub fn new(seed: u64, start: i64) -> Register {
        Register { seed, start }
    }

    /// Account `index` (below 2⁴⁰) of a space.
    pub fn account(&self, space: u8, index: u64, provenance: Provenance) -> Account {
        let id = permute48(u64::from(space) << 40 | index, scatter(self.seed));
        let dice = scatter(id ^ 0x5bd1_e995);
        let day = 24 * HOUR;
        let of_day = (dice >> 40) as i64 % day;
        // The population grew: the square root of a uniform number piles up towards the present. Ten years, at least ten days old.
        let part = ((dice & 0xffff) as f64 / 65_536.0).sqrt();
        let years = self.start - 10 * day - ((1.0 - part) * 3650.0) as i64 * day - of_day;
        let usual = (dice >> 16 & 7 != 0).then(|| CLIENTS[(dice >> 20) as usize % CLIENTS.len()]);
        let (created, client) = match provenance {
            Provenance::People => (years, usual),
            Provenance::OneClient(client) => (years, Some(client)),
            Provenance::Batch { ago, days, client } => {
                (self.start - (ago + (dice % days) as i64) * day - of_day, Some(client))
            }
        };
        Account { id, created, client }
    }
}

/// A bijection of 48 bits: two rounds of multiply by an odd number and fold.
fn permute48(n: u64, key: u64) -> u64 {
    const MASK: u64 = (1 << 48) - 1;
    let n = (n ^ key) & MASK;
    let n = (n ^ (n >> 25)).wrapping_mul(0xbf58_476d_1ce5) & MASK;
    let n = (n ^ (n >> 23)).wrapping_mul(0x94d0_49bb_1331) & MASK;
    n ^ (n >> 24)
}

/// How the account of a post is chosen.
pub(crate) enum Who {
    /// People: with this chance someone new to the hashtag, else the account of an earlier post (Yule–Simon: who wrote more
    /// writes more). At 0.6 new that gives what organic bursts of real posts show: 1.6 posts an account, a quarter of the
    /// accounts more than one, evenness 0.4.
    People { newcomers: f64 },
    /// The same, drawn from so many people that a crowd of any size has the same shape.
    World { newcomers: f64 },
    /// A community where some are far more active than others: Zipf over so many people, chosen once for the event.
    Regulars { space: u8, people: u64, exponent: f64 },
    /// Steered accounts, each with a share of the work in proportion to its weight.
    Crew { space: u8, weights: fn(u64) -> u64, size: u64, provenance: Provenance },
    /// Steered accounts in turn, in another order every round. The laziest takes its turn with chance `effort`, the others more
    /// often; at 1 all post equally much.
    Rota { space: u8, size: u64, effort: f64, provenance: Provenance },
}

/// The choice of accounts at work.
pub(crate) struct Cast {
    register: Register,
    state: State,
}

enum State {
    People { newcomers: f64, population: Box<Zipf>, seen: Vec<u64>, max: usize },
    Regulars { space: u8, zipf: Box<Zipf> },
    Crew { space: u8, sums: Vec<u64>, provenance: Provenance },
    Rota { space: u8, size: u64, effort: f64, turn: u64, provenance: Provenance },
}

impl Cast {
    pub fn new(register: Register, who: Who) -> Cast {
        let state = match who {
            Who::People { newcomers } => State::People {
                newcomers,
                population: Box::new(Zipf::new(PEOPLE, 0.4)),
                seen: Vec::new(),
                max: RETURNING_MAX,
            },
            Who::World { newcomers } => {
                let population = Box::new(Zipf::new(WORLD, 0.4));
                State::People { newcomers, population, seen: Vec::new(), max: WORLD_RETURNING_MAX }
            }
            Who::Regulars { space, people, exponent } => {
                State::Regulars { space, zipf: Box::new(Zipf::new(people, exponent)) }
            }
            Who::Crew { space, weights, size, provenance } => {
                let sums = (0..size).scan(0, |sum, i| {
                    *sum += weights(i);
                    Some(*sum)
                });
                State::Crew { space, sums: sums.collect(), provenance }
            }
            Who::Rota { space, size, effort, provenance } => State::Rota { space, size, effort, turn: 0, provenance },
        };
        Cast { register, state }
    }

    /// The account of the next post.
    pub fn next(&mut self, random: &mut Random) -> Account {
        match &mut self.state {
            State::People { newcomers, population, seen, max } => {
                let new = seen.is_empty() || random.chance(*newcomers);
                let index = if new { population.draw(random) } else { random.choose(seen) };
                if seen.len() < *max {
                    seen.push(index);
                } else {
                    seen[random.below(*max as u64) as usize] = index;
                }
                self.register.account(ORDINARY, index, Provenance::People)
            }
            State::Regulars { space, zipf } => {
                // Numbers below PEOPLE are the ordinary population's, spread by the event so that each has its own regulars.
                let index = scatter(u64::from(*space) << 32 | zipf.draw(random)) % PEOPLE + 1;
                self.register.account(ORDINARY, index, Provenance::People)
            }
            State::Crew { space, sums, provenance } => {
                let ticket = random.below(sums[sums.len() - 1]);
                let index = sums.partition_point(|&sum| sum <= ticket) as u64;
                self.register.account(*space, index, *provenance)
            }
            State::Rota { space, size, effort, turn, provenance } => loop {
                let (round, place) = (*turn / *size, *turn % *size);
                *turn += 1;
                // A stride coprime to the size visits everyone once a round.
                let index = (place * stride(*size) + scatter(round) % *size) % *size;
                let zeal = *effort + (1.0 - *effort) * index as f64 / *size as f64;
                if random.chance(zeal) {
                    return self.register.account(*space, index, *provenance);
                }
            },
        }
    }
}

/// About 0.38 of `size` and coprime to it.
fn stride(size: u64) -> u64 {
    let mut stride = (size * 38 / 100).max(1);
    while gcd(stride, size) != 1 {
        stride += 1;
    }
    stride
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    const REGISTER: Register = Register { seed: 9, start: 1_620_000_000_000 };

    #[test]
    fn no_account_is_in_two_spaces() {
        let mut seen = HashSet::new();
        for space in 0..20 {
            for index in 0..5_000 {
                assert!(seen.insert(REGISTER.account(space, index, Provenance::People).id));
            }
        }
        assert!(seen.iter().all(|id| id >> 48 == 0));
    }

    #[test]
    fn a_rota_is_fair() {
        for size in [1, 2, 25, 60, 500] {
            let mut cast =
                Cast::new(REGISTER, Who::Rota { space: 3, size, effort: 1.0, provenance: Provenance::People });
            let mut random = Random::new(1, 0);
            let mut counts: HashMap<u64, u32> = HashMap::new();
            for _ in 0..size * 7 {
                *counts.entry(cast.next(&mut random).id).or_default() += 1;
            }
            assert_eq!(counts.len() as u64, size);
            assert!(counts.values().all(|&n| n == 7), "{counts:?}");
        }
    }

    #[test]
    fn accounts_are_older_than_their_posts_and_batches_are_young() {
        let day = 24 * HOUR;
        for index in 0..2_000 {
            let person = REGISTER.account(0, index, Provenance::People);
            assert!((10 * day..3_663 * day).contains(&(REGISTER.start - person.created)));
            let batch = Provenance::Batch { ago: 12, days: 3, client: "x" };
            let steered = REGISTER.account(1, index, batch);
            assert!((12 * day..=15 * day).contains(&(REGISTER.start - steered.created)));
        }
    }
}
