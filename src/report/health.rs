//! Whether the process is alive and whether it is ready, as orchestrators ask. Alive: every part that must make
//! progress has done so lately; a restart would help where it has not. Ready: restored, Kafka reachable and caught up,
//! so what readers see is current; a restart would not help.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;

/// Records between the end of the input and what is decided, up to which the process counts as caught up. A second or
/// two of a busy stream: what is in flight between a partition's end and the decider.
pub const READY_LAG_MAX: u64 = 20_000;

/// What the rest of the process tells about itself. Shared; every method is cheap.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    /// What is done until it is restored.
    restoring: &'static str,
    restored: AtomicBool,
    stopping: AtomicBool,
    hearts: Mutex<Vec<Arc<HeartState>>>,
}

#[derive(Debug)]
struct HeartState {
    part: &'static str,
    limit: Duration,
    /// Milliseconds since `Health::started`; [`STOPPED`] once the part ended as it should.
    beat_ms: AtomicU64,
}

const STOPPED: u64 = u64::MAX;

/// A part's proof of progress. Dropping it says that the part ended as it should.
#[derive(Debug)]
pub struct Heart {
    started: Instant,
    state: Arc<HeartState>,
}

/// Why the process is not ready, or not alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reason {
    /// A word for programs: `restoring`, `kafka_unreachable`, `behind`, `stopping` or `stalled`.
    pub reason: &'static str,
    /// A sentence for people.
    pub detail: String,
}

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}

impl Health {
    /// A process that has just begun: not restored, Kafka not reached.
    pub fn new() -> Health {
        Health {
            started: clock::monotonic(),
            restoring: "state is being restored from state.dir",
            restored: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            hearts: Mutex::default(),
        }
    }

    /// The same for one of several processes: what it restores of state is with its shards, what readers see is the board.
    pub fn of_several() -> Health {
        let restoring = "the board, which shows what is decided, is being read from its topic";
        Health { restoring, ..Health::new() }
    }

    /// Registers a part that must call [`Heart::beat`] at least once every `limit`, idle or not.
    pub fn heart(&self, part: &'static str, limit: Duration) -> Heart {
        let state = Arc::new(HeartState { part, limit, beat_ms: AtomicU64::new(self.elapsed_ms()) });
        self.hearts.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&state));
        Heart { started: self.started, state }
    }

    /// State has been restored, or there was none.
    pub fn set_restored(&self) {
        self.restored.store(true, Ordering::Relaxed);
    }

    /// The process drains and will leave.
    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// What speaks against being alive; empty means alive.
    pub fn not_live(&self) -> Vec<Reason> {
        self.not_live_at(self.elapsed_ms())
    }

    /// What speaks against being ready, given whether a broker answered lately and how many records are not yet applied;
    /// empty means ready.
    pub fn not_ready(&self, kafka_up: bool, lag_records: u64) -> Vec<Reason> {
        let mut reasons = self.not_live();
        let mut say = |reason, detail: &str| reasons.push(Reason { reason, detail: detail.to_owned() });
        if self.stopping.load(Ordering::Relaxed) {
            say("stopping", "the process was told to stop and is draining");
        }
        if !self.restored.load(Ordering::Relaxed) {
            say("restoring", self.restoring);
        }
        if !kafka_up {
            say("kafka_unreachable", "no broker of kafka.brokers has answered lately");
        }
        if lag_records > READY_LAG_MAX {
            say("behind", &format!("{lag_records} records are not yet applied; ready at {READY_LAG_MAX} or fewer"));
        }
        reasons
    }

    fn elapsed_ms(&self) -> u64 {
        elapsed_ms(self.started)
    }

    fn not_live_at(&self, now_ms: u64) -> Vec<Reason> {
        let mut hearts = self.hearts.lock().unwrap_or_else(PoisonError::into_inner);
        hearts.retain(|heart| heart.beat_ms.load(Ordering::Relaxed) != STOPPED);
        hearts
            .iter()
            .filter_map(|heart| {
                let silent_ms = now_ms.saturating_sub(heart.beat_ms.load(Ordering::Relaxed));
                (u128::from(silent_ms) > heart.limit.as_millis()).then(|| Reason {
                    reason: "stalled",
                    detail: format!(
                        "{} has made no progress for {} s, more than its {} s",
                        heart.part,
                        silent_ms / 1000,
                        heart.limit.as_secs()
                    ),
                })
            })
            .collect()
    }
}

impl Heart {
    /// The part went round once more.
    pub fn beat(&self) {
        self.state.beat_ms.store(elapsed_ms(self.started), Ordering::Relaxed);
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        // A panicking thread leaves its last beat behind, so that /live tells of it.
        if !std::thread::panicking() {
            self.state.beat_ms.store(STOPPED, Ordering::Relaxed);
        }
    }
}

fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(clock::monotonic().saturating_duration_since(started).as_millis()).unwrap_or(STOPPED - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(reasons: &[Reason]) -> Vec<&'static str> {
        reasons.iter().map(|reason| reason.reason).collect()
    }

    #[test]
    fn a_silent_part_stalls_the_process_and_is_named() {
        let health = Health::new();
        let heart = health.heart("the decider", Duration::from_secs(60));
        heart.beat();
        assert_eq!(health.not_live_at(59_000), []);
        let reasons = health.not_live_at(130_000);
        assert_eq!(words(&reasons), ["stalled"]);
        assert!(reasons[0].detail.starts_with("the decider has made no progress for 1"), "{}", reasons[0].detail);
    }

    #[test]
    fn a_part_that_ended_well_is_not_missed_and_one_that_panicked_is() {
        let health = Arc::new(Health::new());
        drop(health.heart("the player", Duration::from_secs(1)));
        assert_eq!(health.not_live_at(100_000), []);
        let heart = health.heart("shard 0", Duration::from_secs(1));
        let thread = std::thread::spawn(move || {
            let _heart = heart;
            panic!("the panic that this test is about");
        });
        assert!(thread.join().is_err());
        assert_eq!(words(&health.not_live_at(100_000)), ["stalled"]);
    }

    #[test]
    fn ready_only_when_restored_reachable_caught_up_and_staying() {
        let health = Health::new();
        assert_eq!(words(&health.not_ready(false, 0)), ["restoring", "kafka_unreachable"]);
        health.set_restored();
        assert_eq!(health.not_ready(true, READY_LAG_MAX), []);
        assert_eq!(words(&health.not_ready(true, READY_LAG_MAX + 1)), ["behind"]);
        health.set_stopping();
        assert_eq!(words(&health.not_ready(true, 0)), ["stopping"]);
    }
}
