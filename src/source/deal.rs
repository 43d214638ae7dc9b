//! Deals one stream of lines over several simulated partitions in an order as uneven as a real topic's after a broker's
//! bad day: bursts of uneven length, some partitions thousands of lines behind the others. Each keeps its own order. The
//! alerts must not notice.

use std::collections::VecDeque;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Seed of the order, so that a replay is the same every time.
pub const SEED: u64 = 0x7461_6777_6174_6368;

/// Most lines in a row for one partition.
const BURST_LINES_MAX: u32 = 300;
/// Most lines that one partition lags behind what was read.
const LAG_LINES_MAX: i64 = 8_000;
/// Most lines read between two times that partitions hand out what they hold.
const TURN_LINES_MAX: u32 = 700;
/// Most bytes held back; beyond, everything is handed out.
const HELD_BYTES_MAX: usize = 32 << 20;

/// Lines held back for each partition.
pub struct Dealer {
    rng: ChaCha8Rng,
    hands: Vec<Hand>,
    /// Partition that gets the current burst, and how much of it is left.
    current: usize,
    burst_left: u32,
    /// Lines until partitions hand out again.
    turn_left: u32,
    held_bytes: usize,
}

struct Hand {
    lines: VecDeque<(i64, Box<[u8]>)>,
    /// It hands out lines once this many more were read, whoever got them.
    lag: i64,
}

impl Dealer {
    /// Deals over `partitions`, at least one.
    pub fn new(partitions: u32, seed: u64) -> Dealer {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let hands = (0..partitions.max(1)).map(|_| Hand { lines: VecDeque::new(), lag: lag(&mut rng) }).collect();
        Dealer { rng, hands, current: 0, burst_left: 0, turn_left: 1, held_bytes: 0 }
    }

    /// Takes one line. When true comes back, it is time to [`Self::hand_out`].
    pub fn take(&mut self, number: i64, bytes: &[u8]) -> bool {
        if self.burst_left == 0 {
            // The smaller of two: low numbers get about three times as much as high ones. Every other time anyone, lest one that
            // gets nothing for long hold the watermark.
            let hands = self.hands.len();
            let (one, other) = (self.rng.random_range(0..hands), self.rng.random_range(0..hands));
            self.current = if self.rng.random() { one.min(other) } else { one };
            let most = (LAG_LINES_MAX as u32 / hands as u32).clamp(1, BURST_LINES_MAX);
            self.burst_left = self.rng.random_range(1..=most);
        }
        self.burst_left -= 1;
        self.turn_left -= 1;
        self.held_bytes += bytes.len();
        self.hands[self.current].lines.push_back((number, bytes.into()));
        self.turn_left == 0 || self.held_bytes > HELD_BYTES_MAX
    }

    /// Hands out what is old enough, or everything at the end of the input or where too much is held, to `each`:
    /// partition, number of the line, line.
    pub fn hand_out(&mut self, read: i64, at_end: bool, mut each: impl FnMut(u32, i64, &[u8])) {
        let everything = at_end || self.held_bytes > HELD_BYTES_MAX;
        let mut order: Vec<usize> = (0..self.hands.len()).collect();
        order.shuffle(&mut self.rng);
        for partition in order {
            let hand = &mut self.hands[partition];
            let oldest = if everything { i64::MAX } else { read.saturating_sub(hand.lag) };
            let mut handed = false;
            while let Some((number, bytes)) = hand.lines.pop_front_if(|&mut (number, _)| number < oldest) {
                self.held_bytes -= bytes.len();
                each(partition as u32, number, &bytes);
                handed = true;
            }
            if handed {
                hand.lag = lag(&mut self.rng);
            }
        }
        self.turn_left = self.rng.random_range(1..=TURN_LINES_MAX);
    }
}

/// Half of the time hardly any, else anything up to the most.
fn lag(rng: &mut ChaCha8Rng) -> i64 {
    if rng.random() { rng.random_range(0..50) } else { rng.random_range(0..LAG_LINES_MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deals that many lines of ten bytes; returns (partition, line) in the order handed out and the most lines held.
    fn deal(partitions: u32, lines: i64, seed: u64) -> (Vec<(u32, i64)>, usize) {
        let mut dealer = Dealer::new(partitions, seed);
        let (mut all, mut held) = (Vec::new(), 0);
        for number in 0..lines {
            if dealer.take(number, b"0123456789") {
                dealer.hand_out(number + 1, false, |partition, number, _| all.push((partition, number)));
            }
            held = held.max(dealer.held_bytes / 10);
        }
        dealer.hand_out(lines, true, |partition, number, _| all.push((partition, number)));
        assert_eq!(dealer.held_bytes, 0);
        (all, held)
    }

    #[test]
    fn each_partition_keeps_its_order_and_no_line_is_lost() {
        for (partitions, seed) in [(1, 1), (2, 2), (7, 3), (64, 4)] {
            let (all, held) = deal(partitions, 100_000, seed);
            let mut last = vec![-1; partitions as usize];
            for &(partition, number) in &all {
                assert!(std::mem::replace(&mut last[partition as usize], number) < number);
            }
            let mut numbers: Vec<i64> = all.iter().map(|&(_, number)| number).collect();
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..100_000), "every line once");
            assert!(held as i64 <= LAG_LINES_MAX + i64::from(TURN_LINES_MAX), "{held} lines held");
        }
    }

    #[test]
    fn the_order_is_uneven_and_the_same_for_the_same_seed() {
        let (all, _) = deal(7, 100_000, SEED);
        assert_eq!(all, deal(7, 100_000, SEED).0);
        assert_ne!(all, deal(7, 100_000, SEED + 1).0);
        let mut newest = 0;
        let behind = all.iter().filter(|&&(_, number)| {
            newest = newest.max(number);
            newest - number > 2000
        });
        assert!(behind.count() > 10_000, "many lines come thousands of lines behind others");
        let share = |p| all.iter().filter(|&&(partition, _)| partition == p).count();
        assert!(share(0) > 2 * share(6), "{} and {}", share(0), share(6));
    }

    #[test]
    fn what_is_held_is_bounded_in_bytes() {
        let mut dealer = Dealer::new(3, 9);
        let (line, mut most) = (vec![b'x'; 100_000], 0);
        for number in 0..2000 {
            if dealer.take(number, &line) {
                dealer.hand_out(number + 1, false, |_, _, _| {});
            }
            most = most.max(dealer.held_bytes);
        }
        assert!(most <= HELD_BYTES_MAX + line.len());
    }
}
