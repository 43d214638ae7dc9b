//! The one source of chance. ChaCha8 is a fixed function of its seed, and every transcendental goes through `libm`,
//! so a scenario gives the same bytes on every machine, with every release of Rust and of the `rand` crates: only
//! `next_u64` is taken from them, the mappings to ranges and distributions are ours.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A bijection of 64 bits that scatters neighbouring numbers (SplitMix64's finaliser, Steele et al. 2014).
pub(crate) fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A seeded stream of random numbers.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// Independent numbers for each (seed, stream).
    pub fn new(seed: u64, stream: u64) -> Random {
        let mut key = [0; 32];
        for (i, word) in key.chunks_exact_mut(8).enumerate() {
            let n = seed.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            word.copy_from_slice(&scatter(n).to_le_bytes());
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Random(rng)
    }

    /// Uniform over `0..n`; `n` must not be 0.
    pub fn below(&mut self, n: u64) -> u64 {
        debug_assert!(n > 0);
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform over a slice.
    pub fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Uniform over [0, 1), in steps of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// Whole numbers from 1 with P(at least n) = n^-`tail`, cut at `max`.
    pub fn pareto(&mut self, tail: f64, max: u64) -> u64 {
        (libm::pow(1.0 - self.unit(), -1.0 / tail) as u64).clamp(1, max)
    }
}

/// Ranks 1 to n with probability proportional to (rank + shift)^-s, for s ≠ 1, in one `pow` a draw. A shift flattens the
/// head (Mandelbrot), so that the first rank does not take a tenth of everything.
///
/// A real number is drawn with density x^-s over [shift + ½, shift + n + ½] and rounded. As x^-s is convex, the mass that lands on k is a
/// little more than k^-s, so k is accepted with the ratio of the two; above k = 64 the ratio is within 3·10⁻⁵ of 1
/// and the test is left out.
pub(crate) struct Zipf {
    n: u64,
    shift: u64,
    /// 1 / (1 - s).
    inverse: f64,
    /// The antiderivative's factor-free values x^(1-s) at the two ends.
    low: f64,
    span: f64,
    accept: [f64; 64],
}

impl Zipf {
    pub fn new(n: u64, s: f64) -> Zipf {
        Zipf::shifted(n, s, 0)
    }

    pub fn shifted(n: u64, s: f64, shift: u64) -> Zipf {
        assert!(n > 0 && (s - 1.0).abs() > 1e-6, "zipf needs ranks and an exponent other than 1");
        let power = |x: f64| libm::pow(x, 1.0 - s);
        let mut accept = [1.0; 64];
        for (i, slot) in accept.iter_mut().enumerate() {
            let k = (i + 1) as f64;
            *slot = libm::pow(k, -s) * (1.0 - s) / (power(k + 0.5) - power(k - 0.5));
        }
        let low = power(shift as f64 + 0.5);
        let span = power((shift + n) as f64 + 0.5) - low;
        Zipf { n, shift, inverse: 1.0 / (1.0 - s), low, span, accept }
    }

    /// A rank from 1 to n.
    pub fn draw(&self, random: &mut Random) -> u64 {
        loop {
            let x = libm::pow(self.low + self.span * random.unit(), self.inverse);
            let k = ((x + 0.5) as u64).clamp(self.shift + 1, self.shift + self.n);
            let accept = self.accept.get(k as usize - 1);
            if accept.is_none_or(|&accept| random.chance(accept)) {
                return k - self.shift;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_pinned_and_streams_differ() {
        let mut random = Random::new(1, 0);
        let first: Vec<u64> = (0..4).map(|_| random.below(1000)).collect();
        let again: Vec<u64> = {
            let mut random = Random::new(1, 0);
            (0..4).map(|_| random.below(1000)).collect()
        };
        let mut other = Random::new(1, 1);
        assert_eq!(first, again);
        assert_ne!(first, (0..4).map(|_| other.below(1000)).collect::<Vec<_>>());
    }

    #[test]
    fn zipf_draws_have_the_promised_frequencies() {
        for (s, shift) in [(0.4, 0), (0.8, 0), (1.1, 0), (2.0, 0), (1.05, 20)] {
            let (n, draws) = (200u64, 400_000);
            let zipf = Zipf::shifted(n, s, shift);
            let mut random = Random::new(7, 0);
            let mut counts = vec![0u32; n as usize + 1];
            for _ in 0..draws {
                counts[zipf.draw(&mut random) as usize] += 1;
            }
            let total: f64 = (1..=n).map(|k| libm::pow((k + shift) as f64, -s)).sum();
            for k in [1, 2, 3, 10, 50, 100, 200] {
                let p = libm::pow((k + shift) as f64, -s) / total;
                let sigma = (p * (1.0 - p) * f64::from(draws)).sqrt();
                let off = (f64::from(counts[k as usize]) - p * f64::from(draws)).abs();
                assert!(off < 5.0 * sigma + 1.0, "s {s}, shift {shift}, rank {k}: {off} off, sigma {sigma}");
            }
        }
    }

    #[test]
    fn exponential_and_pareto_have_their_means_and_tails() {
        let mut random = Random::new(3, 0);
        let mean = (0..100_000).map(|_| random.exponential()).sum::<f64>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        let above = (0..100_000).filter(|_| random.pareto(1.3, 250) >= 10).count() as f64 / 100_000.0;
        assert!((above - libm::pow(10.0, -1.3)).abs() < 0.004, "{above}");
    }
}
