//! How many distinct hashes went in: exact while few, then 4096 HyperLogLog registers.
//!
//! Why not the `hyperloglog` crate: it takes a natural logarithm where its precision needs a binary one and reads its
//! linear-counting threshold from the wrong row, so between 2.5 and 20 times its registers its error is 3 to 18 times
//! what was asked of it, at worst five times what its registers allow (`tests/distinct.rs` shows it). Here the estimator is Ertl's, which needs no threshold and no table.
//!
//! What goes in must already be uniform and keyed (see [`crate::model::Keyed`]); nothing is hashed here. Both forms
//! depend on the set of hashes alone, so any order, split and merge of the same hashes gives the same value and bytes.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most hashes that [`Distinct`] keeps one by one; 512 of 8 bytes take as much as the registers.
pub const EXACT_MAX: usize = 512;

/// Registers of a sketch.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Standard error of an estimate from the registers, as a share of it: `1.04 / sqrt(4096)`.
pub const STANDARD_ERROR: f64 = 1.04 / 64.0;

/// Leading bits of a hash that choose its register.
const INDEX_BITS: u32 = 12;
/// Bits left for the rank: `q` in Ertl's paper.
const RANK_BITS: usize = 64 - INDEX_BITS as usize;
/// Greatest rank: all rank bits zero.
const RANK_MAX: u8 = RANK_BITS as u8 + 1;

/// HyperLogLog registers: each holds the greatest rank (leading zeros plus one) of the hashes that chose it; 0 is empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Registers(Box<[u8; REGISTERS]>);

impl Registers {
    /// Empty registers.
    pub fn new() -> Registers {
        Registers(Box::new([0; REGISTERS]))
    }

    /// Adds one keyed hash.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        let index = (hash >> RANK_BITS) as usize;
        // The set bit behind the rank bits stops the count at RANK_MAX.
        let rank = (((hash << INDEX_BITS) | (1 << (INDEX_BITS - 1))).leading_zeros() + 1) as u8;
        let register = &mut self.0[index];
        *register = (*register).max(rank);
    }

    /// Adds everything that went into `other`: the greater rank of each pair, 16 pairs an instruction.
    pub fn merge(&mut self, other: &Registers) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// How many distinct hashes went in, by the improved raw estimator of O. Ertl, "New cardinality estimation
    /// algorithms for HyperLogLog sketches", arXiv 1702.01284, algorithm 6. Only additions, products and square roots,
    /// all exactly rounded by IEEE 754: the same registers give the same bits on every machine.
    pub fn estimate(&self) -> f64 {
        const M: f64 = REGISTERS as f64;
        // 1 / (2 ln 2): the constant for infinitely many registers, as the paper's estimator wants it.
        const ALPHA: f64 = 0.5 / std::f64::consts::LN_2;
        let counts = self.rank_counts();
        let mut z = M * tau(1.0 - f64::from(counts[RANK_BITS + 1]) / M);
        for &count in counts[1..=RANK_BITS].iter().rev() {
            z = 0.5 * (z + f64::from(count));
        }
        z += M * sigma(f64::from(counts[0]) / M);
        // Only registers that no input can fill make z vanish.
        (ALPHA * M * M / z).min(u64::MAX as f64)
    }

    /// The 95 % interval of the count, rounded outwards: 1.96 standard errors either way, but never below the number
    /// of registers in use, which is certain.
    pub fn interval95(&self) -> (u64, u64) {
        let estimate = self.estimate();
        let width = 1.96 * STANDARD_ERROR * estimate;
        let used = self.0.iter().filter(|&&rank| rank > 0).count() as u64;
        let low = libm::floor(estimate - width) as u64;
        let high = libm::ceil(estimate + width) as u64;
        (low.max(used), high.max(used))
    }

    /// The registers as they are stored: 4096 bytes, each a rank from 0 to 53.
    pub fn as_bytes(&self) -> &[u8; REGISTERS] {
        &self.0
    }

    /// Registers from what [`as_bytes`](Self::as_bytes) gave; `None` where the length or a rank cannot be.
    pub fn from_bytes(bytes: &[u8]) -> Option<Registers> {
        let registers: Box<[u8; REGISTERS]> = Box::<[u8]>::from(bytes).try_into().ok()?;
        registers.iter().all(|&rank| rank <= RANK_MAX).then_some(Registers(registers))
    }

    /// How many registers hold each rank. Four tables, because neighbours often hold the same rank and one table would
    /// wait for its own last store.
    fn rank_counts(&self) -> [u32; 64] {
        let mut tables = [[0_u32; 64]; 4];
        for four in self.0.chunks_exact(4) {
            for (table, &rank) in tables.iter_mut().zip(four) {
                table[usize::from(rank & 63)] += 1;
            }
        }
        let [mut counts, rest @ ..] = tables;
        for table in rest {
            for (count, more) in counts.iter_mut().zip(table) {
                *count += more;
            }
        }
        counts
    }
}

