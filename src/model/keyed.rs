//! Keyed hashes: whatever users control (accounts, posts, hashtags, texts) enters tagwatch's state as SipHash under a
//! secret key. With a public hash, 60 000 crafted account names read as 3 001 distinct ones.

use std::hash::Hasher;

pub use siphasher::sip::{SipHasher13, SipHasher24};

/// 64-bit keyed hash of a canonical hashtag: its identity inside shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagHash(pub u64);

/// The sketch key, split into one SipHash key a domain so that no hash of one kind can stand for one of another.
#[derive(Clone)]
pub struct Keyed {
    account: (u64, u64),
    post: (u64, u64),
    tag: (u64, u64),
    short: (u64, u64),
    /// Eight hex digits that tell keys apart without revealing them.
    fingerprint: u32,
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyed({:08x})", self.fingerprint)
    }
}

impl Keyed {
    /// The documented key that `replay` uses where none is configured, so that two people get the same log.
    pub const FIXED: [u8; 16] = *b"tagwatch-replay\0";

    /// Splits the 128-bit sketch key into its domains.
    pub fn new(key: [u8; 16]) -> Keyed {
        let word = |label: &[u8]| {
            let mut hasher = SipHasher24::new_with_key(&key);
            hasher.write(label);
            hasher.finish()
        };
        Keyed {
            account: (word(b"account.0"), word(b"account.1")),
            post: (word(b"post.0"), word(b"post.1")),
            tag: (word(b"tag.0"), word(b"tag.1")),
            short: (word(b"short.0"), word(b"short.1")),
            fingerprint: (word(b"fingerprint") >> 32) as u32,
        }
    }

    /// A number that tells keys apart without revealing them.
    pub fn fingerprint(&self) -> u32 {
        self.fingerprint
    }

    /// The pseudonym of an account: platform and id together.
    pub fn account(&self, platform: &str, id: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.account.0, self.account.1);
        write_field(&mut hasher, platform.as_bytes());
        hasher.write(id.as_bytes());
        hasher.finish()
    }

    /// The identity of a hashtag.
    pub fn tag(&self, canonical: &str) -> TagHash {
        let mut hasher = SipHasher13::new_with_keys(self.tag.0, self.tag.1);
        hasher.write(canonical.as_bytes());
        TagHash(hasher.finish())
    }

    /// A hasher for the identity of a whole post; feed it every decoded field through [`write_field`].
    pub fn post(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.post.0, self.post.1)
    }

    /// A short hash of a text, link, client or target; never 0, which stands for absent. `kind` keeps the uses apart.
    pub fn short(&self, kind: u8, bytes: &[u8]) -> u32 {
        let mut hasher = SipHasher13::new_with_keys(self.short.0, self.short.1 ^ u64::from(kind));
        hasher.write(bytes);
        ((hasher.finish() >> 32) as u32).max(1)
    }
}

/// Feeds one field with its length first, so that no two different lists of fields feed the same bytes.
pub fn write_field(hasher: &mut SipHasher13, bytes: &[u8]) {
    hasher.write_u32(bytes.len() as u32);
    hasher.write(bytes);
}

/// The stable name of an alert: 16 hex digits from hashtag and onset, the same on every machine and under every key.
pub fn alert_id(canonical: &str, onset_ms: i64) -> String {
    let mut hasher = SipHasher24::new_with_keys(0, 0);
    hasher.write(canonical.as_bytes());
    hasher.write_i64(onset_ms);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_is_part_of_the_account() {
        let keyed = Keyed::new(Keyed::FIXED);
        assert_ne!(keyed.account("a", "bc"), keyed.account("ab", "c"));
        assert_ne!(keyed.account("", "1"), keyed.account("x", "1"));
    }

    #[test]
    fn another_key_gives_other_names() {
        let (one, two) = (Keyed::new([1; 16]), Keyed::new([2; 16]));
        assert_ne!(one.account("", "1"), two.account("", "1"));
        assert_ne!(one.fingerprint(), two.fingerprint());
    }
}
