//! How fast a player may send: event time runs so many times as fast as the player's own clock. Pure; the caller says how
//! much time has passed.

use std::time::Duration;

use crate::model::EventTime;

/// Event time against elapsed time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    from: EventTime,
    speed: f64,
}

impl Pace {
    /// Starts at `from` and plays `speed` seconds of event time a second; infinity plays as fast as can be.
    ///
    /// # Panics
    /// If the speed is not above zero.
    pub fn new(from: EventTime, speed: f64) -> Pace {
        assert!(speed > 0.0, "a pace needs a speed above zero, got {speed}");
        Pace { from, speed }
    }

    /// Posts before this event time may be sent once so much time has passed.
    pub fn reached(&self, elapsed: Duration) -> EventTime {
        // The cast saturates, so an infinite speed reaches the end of time.
        self.from.plus_ms((elapsed.as_secs_f64() * 1000.0 * self.speed) as i64)
    }

    /// How much longer a post at `ts` has to wait; zero if it may be sent.
    pub fn wait(&self, ts: EventTime, elapsed: Duration) -> Duration {
        let ahead_ms = ts.0.saturating_sub(self.from.0).max(0);
        Duration::from_secs_f64(ahead_ms as f64 / 1000.0 / self.speed).saturating_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_time_runs_at_the_speed() {
        let pace = Pace::new(EventTime(1_000_000), 1_800.0);
        assert_eq!(pace.reached(Duration::ZERO), EventTime(1_000_000));
        assert_eq!(pace.reached(Duration::from_millis(500)), EventTime(1_000_000 + 900_000));
        assert_eq!(pace.wait(EventTime(1_000_000 + 1_800_000), Duration::ZERO), Duration::from_secs(1));
        assert_eq!(pace.wait(EventTime(1_000_000 + 1_800_000), Duration::from_millis(400)), Duration::from_millis(600));
        assert_eq!(pace.wait(EventTime(0), Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn an_infinite_speed_never_waits() {
        let pace = Pace::new(EventTime(5), f64::INFINITY);
        assert_eq!(pace.wait(EventTime::END, Duration::ZERO), Duration::ZERO);
        assert!(pace.reached(Duration::from_nanos(1)) >= EventTime::END);
    }
}