impl Default for Registers {
    fn default() -> Self {
        Registers::new()
    }
}

impl fmt::Debug for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registers(about {:.0})", self.estimate())
    }
}

impl Serialize for Registers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_slice())
    }
}

impl<'de> Deserialize<'de> for Registers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(RegistersVisitor)
    }
}

struct RegistersVisitor;

impl<'de> Visitor<'de> for RegistersVisitor {
    type Value = Registers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{REGISTERS} ranks from 0 to {RANK_MAX}")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Registers, E> {
        Registers::from_bytes(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }

    // Formats without bytes, such as JSON, write them as a list.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Registers, A::Error> {
        let mut bytes = Vec::with_capacity(REGISTERS);
        while let Some(rank) = list.next_element::<u8>()? {
            if bytes.len() == REGISTERS {
                return Err(A::Error::invalid_length(REGISTERS + 1, &self));
            }
            bytes.push(rank);
        }
        self.visit_bytes(&bytes)
    }
}

/// A set of hashes that knows its size: exact up to [`EXACT_MAX`], registers above.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Form")]
pub struct Distinct(Form);

/// The form follows from the set alone: `Exact` at up to `EXACT_MAX` hashes, `Dense` above.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Form {
    /// The hashes, ascending, each once.
    Exact(Vec<u64>),
    /// What is left of more hashes than that.
    Dense(Registers),
}

impl Distinct {
    /// The empty set. Takes no heap memory.
    pub const fn new() -> Distinct {
        Distinct(Form::Exact(Vec::new()))
    }

    /// Adds one keyed hash. Exact sets are kept sorted: at most nine steps and a move of 4 KB.
    pub fn insert(&mut self, hash: u64) {
        match &mut self.0 {
            Form::Dense(registers) => registers.insert(hash),
            Form::Exact(hashes) => {
                let Err(at) = hashes.binary_search(&hash) else { return };
                if hashes.len() == EXACT_MAX {
                    let mut registers = dense(hashes);
                    registers.insert(hash);
                    self.0 = Form::Dense(registers);
                } else {
                    hashes.reserve_exact(room(hashes.len() + 1).saturating_sub(hashes.len()));
                    hashes.insert(at, hash);
                }
            }
        }
    }

    /// Adds everything that went into `other`.
    pub fn merge(&mut self, other: &Distinct) {
        match (&mut self.0, &other.0) {
            (_, Form::Dense(theirs)) => self.merge_registers(theirs),
            (Form::Dense(mine), Form::Exact(theirs)) => theirs.iter().for_each(|&hash| mine.insert(hash)),
            (Form::Exact(mine), Form::Exact(theirs)) => {
                let mut union = [0; 2 * EXACT_MAX];
                let union = union_of(mine, theirs, &mut union);
                if union.len() > EXACT_MAX {
                    self.0 = Form::Dense(dense(union));
                } else {
                    mine.clear();
                    mine.reserve_exact(room(union.len()));
                    mine.extend_from_slice(union);
                }
            }
        }
    }

    /// Adds everything that went into the registers of a set that is no longer exact.
    pub fn merge_registers(&mut self, theirs: &Registers) {
        if let Form::Dense(mine) = &mut self.0 {
            return mine.merge(theirs);
        }
        let mut registers = theirs.clone();
        if let Form::Exact(mine) = &self.0 {
            mine.iter().for_each(|&hash| registers.insert(hash));
        }
        self.0 = Form::Dense(registers);
    }

    /// How many distinct hashes went in: exact up to [`EXACT_MAX`], else the estimate rounded to the nearest integer, and
    /// no less than that.
    pub fn estimate(&self) -> u64 {
        match &self.0 {
            Form::Exact(hashes) => hashes.len() as u64,
            Form::Dense(registers) => (libm::round(registers.estimate()) as u64).max(EXACT_MAX as u64),
        }
    }

    /// The 95 % interval of the count; both ends equal the count while it is exact. More than [`EXACT_MAX`] is certain
    /// once it is not.
    pub fn interval95(&self) -> (u64, u64) {
        match &self.0 {
            Form::Exact(hashes) => (hashes.len() as u64, hashes.len() as u64),
            Form::Dense(registers) => {
                let (low, high) = registers.interval95();
                let least = EXACT_MAX as u64 + 1;
                (low.max(least), high.max(least))
            }
        }
    }

    /// Whether the count is exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.0, Form::Exact(_))
    }

    /// Bytes on the heap. Follows from the set alone, so a memory bound acts alike whatever the order of arrival.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Form::Exact(hashes) => room(hashes.len()) * size_of::<u64>(),
            Form::Dense(_) => REGISTERS,
        }
    }
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct::new()
    }
}

impl TryFrom<Form> for Distinct {
    type Error = &'static str;

    /// Checks what was read back: hashes ascending, each once, no more than there may be.
    fn try_from(form: Form) -> Result<Self, Self::Error> {
        match &form {
            Form::Exact(hashes) if hashes.len() > EXACT_MAX => Err("more hashes than an exact set holds"),
            Form::Exact(hashes) if !hashes.is_sorted_by(|a, b| a < b) => Err("hashes of an exact set out of order"),
            _ => Ok(Distinct(form)),
        }
    }
}

