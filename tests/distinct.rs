//! Holds `track::distinct` to its promised error, on a grid dense enough that no transition between two estimators
//! could hide in it, beside Apache DataSketches as the oracle and the `hyperloglog` crate whose defect it avoids.
//! All streams are seeded: the same numbers come out on every run.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

use std::collections::BTreeSet;
use std::hash::Hasher;

use datasketches::hll::{HllSketch, HllType};
use hyperloglog::HyperLogLog;
use proptest::prelude::*;
use tagwatch::model::Keyed;
use tagwatch::track::distinct::{Distinct, EXACT_MAX, REGISTERS, Registers, STANDARD_ERROR};

/// Promised bound on the root mean square error at any count.
const RMS_MAX: f64 = 0.0175;
/// Trials a grid point: the measured RMS then has itself a standard error of 2.2 %, and 1.75 lies 3.4 of those above 1.625.
const TRIALS: u64 = 1000;

/// Uniform 64-bit numbers: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
struct SplitMix(u64);

impl SplitMix {
    fn for_trial(trial: u64) -> SplitMix {
        // Starts of different trials lie far apart on the generator's single cycle.
        SplitMix(SplitMix(trial).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Every count to 32, then steps of 4 % to 16 registers' worth: 233 counts.
fn dense_grid() -> Vec<u64> {
    let mut grid: Vec<u64> = (1..=32).collect();
    while let Some(&last) = grid.last()
        && last < 16 * REGISTERS as u64
    {
        grid.push((last + last / 25 + 1).min(16 * REGISTERS as u64));
    }
    grid
}

/// Errors of many trials at one count, as shares of it.
#[derive(Clone, Default)]
struct Errors {
    squares: f64,
    worst: f64,
    outside95: u64,
    trials: u64,
}

impl Errors {
    fn add(&mut self, estimate: f64, truth: u64) {
        let error = estimate / truth as f64 - 1.0;
        self.squares += error * error;
        self.worst = self.worst.max(error.abs());
        self.trials += 1;
    }

    fn add_all(&mut self, other: &Errors) {
        self.squares += other.squares;
        self.worst = self.worst.max(other.worst);
        self.outside95 += other.outside95;
        self.trials += other.trials;
    }

    fn rms(&self) -> f64 {
        (self.squares / self.trials as f64).sqrt()
    }
}

/// Runs the trials on two threads; `trial` adds its errors, one entry a grid point.
fn measure(points: usize, trials: u64, trial: impl Fn(u64, &mut [Errors]) + Sync) -> Vec<Errors> {
    std::thread::scope(|scope| {
        let run = |first: u64| {
            let mut errors = vec![Errors::default(); points];
            (first..trials).step_by(2).for_each(|number| trial(number, &mut errors));
            errors
        };
        let other = scope.spawn(move || run(1));
        let mut errors = run(0);
        for (mine, theirs) in errors.iter_mut().zip(other.join().unwrap()) {
            mine.add_all(&theirs);
        }
        errors
    })
}

/// One growing stream a trial, looked at wherever it reaches a count of the grid.
fn registers_errors(grid: &[u64], trials: u64) -> Vec<Errors> {
    measure(grid.len(), trials, |trial, errors| {
        let (mut stream, mut registers, mut inserted) = (SplitMix::for_trial(trial), Registers::new(), 0);
        for (&count, errors) in grid.iter().zip(errors) {
            (inserted..count).for_each(|_| registers.insert(stream.next()));
            inserted = count;
            errors.add(registers.estimate(), count);
            let (low, high) = registers.interval95();
            errors.outside95 += u64::from(!(low..=high).contains(&count));
        }
    })
}

/// Asserts the promise at every count and returns the greatest RMS.
fn hold_to_promise(grid: &[u64], errors: &[Errors]) -> f64 {
    for (count, errors) in grid.iter().zip(errors) {
        assert!(errors.rms() <= RMS_MAX, "RMS at {count} is {:.3} %", 100.0 * errors.rms());
        // Below the bound sets are exact; there, registers alone miss by whole collisions, which no sigma describes.
        if *count > EXACT_MAX as u64 {
            assert!(errors.worst <= 5.0 * STANDARD_ERROR, "a trial at {count} is {:.2} % off", 100.0 * errors.worst);
            let outside = errors.outside95 as f64 / errors.trials as f64;
            assert!(outside <= 0.07, "95 % interval misses {count} in {:.1} % of trials", 100.0 * outside);
        }
    }
    errors.iter().map(Errors::rms).fold(0.0, f64::max)
}

#[test]
fn the_error_is_as_promised_from_1_to_16_times_the_registers() {
    let grid = dense_grid();
    assert!(grid.len() > 200 && grid.last() == Some(&65_536), "the grid is dense and reaches the end");
    let worst_rms = hold_to_promise(&grid, &registers_errors(&grid, TRIALS));
    println!("{} counts to 65 536, {TRIALS} trials each: greatest RMS {:.3} %", grid.len(), 100.0 * worst_rms);
}

#[test]
fn the_error_is_as_promised_at_a_hundred_thousand_and_a_million() {
    let grid = [100_000, 200_000, 500_000, 1_000_000];
    // Fewer trials: they take nearly all of this file's time.
    let errors = registers_errors(&grid, 400);
    hold_to_promise(&grid, &errors);
    for (count, errors) in grid.iter().zip(&errors) {
        println!("{count}: RMS {:.3} %, worst {:.2} %", 100.0 * errors.rms(), 100.0 * errors.worst);
    }
}

#[test]
fn sets_are_exact_to_500_and_as_promised_above() {
    let grid = dense_grid();
    let errors = measure(grid.len(), 200, |trial, errors| {
        let (mut stream, mut distinct, mut inserted) = (SplitMix::for_trial(trial), Distinct::new(), 0);
        for (&count, errors) in grid.iter().zip(errors) {
            for _ in inserted..count {
                let hash = stream.next();
                distinct.insert(hash);
                distinct.insert(hash);
            }
            inserted = count;
            errors.add(distinct.estimate() as f64, count);
            assert_eq!(distinct.is_exact(), count <= EXACT_MAX as u64);
        }
    });
    for (&count, errors) in grid.iter().zip(&errors) {
        let bound = if count <= 500 { 0.0 } else { 5.0 * STANDARD_ERROR };
        assert!(errors.worst <= bound, "a trial at {count} is {:.2} % off", 100.0 * errors.worst);
    }
}

/// Its own registers, from the image it writes: 40 bytes of preamble, then one byte a register in the 8-bit form.
fn oracle_registers(sketch: &HllSketch) -> Registers {
    let image = sketch.serialize();
    assert_eq!(image.len(), 40 + REGISTERS, "the oracle is dense");
    Registers::from_bytes(&image[40..]).unwrap()
}

#[test]
fn the_oracle_agrees_on_its_own_registers_and_on_the_same_input() {
    let grid: Vec<u64> = dense_grid().into_iter().filter(|&count| count >= 1000).step_by(6).collect();
    let both = measure(2 * grid.len(), 200, |trial, errors| {
        let (ours, oracles) = errors.split_at_mut(grid.len());
        let (mut stream, mut inserted) = (SplitMix::for_trial(trial), 0);
        let (mut registers, mut oracle) = (Registers::new(), HllSketch::new(12, HllType::Hll8).unwrap());
        for ((&count, ours), oracles) in grid.iter().zip(ours).zip(oracles) {
            for _ in inserted..count {
                let hash = stream.next();
                registers.insert(hash);
                oracle.update(hash);
            }
            inserted = count;
            // Its estimate from registers alone; its other one also needs the order of arrival, which panes do not know.
            let estimate = oracle.composite_estimate();
            let same_registers = oracle_registers(&oracle).estimate();
            let apart = (same_registers / estimate - 1.0).abs();
            assert!(apart < 0.02, "on the same registers at {count}: {same_registers:.0} here, {estimate:.0} there");
            ours.add(registers.estimate(), count);
            oracles.add(estimate, count);
        }
    });
    let (ours, oracles) = both.split_at(grid.len());
    for ((count, ours), oracle) in grid.iter().zip(ours).zip(oracles) {
        let (ours, oracle) = (ours.rms(), oracle.rms());
        // Two samples of 200 trials: their ratio has a standard error of 7 %.
        assert!(ours <= 1.25 * oracle, "at {count}: RMS {:.3} % here, {:.3} % there", 100.0 * ours, 100.0 * oracle);
    }
}

#[test]
fn the_hyperloglog_crate_misses_its_promise_where_this_one_holds() {
    // Asked for 1 % it takes 2^ceil(ln(104²)) = 1024 registers, where 1 % needs 2^ceil(log2(104²)) = 16 384.
    for (asked, registers) in [(0.02, 256), (0.01, 1024), (0.00408, 4096)] {
        let shown = format!("{:?}", HyperLogLog::new_deterministic(asked, 0));
        assert!(shown.contains(&format!("m: {registers},")), "asked for {asked} it shows {}", &shown[..60]);
    }
    for (asked, m) in [(0.02, 256_u64), (0.01, 1024), (0.00408, 4096)] {
        // From 2.5 to 20 times its registers, in steps of 2.5.
        let grid: Vec<u64> = (1..=8).map(|step| step * m * 5 / 2).collect();
        let crates = measure(grid.len(), 200, |trial, errors| {
            let (mut stream, mut inserted) = (SplitMix::for_trial(trial), 0);
            let mut sketch = HyperLogLog::new_deterministic(asked, 0);
            for (&count, errors) in grid.iter().zip(errors) {
                (inserted..count).for_each(|_| sketch.insert_by_hash_value(stream.next()));
                inserted = count;
                errors.add(sketch.len(), count);
            }
        });
        for (count, errors) in grid.iter().zip(&crates) {
            println!("hyperloglog asked for {asked}: RMS {:.2} % at {count}", 100.0 * errors.rms());
            assert!(errors.rms() > 2.0 * asked, "at {count} its RMS is {:.2} %", 100.0 * errors.rms());
        }
        let worst = crates.iter().map(Errors::rms).fold(0.0, f64::max);
        let theory = 1.04 / (m as f64).sqrt();
        assert!(worst > 1.5 * theory, "even for the {m} registers it has: {:.2} %", 100.0 * worst);
    }
}

/// A hash whose key everybody knows, as in most libraries.
fn public_hash(name: &str) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(name.as_bytes());
    hasher.finish()
}

#[test]
fn crafted_account_names_hide_from_a_public_hash_but_not_from_the_keyed_one() {
    // The attacker keeps names whose rank is 1: every second one. No register ever holds more.
    let low_rank = |name: &String| public_hash(name) & (1 << 51) != 0;
    let names: Vec<String> = (0..).map(|n| format!("account{n}")).filter(low_rank).take(60_000).collect();
    let (mut public, mut keyed) = (Distinct::new(), Distinct::new());
    let key = Keyed::new([7; 16]);
    for name in &names {
        public.insert(public_hash(name));
        keyed.insert(key.account("", name));
    }
    println!("60 000 crafted names read as {} and, keyed, as {}", public.estimate(), keyed.estimate());
    assert!(public.estimate() < 6_000, "the attack works on a public hash: {}", public.estimate());
    let error = (keyed.estimate() as f64 / 60_000.0 - 1.0).abs();
    assert!(error < 3.0 * STANDARD_ERROR, "keyed they read as {}", keyed.estimate());
}

/// The registers by the definition, bit by bit from the text of the number.
fn naive_registers(hashes: &BTreeSet<u64>) -> Vec<u8> {
    let mut registers = vec![0; REGISTERS];
    for hash in hashes {
        let bits = format!("{hash:064b}");
        let (index, rest) = bits.split_at(12);
        let index = usize::from_str_radix(index, 2).unwrap();
        let rank = rest.find('1').map_or(53, |zeros| zeros as u8 + 1);
        registers[index] = registers[index].max(rank);
    }
    registers
}

/// Hashes with repeats: uniform ones from a few hundred or thousand, and some with extreme ranks.
fn hashes() -> impl Strategy<Value = Vec<u64>> {
    let hash = prop_oneof![
        8 => (0..2000_u64).prop_map(|n| SplitMix(n).next()),
        1 => (0..100_u64, 0..52_u32).prop_map(|(index, bit)| index << 52 | 1 << bit),
        1 => (0..100_u64).prop_map(|index| index << 52),
    ];
    prop_oneof![prop::collection::vec(hash.clone(), 0..700), prop::collection::vec(hash, 500..1500)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_split_and_merge_gives_the_same_bytes(
        hashes in hashes(),
        parts in 1..8_usize,
        seed in any::<u64>(),
    ) {
        let naive: BTreeSet<u64> = hashes.iter().copied().collect();
        let mut straight = Distinct::new();
        hashes.iter().for_each(|&hash| straight.insert(hash));

        let mut random = SplitMix(seed);
        let mut shuffled = hashes.clone();
        (1..shuffled.len()).for_each(|i| shuffled.swap(i, (random.next() % (i as u64 + 1)) as usize));
        let mut split = vec![Distinct::new(); parts];
        shuffled.iter().for_each(|&hash| split[(random.next() % parts as u64) as usize].insert(hash));
        // Merges random pairs until one is left, some of them with something already inserted twice.
        while split.len() > 1 {
            let last = split.swap_remove((random.next() % split.len() as u64) as usize);
            let into = (random.next() % split.len() as u64) as usize;
            split[into].merge(&last);
            split[into].merge(&last);
        }

        prop_assert_eq!(&straight, &split[0]);
        prop_assert_eq!(straight.bytes(), split[0].bytes());
        let bytes = postcard::to_allocvec(&straight).unwrap();
        prop_assert_eq!(&bytes, &postcard::to_allocvec(&split[0]).unwrap());
        prop_assert_eq!(&straight, &postcard::from_bytes::<Distinct>(&bytes).unwrap());
        let json = serde_json::to_string(&straight).unwrap();
        prop_assert_eq!(&straight, &serde_json::from_str::<Distinct>(&json).unwrap());
        prop_assert_eq!(straight.is_exact(), naive.len() <= EXACT_MAX);
        if straight.is_exact() {
            prop_assert_eq!(straight.estimate(), naive.len() as u64);
        }
    }

    #[test]
    fn registers_are_those_of_the_naive_twin(hashes in hashes(), at in any::<prop::sample::Index>()) {
        let naive: BTreeSet<u64> = hashes.iter().copied().collect();
        let (one, two) = hashes.split_at(at.index(hashes.len() + 1));
        let (mut left, mut right) = (Registers::new(), Registers::new());
        one.iter().for_each(|&hash| left.insert(hash));
        two.iter().for_each(|&hash| right.insert(hash));
        left.merge(&right);
        prop_assert_eq!(left.as_bytes().as_slice(), naive_registers(&naive));
        let bytes = postcard::to_allocvec(&left).unwrap();
        prop_assert_eq!(bytes.len(), REGISTERS + 2);
        prop_assert_eq!(&left, &postcard::from_bytes::<Registers>(&bytes).unwrap());
    }
}
