//! Event time and ticks. A post's time is its own timestamp; ticks number the ends of ten-second panes absolutely,
//! so that every process and every replay counts alike.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Length of a level-0 pane in milliseconds; everything longer is a multiple of it.
pub const TICK_MS: i64 = 10_000;

/// Milliseconds since the Unix epoch, as the post says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventTime(pub i64);

impl EventTime {
    /// 2000-01-01T00:00:00Z: times before it are rejected.
    pub const FIRST: EventTime = EventTime(946_684_800_000);
    /// 2100-01-01T00:00:00Z: times from it on are rejected.
    pub const END: EventTime = EventTime(4_102_444_800_000);
    /// Before every post: the watermark of a partition that has shown none.
    pub const MIN: EventTime = EventTime(i64::MIN / 4);
    /// After every post: the watermark of a partition that is set aside.
    pub const MAX: EventTime = EventTime(i64::MAX / 4);

    /// Whether the time lies in the years that tagwatch accepts, 2000 to 2099.
    pub fn is_plausible(self) -> bool {
        (Self::FIRST..Self::END).contains(&self)
    }

    /// The tick whose pane holds this time: the pane `[tick - 1, tick) × 10 s`.
    pub fn tick(self) -> Tick {
        Tick(self.0.div_euclid(TICK_MS) + 1)
    }

    /// The last tick whose pane a watermark of this time has passed.
    pub fn closed_tick(self) -> Tick {
        Tick(self.0.div_euclid(TICK_MS))
    }

    /// Whole seconds since the epoch; plausible times fit.
    pub fn second(self) -> u32 {
        u32::try_from(self.0.div_euclid(1000)).unwrap_or(0)
    }

    /// The time `ms` later, held at the ends of the range.
    pub fn plus_ms(self, ms: i64) -> EventTime {
        EventTime(self.0.saturating_add(ms))
    }

    /// The time `ms` earlier, held at the ends of the range.
    pub fn minus_ms(self, ms: i64) -> EventTime {
        EventTime(self.0.saturating_sub(ms))
    }
}

impl fmt::Display for EventTime {
    /// RFC 3339 in UTC with milliseconds, as in alert lines: `2017-05-05T20:10:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// The end of a pane in units of ten seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tick(pub i64);

impl Tick {
    /// The event time at which the tick's pane ends.
    pub fn end(self) -> EventTime {
        EventTime(self.0.saturating_mul(TICK_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_belongs_to_the_pane_that_ends_after_it() {
        assert_eq!(EventTime(0).tick(), Tick(1));
        assert_eq!(EventTime(9_999).tick(), Tick(1));
        assert_eq!(EventTime(10_000).tick(), Tick(2));
        assert_eq!(EventTime(10_000).closed_tick(), Tick(1));
        assert_eq!(EventTime(9_999).closed_tick(), Tick(0));
    }

    #[test]
    fn times_print_as_rfc_3339_with_milliseconds() {
        assert_eq!(EventTime(1_494_014_400_000).to_string(), "2017-05-05T20:00:00.000Z");
        assert_eq!(EventTime(1_494_014_400_120).to_string(), "2017-05-05T20:00:00.120Z");
    }
}
