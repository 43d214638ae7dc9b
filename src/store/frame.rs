//! The frame around every stored payload: enough to tell a whole one from a torn, flipped, swapped or newer one.
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `tagwatch` |
//! | 2 | format, little-endian |
//! | 1 | kind |
//! | 1 | zero |
//! | 4 | length of the payload, little-endian |
//! | 4 | CRC-32 of the file's name, the 16 bytes above and the payload, little-endian |
//!
//! The frame stays the same in all formats, so the checksum can be judged first: a flipped bit is never taken for a
//! newer format. The name is part of the checksum, so a file under another's name does not read back.

/// Format of payloads. Raise it whenever an older build could not read what this one writes, or the other way round.
pub(super) const FORMAT: u16 = 2;

const MAGIC: &[u8; 8] = b"tagwatch";

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 20;
/// Bytes of the header that the checksum covers: all before itself.
const SUMMED_BYTES: usize = 16;

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of a closed pane or of the decider.
    Chunk = 1,
    /// What makes chunks a checkpoint.
    Manifest = 2,
}

/// Why bytes are not a frame of this build's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// What does not hold.
    Corrupt(String),
    /// Whole, but in this later format.
    Newer(u16),
    /// Whole, but in this earlier format, which this build no longer reads.
    Older(u16),
}

/// The payload with its frame.
pub(super) fn seal(kind: Kind, name: &str, payload: &[u8]) -> Vec<u8> {
    seal_as(FORMAT, kind, name, payload)
}

/// For tests that need another format than this build's.
pub(super) fn seal_as(format: u16, kind: Kind, name: &str, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("payloads are bounded far below 4 GiB");
    let mut framed = Vec::with_capacity(HEADER_BYTES + payload.len());
    framed.extend_from_slice(MAGIC);
    framed.extend_from_slice(&format.to_le_bytes());
    framed.extend_from_slice(&[kind as u8, 0]);
    framed.extend_from_slice(&length.to_le_bytes());
    let sum = checksum(name, &framed, payload);
    framed.extend_from_slice(&sum.to_le_bytes());
    framed.extend_from_slice(payload);
    framed
}

/// The payload without its frame, if everything about it holds.
pub(super) fn unseal(kind: Kind, name: &str, mut framed: Vec<u8>) -> Result<Vec<u8>, Flaw> {
    let corrupt = |why: String| Err(Flaw::Corrupt(why));
    let Some((header, payload)) = framed.split_first_chunk::<HEADER_BYTES>() else {
        return corrupt(format!("it ends after {} bytes, within the header", framed.len()));
    };
    if !header.starts_with(MAGIC) {
        return corrupt("it does not begin as a file of tagwatch".to_owned());
    }
    let [.., format_low, format_high, found_kind, _, l0, l1, l2, l3, s0, s1, s2, s3] = *header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if payload.len() != length {
        return corrupt(format!("it holds {} bytes where {length} were written", payload.len()));
    }
    let (written, found) = (u32::from_le_bytes([s0, s1, s2, s3]), checksum(name, &header[..SUMMED_BYTES], payload));
    if written != found {
        return corrupt(format!("its checksum is {found:08x}, {written:08x} was written"));
    }
    if found_kind != kind as u8 {
        return corrupt(format!("it is of kind {found_kind}, not {}", kind as u8));
    }
    match u16::from_le_bytes([format_low, format_high]) {
        0 => corrupt("there is no format 0".to_owned()),
        format if format > FORMAT => Err(Flaw::Newer(format)),
        format if format < FORMAT => Err(Flaw::Older(format)),
        _ => {
            framed.drain(..HEADER_BYTES);
            Ok(framed)
        }
    }
}

fn checksum(name: &str, header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(name.as_bytes());
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_as_documented() {
        let framed = seal(Kind::Manifest, "m", b"xyz");
        assert_eq!(&framed[..16], b"tagwatch\x02\x00\x02\x00\x03\x00\x00\x00");
        assert_eq!(&framed[20..], b"xyz");
        assert_eq!(unseal(Kind::Manifest, "m", framed), Ok(b"xyz".to_vec()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_corrupt() {
        let framed = seal(Kind::Chunk, "name", b"a payload of some length");
        for at in 0..framed.len() {
            for bit in 0..8 {
                let mut flipped = framed.clone();
                flipped[at] ^= 1 << bit;
                let read = unseal(Kind::Chunk, "name", flipped);
                assert!(matches!(read, Err(Flaw::Corrupt(_))), "bit {bit} of byte {at} reads as {read:?}");
            }
            let read = unseal(Kind::Chunk, "name", framed[..at].to_vec());
            assert!(matches!(read, Err(Flaw::Corrupt(_))), "cut at {at} it reads as {read:?}");
        }
    }

    #[test]
    fn another_name_kind_or_tail_is_corrupt_and_another_format_is_said() {
        let framed = seal(Kind::Chunk, "name", b"x");
        assert!(matches!(unseal(Kind::Chunk, "other", framed.clone()), Err(Flaw::Corrupt(_))));
        assert!(matches!(unseal(Kind::Manifest, "name", framed.clone()), Err(Flaw::Corrupt(_))));
        assert!(matches!(unseal(Kind::Chunk, "name", [&framed[..], b"y"].concat()), Err(Flaw::Corrupt(_))));
        assert_eq!(
            unseal(Kind::Chunk, "name", seal_as(FORMAT + 1, Kind::Chunk, "name", b"x")),
            Err(Flaw::Newer(FORMAT + 1))
        );
        assert_eq!(unseal(Kind::Chunk, "name", seal_as(1, Kind::Chunk, "name", b"x")), Err(Flaw::Older(1)));
        assert!(matches!(unseal(Kind::Chunk, "name", seal_as(0, Kind::Chunk, "name", b"x")), Err(Flaw::Corrupt(_))));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, magic: bool) {
            let bytes = if magic { [&MAGIC[..], &bytes].concat() } else { bytes };
            prop_assert!(unseal(Kind::Chunk, "name", bytes).is_err());
        }

        #[test]
        fn what_is_sealed_reads_back(payload: Vec<u8>, name: String) {
            prop_assert_eq!(unseal(Kind::Manifest, &name, seal(Kind::Manifest, &name, &payload)), Ok(payload));
        }
    }
}
