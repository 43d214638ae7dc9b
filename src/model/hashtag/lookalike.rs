//! Lookalikes: hashtags that people take for one another, or that stand in one series. Whoever is blocked under one
//! spelling goes on under the next.

use unicode_security::skeleton;

/// Characters from which one edit makes a lookalike: of short words too many are one letter apart.
const EDIT_CHARS_MIN: usize = 6;
/// Characters that a series has to share before its digits.
const SERIES_CHARS_MIN: usize = 4;

/// Whether two canonical forms look alike: the same to the eye (the skeletons of UTS 39, confusable detection, are equal),
/// one edit apart (a swap of neighbours is one), or the same before their digits.
pub fn look_alike(a: &str, b: &str) -> bool {
    if a == b {
        return false;
    }
    let long = |name: &str| name.chars().count() >= EDIT_CHARS_MIN;
    skeleton(a).eq(skeleton(b)) || in_series(a, b) || (long(a) && long(b) && strsim::osa_distance(a, b) == 1)
}

fn in_series(a: &str, b: &str) -> bool {
    let stem = |name: &'_ str| name.trim_end_matches(|c: char| c.is_numeric()).chars().count();
    let (of_a, of_b) = (stem(a), stem(b));
    of_a >= SERIES_CHARS_MIN && of_a == of_b && a.chars().zip(b.chars()).take(of_a).all(|(x, y)| x == y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_one_another_looks_alike() {
        for (a, b) in [
            ("macronleaks", "m\u{430}cronleaks"), // a Cyrillic а
            ("macronleaks", "macron1eaks"),       // a digit one
            ("macronleaks", "macronleak"),
            ("macronleaks", "macronlekas"),
            ("macronleaks", "macronleaks2"),
            ("vote2017", "vote2018"),
            ("vote", "vote7"),
        ] {
            assert!(look_alike(a, b) && look_alike(b, a), "{a} {b}");
        }
    }

    #[test]
    fn other_words_do_not() {
        for (a, b) in [
            ("goal", "final"),
            ("cat", "car"),
            ("vote", "note"),
            ("macronleaks", "macronleaks"),
            ("macronleaks", "macrongate"),
            ("a1", "a2"),
        ] {
            assert!(!look_alike(a, b) && !look_alike(b, a), "{a} {b}");
        }
    }
}
