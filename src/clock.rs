//! The only place that reads a wall clock. No result of tagwatch may depend on it: it paces I/O, delays deliveries,
//! measures durations for people, and tells "too far in the future" for a record that carries no Kafka timestamp.
#![allow(clippy::disallowed_methods)]

use std::time::{Instant, SystemTime};

/// Milliseconds since the Unix epoch, by the machine's clock.
pub fn wall_ms() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(elapsed) => i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

/// A monotonic instant, for durations and deadlines.
pub fn monotonic() -> Instant {
    Instant::now()
}