/// `σ(x) = x + Σ_{k≥1} x^(2^k) 2^(k-1)` of the paper: what the empty registers tell. Ends when a term no longer counts.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let last = z;
        z += x * y;
        y += y;
        if z == last {
            return z;
        }
    }
}

/// `τ(x) = (1 − x − Σ_{k≥1} (1 − x^(2^-k))² 2^(-k)) / 3` of the paper: what the full registers tell.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = libm::sqrt(x);
        let last = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == last {
            return z / 3.0;
        }
    }
}

/// Registers of the given hashes.
fn dense(hashes: &[u64]) -> Registers {
    let mut registers = Registers::new();
    hashes.iter().for_each(|&hash| registers.insert(hash));
    registers
}

/// Capacity for `len` hashes: the next power of two, at least four where there is any.
fn room(len: usize) -> usize {
    if len == 0 { 0 } else { len.next_power_of_two().max(4) }
}

/// The union of two ascending lists, ascending, in the front part of `union`, which must hold both.
fn union_of<'u>(mut a: &[u64], mut b: &[u64], union: &'u mut [u64]) -> &'u [u64] {
    let mut len = 0;
    while let (Some(&first_a), Some(&first_b)) = (a.first(), b.first()) {
        union[len] = first_a.min(first_b);
        len += 1;
        a = &a[usize::from(first_a <= first_b)..];
        b = &b[usize::from(first_b <= first_a)..];
    }
    for rest in [a, b] {
        union[len..len + rest.len()].copy_from_slice(rest);
        len += rest.len();
    }
    &union[..len]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_leading_zeros_after_the_index() {
        let mut registers = Registers::new();
        registers.insert(u64::MAX);
        registers.insert(0);
        registers.insert((7 << RANK_BITS) | 1);
        registers.insert((7 << RANK_BITS) | (1 << (RANK_BITS - 3)));
        assert_eq!(registers.as_bytes()[REGISTERS - 1], 1);
        assert_eq!(registers.as_bytes()[0], RANK_MAX);
        assert_eq!(registers.as_bytes()[7], RANK_MAX - 1, "the greatest rank stays");
    }

    #[test]
    fn the_ends_of_the_estimator_are_finite() {
        assert_eq!(Registers::new().estimate(), 0.0);
        assert_eq!(Registers::new().interval95(), (0, 0));
        let full = Registers::from_bytes(&[RANK_MAX; REGISTERS]).expect("the greatest rank is a rank");
        assert!(full.estimate().is_finite() && full.estimate() > 1e18, "full registers estimate {}", full.estimate());
        assert_eq!(full.interval95().1, u64::MAX);
    }

    #[test]
    fn bytes_that_no_registers_gave_are_refused() {
        assert!(Registers::from_bytes(&[0; REGISTERS - 1]).is_none());
        let mut bytes = [0; REGISTERS];
        bytes[9] = RANK_MAX + 1;
        assert!(Registers::from_bytes(&bytes).is_none());
        assert!(postcard::from_bytes::<Registers>(&[3, 1, 1, 1]).is_err());
    }

    #[test]
    fn a_stored_set_must_be_one_that_inserting_gives() {
        let unsorted = postcard::to_allocvec(&Form::Exact(vec![2, 1])).expect("plain data serializes");
        assert!(postcard::from_bytes::<Distinct>(&unsorted).is_err());
        let twice = postcard::to_allocvec(&Form::Exact(vec![2, 2])).expect("plain data serializes");
        assert!(postcard::from_bytes::<Distinct>(&twice).is_err());
        let long =
            postcard::to_allocvec(&Form::Exact((0..=EXACT_MAX as u64).collect())).expect("plain data serializes");
        assert!(postcard::from_bytes::<Distinct>(&long).is_err());
    }

    #[test]
    fn the_form_changes_one_above_the_bound() {
        let mut distinct = Distinct::new();
        assert_eq!((distinct.bytes(), distinct.estimate()), (0, 0));
        for hash in 0..EXACT_MAX as u64 {
            distinct.insert(hash << 40);
            distinct.insert(hash << 40);
        }
        assert!(distinct.is_exact());
        assert_eq!((distinct.estimate(), distinct.interval95()), (512, (512, 512)));
        distinct.insert(u64::MAX);
        assert!(!distinct.is_exact());
        assert_eq!(distinct.bytes(), REGISTERS);
        assert!(distinct.interval95().0 > EXACT_MAX as u64);
    }

    #[test]
    fn the_union_keeps_each_hash_once() {
        let mut union = [0; 8];
        assert_eq!(union_of(&[1, 3, 5], &[1, 2, 5, 9], &mut union), [1, 2, 3, 5, 9]);
        assert_eq!(union_of(&[], &[4], &mut union), [4]);
    }
}
