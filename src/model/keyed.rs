//! Keyed hashes: whatever users control (accounts, posts, hashtags, texts) enters tagwatch's state as SipHash under a
//! secret key. With a public hash, 60 000 crafted account names read as 3 001 distinct ones.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
pub use siphasher::sip::SipHasher24;

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
        hasher.write(&(platform.len() as u32).to_le_bytes());
        hasher.write(platform.as_bytes());
        hasher.write(id.as_bytes());
        hasher.finish()
    }

    /// The identity of a hashtag.
    pub fn tag(&self, canonical: &str) -> TagHash {
        TagHash(SipHasher13::new_with_keys(self.tag.0, self.tag.1).hash(canonical.as_bytes()))
    }

    /// The identity of a whole post, from the [`post_id`](Self::post_id) of its id and every decoded field, put into `bytes`
    /// through [`put_field`]. The lower half is a hash of all of it, the upper half the same hash over that of the id: as
    /// uniform as any hash, and the id's own can be read back from it ([`id_of`]) without keeping it beside.
    pub fn post(&self, id: u32, bytes: &[u8]) -> u64 {
        let all = SipHasher13::new_with_keys(self.post.0, self.post.1).hash(bytes) as u32;
        u64::from(id ^ all) << 32 | u64::from(all)
    }

    /// A short hash of a post's id: platform and id, put into `bytes` through [`put_field`].
    pub fn post_id(&self, bytes: &[u8]) -> u32 {
        self.short(KIND_POST, bytes)
    }

    /// A short hash of a text, link, client or target; never 0, which stands for absent. `kind` keeps the uses apart.
    pub fn short(&self, kind: u8, bytes: &[u8]) -> u32 {
        let hash = SipHasher13::new_with_keys(self.short.0, self.short.1 ^ u64::from(kind)).hash(bytes);
        ((hash >> 32) as u32).max(1)
    }
}

/// What a short hash of a post's id is of; the router has the other uses.
const KIND_POST: u8 = 0;

/// The hash of the id in a post's identity.
pub fn id_of(post: u64) -> u32 {
    (post >> 32) as u32 ^ post as u32
}

/// In place of a field that is absent; no field is so long.
pub const ABSENT: [u8; 4] = u32::MAX.to_le_bytes();

/// Appends one field after its length, so that no two different lists of fields give the same bytes. Hashing the bytes at
/// once costs a third of feeding a hasher field by field (measured).
pub fn put_field(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend_from_slice(&(field.len() as u32).to_le_bytes());
    bytes.extend_from_slice(field);
}

/// The stable name of an alert: 16 hex digits from hashtag and onset, the same on every machine and under every key.
pub fn alert_id(canonical: &str, onset_ms: i64) -> String {
    let mut hasher = SipHasher24::new_with_keys(0, 0);
    hasher.write(canonical.as_bytes());
    hasher.write_i64(onset_ms);
    format!("{:016x}", hasher.finish())
}

/// The stable name of an alert of a further kind on the same hashtag, told from the main alert's and other kinds'.
pub fn further_alert_id(canonical: &str, onset_ms: i64, kind: &str) -> String {
    let mut hasher = SipHasher24::new_with_keys(0, 0);
    hasher.write(canonical.as_bytes());
    hasher.write_i64(onset_ms);
    hasher.write(kind.as_bytes());
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
    fn a_posts_identity_tells_its_id_and_still_hangs_on_every_field() {
        let keyed = Keyed::new(Keyed::FIXED);
        let id = keyed.post_id(b"1");
        let (one, other) = (keyed.post(id, b"1 said"), keyed.post(id, b"1 unsaid"));
        assert_eq!((id_of(one), id_of(other)), (id, id));
        assert_ne!(one as u32, other as u32);
        assert_ne!(one >> 32, other >> 32, "what decides about samples differs between posts of one id");
        assert_ne!(id_of(keyed.post(keyed.post_id(b"2"), b"1 said")), id);
    }

    #[test]
    fn another_key_gives_other_names() {
        let (one, two) = (Keyed::new([1; 16]), Keyed::new([2; 16]));
        assert_ne!(one.account("", "1"), two.account("", "1"));
        assert_ne!(one.fingerprint(), two.fingerprint());
    }
}
