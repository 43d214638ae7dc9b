//! What a value can be: a duration, a size, a number, a time. Each is read from the text a person writes and printed in
//! the same form.

use std::time::Duration;

use crate::model::EventTime;

/// Units of durations, largest first, in milliseconds.
const DURATION_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of sizes, largest first, in bytes.
const SIZE_UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `10s`, `1m30s`, `500ms`, `2d`: whole numbers with units, the largest first. None where it is anything else or longer
/// than 64 bits of milliseconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = DURATION_UNITS.as_slice();
    let mut total_ms = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, tail) = tail.split_at(letters);
        let index = units.iter().position(|(name, _)| *name == unit)?;
        let ms = number.parse::<u64>().ok()?.checked_mul(units[index].1)?;
        total_ms = total_ms.checked_add(ms)?;
        units = &units[index + 1..];
        rest = tail;
    }
    Some(Duration::from_millis(total_ms))
}

/// The shortest text that [`parse_duration`] reads as the same duration; whole milliseconds.
pub fn show_duration(duration: Duration) -> String {
    let mut rest_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest_ms == 0 {
        return "0s".to_string();
    }
    let mut text = String::new();
    for (unit, ms) in DURATION_UNITS {
        if rest_ms >= ms {
            text.push_str(&format!("{}{unit}", rest_ms / ms));
            rest_ms %= ms;
        }
    }
    text
}

/// `64MiB`, `256KiB`, `1024B`, `1024`: bytes. None where it is anything else or more than 64 bits.
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number = number.parse::<u64>().ok()?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Some(number);
    }
    SIZE_UNITS.iter().find(|(name, _)| *name == unit).and_then(|(_, bytes)| number.checked_mul(*bytes))
}

/// The shortest text that [`parse_size`] reads as the same number.
pub fn show_size(bytes: u64) -> String {
    let whole = SIZE_UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) if *unit > 1 => format!("{}{name}", bytes / unit),
        _ => bytes.to_string(),
    }
}

/// RFC 3339 with a zone, to the millisecond, within the years that tagwatch accepts.
pub fn parse_time(text: &str) -> Option<EventTime> {
    let at = text.parse::<jiff::Timestamp>().ok()?;
    Some(EventTime(at.as_millisecond())).filter(|at| at.is_plausible())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let ms = |text| parse_duration(text).map(|duration| duration.as_millis());
        assert_eq!(ms("10s"), Some(10_000));
        assert_eq!(ms("1m"), Some(60_000));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms("2d"), Some(172_800_000));
        assert_eq!(ms("1m500ms"), Some(60_500));
        for wrong in [
            "",
            "10",
            "s",
            "10x",
            "1m1h",
            "1m1m",
            "-1s",
            "1.5s",
            "10 s",
            "10S",
            "99999999999999999999s",
            "213503982335d",
            "1s ",
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_size("64MiB"), Some(67_108_864));
        assert_eq!(parse_size("256KiB"), Some(262_144));
        assert_eq!(parse_size("256 KiB"), Some(262_144));
        assert_eq!(parse_size("1000"), Some(1000));
        assert_eq!(parse_size("7B"), Some(7));
        for wrong in ["", "MiB", "64MB", "64mib", "1.5GiB", "-1", "99999999999TiB", "0x10"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_need_a_zone_and_a_year_that_tagwatch_accepts() {
        assert_eq!(parse_time("2017-05-05T20:00:00Z"), Some(EventTime(1_494_014_400_000)));
        assert_eq!(parse_time("2017-05-05T22:00:00.5+02:00"), Some(EventTime(1_494_014_400_500)));
        for wrong in ["", "2017-05-05", "2017-05-05T20:00:00", "1999-05-05T20:00:00Z", "2300-01-01T00:00:00Z", "now"] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(ms in 0_u64..10_000_000_000, bytes in any::<u64>(), shift in 0_u32..40) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
            prop_assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
            prop_assert_eq!(parse_size(&show_size((bytes >> 40) << shift)), Some((bytes >> 40) << shift));
        }
    }
}
