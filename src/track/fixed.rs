//! Rows of a pane as bytes of fixed length, little-endian. Most of a row is hashes, which numbers of varying length make
//! longer, not shorter; and a checkpoint under load writes some hundred megabytes of them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

use super::pane::AccountRow;
use crate::model::Mention;

/// A row that takes the same number of bytes whatever it holds.
pub(super) trait Fixed: Sized {
    /// Bytes of a row.
    const BYTES: usize;
    /// Writes the row's fields, [`Self::BYTES`] in all.
    fn put(&self, into: &mut Fields<'_>);
    /// Reads it back.
    fn get(from: &mut Values<'_>) -> Self;
}

/// Takes the fields of a row, one after the other.
pub(super) struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }
}

/// Gives the fields of a row back in their order.
pub(super) struct Values<'a>(&'a [u8]);

impl Values<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        // `deserialize` hands out whole rows, so the bytes are there; zeros would stand in for what is not.
        let Some((first, rest)) = self.0.split_first_chunk::<N>() else { return [0; N] };
        self.0 = rest;
        *first
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(super) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }
}

/// For `#[serde(with)]`.
pub(super) fn serialize<T: Fixed, S: Serializer>(rows: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(rows.len() * T::BYTES);
    rows.iter().for_each(|row| row.put(&mut Fields(&mut bytes)));
    debug_assert_eq!(bytes.len(), rows.len() * T::BYTES);
    serializer.serialize_bytes(&bytes)
}

/// For `#[serde(with)]`.
pub(super) fn deserialize<'de, T: Fixed, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Rows<T>(PhantomData<T>);
    impl<T: Fixed> Visitor<'_> for Rows<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "rows of {} bytes", T::BYTES)
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
            let rows = bytes.chunks_exact(T::BYTES);
            if !rows.remainder().is_empty() {
                return Err(E::invalid_length(bytes.len(), &self));
            }
            Ok(rows.map(|row| T::get(&mut Values(row))).collect())
        }
    }
    deserializer.deserialize_bytes(Rows(PhantomData))
}

impl Fixed for AccountRow {
    const BYTES: usize = 28;

    fn put(&self, into: &mut Fields<'_>) {
        into.u64(self.account);
        [self.posts, self.reposts, self.alone, self.talking, self.first_second]
            .into_iter()
            .for_each(|field| into.u32(field));
    }

    fn get(from: &mut Values<'_>) -> AccountRow {
        AccountRow {
            account: from.u64(),
            posts: from.u32(),
            reposts: from.u32(),
            alone: from.u32(),
            talking: from.u32(),
            first_second: from.u32(),
        }
    }
}

impl Fixed for Mention {
    const BYTES: usize = 47;

    fn put(&self, into: &mut Fields<'_>) {
        into.u64(self.post);
        into.u64(self.account);
        [self.second, self.text, self.link, self.repost, self.tags, self.client, self.spelling]
            .into_iter()
            .for_each(|field| into.u32(field));
        into.u16(self.created_day);
        into.u8(self.flags);
    }

    fn get(from: &mut Values<'_>) -> Mention {
        Mention {
            post: from.u64(),
            account: from.u64(),
            second: from.u32(),
            text: from.u32(),
            link: from.u32(),
            repost: from.u32(),
            tags: from.u32(),
            client: from.u32(),
            spelling: from.u32(),
            created_day: from.u16(),
            flags: from.u8(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Rows {
        #[serde(with = "super")]
        mentions: Vec<Mention>,
        #[serde(with = "super")]
        accounts: Vec<AccountRow>,
    }

    proptest! {
        #[test]
        fn rows_read_back(numbers in prop::collection::vec(any::<(u64, u64, [u32; 7], u16, u8)>(), 0..9)) {
            let mentions = numbers.iter().map(|(post, account, n, created_day, flags)| Mention {
                post: *post,
                account: *account,
                second: n[0],
                text: n[1],
                link: n[2],
                repost: n[3],
                tags: n[4],
                client: n[5],
                spelling: n[6],
                created_day: *created_day,
                flags: *flags,
            });
            let accounts = numbers.iter().map(|(account, _, n, ..)| AccountRow {
                account: *account,
                posts: n[0],
                reposts: n[1],
                alone: n[2],
                talking: n[3],
                first_second: n[4],
            });
            let rows = Rows { mentions: mentions.collect(), accounts: accounts.collect() };
            let mut bytes = postcard::to_stdvec(&rows).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Rows>(&bytes).unwrap(), rows);
            if !numbers.is_empty() {
                // One byte less of the last row, and its length says so.
                let last = bytes.len() - numbers.len() * AccountRow::BYTES - 1;
                if bytes[last] < 0x80 {
                    bytes[last] -= 1;
                    bytes.pop();
                    prop_assert!(postcard::from_bytes::<Rows>(&bytes).is_err());
                }
            }
        }
    }
}
