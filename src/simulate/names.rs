//! Invented hashtags, one for each number: pronounceable, distinct also after case folding, one in nine not ASCII.

/// 32 of each, so that five bits choose one. Within a list no syllable is the start of another, so a name can be read back.
const ONSETS: [&str; 32] = [
    "ba", "be", "bo", "ca", "co", "da", "de", "di", "fa", "fe", "ga", "go", "ja", "ka", "ki", "la", "le", "lu", "ma",
    "me", "mi", "na", "no", "pa", "pe", "ra", "re", "sa", "so", "ta", "te", "vo",
];
const CODAS: [&str; 32] = [
    "bin", "bur", "can", "cor", "dan", "del", "den", "fin", "gal", "gen", "han", "hel", "kal", "kor", "lan", "len",
    "lor", "man", "mer", "mon", "nar", "nel", "por", "ran", "rel", "ros", "san", "sel", "tan", "ter", "val", "ven",
];
const ACCENTED: [&str; 32] = [
    "bár", "bén", "çon", "dér", "éla", "fér", "gén", "hún", "íra", "jón", "kúr", "lán", "líe", "mañ", "mér", "náv",
    "nél", "óla", "pén", "pór", "rés", "rúa", "sél", "sóu", "tén", "tíl", "úma", "vár", "vél", "yén", "zál", "züg",
];
const GREEK: [&str; 32] = [
    "βα", "γε", "δο", "ζα", "θε", "κα", "κο", "λα", "λε", "λυ", "μα", "με", "μο", "να", "νε", "νο", "ξα", "ξε", "πα",
    "πε", "πο", "ρα", "ρε", "ρο", "σα", "σε", "σο", "τα", "τε", "τυ", "φα", "χε",
];
const ARABIC: [&str; 32] = [
    "با", "بو", "تا", "تو", "جا", "جي", "حا", "حو", "دا", "دي", "را", "رو", "زا", "زي", "سا", "سو", "شا", "شي", "صا",
    "طا", "عا", "عو", "فا", "في", "قا", "كا", "كو", "لا", "ما", "مي", "نا", "نو",
];
const KANA: [&str; 32] = [
    "アキ", "イロ", "ウミ", "エダ", "オト", "カゼ", "キリ", "クモ", "ケイ", "コマ", "サト", "シマ", "スナ", "セミ",
    "ソラ", "タキ", "チカ", "ツキ", "テラ", "トリ", "ナミ", "ニジ", "ヌノ", "ネコ", "ノハ", "ハナ", "ヒト", "フネ",
    "ホシ", "マチ", "ミナ", "ユキ",
];

/// Appends the name of hashtag number `n`. Numbers below 2²⁰ have four syllables; a larger one has more.
pub(crate) fn hashtag(n: u64, out: &mut String) {
    // An odd factor permutes 20 bits, so that neighbouring ranks do not look alike.
    let low = n.wrapping_mul(0x9_e375) & 0xf_ffff;
    let syllable = |i: u32| (low >> (5 * i)) as usize & 31;
    let lists = match if n % 9 == 8 { n / 9 % 4 } else { 4 } {
        0 => [&ONSETS, &CODAS, &ONSETS, &ACCENTED],
        1 => [&GREEK; 4],
        2 => [&ARABIC; 4],
        3 => [&KANA; 4],
        _ => [&ONSETS, &CODAS, &ONSETS, &CODAS],
    };
    for (i, list) in lists.iter().enumerate() {
        let start = out.len();
        out.push_str(list[syllable(i as u32)]);
        if i % 2 == 0 {
            // Words start with a capital, as people write hashtags; a no-op outside ASCII.
            if let Some(first) = out.get_mut(start..start + 1) {
                first.make_ascii_uppercase();
            }
        }
    }
    let mut high = n >> 20;
    while high > 0 {
        out.push_str(lists[2][high as usize & 31]);
        high >>= 5;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_number_has_a_name_of_its_own() {
        let mut seen = HashSet::new();
        let mut ascii = 0;
        for n in (0..300_000).chain(1 << 20..(1 << 20) + 100_000).chain((1 << 40)..(1 << 40) + 1000) {
            let mut name = String::new();
            hashtag(n, &mut name);
            ascii += u32::from(name.is_ascii());
            assert!(name.chars().all(char::is_alphabetic), "{name}");
            assert!(name.chars().count() <= 24, "{name}");
            assert!(seen.insert(name.to_lowercase()), "{name} twice");
        }
        let share = f64::from(ascii) / seen.len() as f64;
        assert!((share - 8.0 / 9.0).abs() < 0.01, "{share}");
    }
}
