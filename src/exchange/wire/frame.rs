//! The seal around every record of an internal topic.

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Mentions of one source partition for one shard.
    Mentions = 1,
    /// What a shard says to the decider.
    Said = 2,
    /// What the decider shows to readers.
    Board = 3,
    /// What makes chunks a checkpoint.
    Manifest = 4,
}

/// Why bytes are not a record of this build's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// What does not hold.
    #[error("it is corrupt: {0}")]
    Corrupt(String),
    /// Whole, but in a later format.
    #[error(
        "it was written by a newer tagwatch (format {found}, this one knows up to {known}); \
         start that version again, or upgrade this process first"
    )]
    Newer {
        /// Format it was written in.
        found: u16,
        /// Latest format that this build reads.
        known: u16,
    },
}

/// Format of all records. Raise it whenever an older build could not read what this one writes.
pub const FORMAT: u16 = 1;

const MAGIC: [u8; 2] = *b"tw";
/// Bytes before the payload: the magic number, the kind, the format, the checksum.
const HEADER_BYTES: usize = 9;

/// The payload with its seal.
pub fn seal(kind: Kind, payload: &[u8]) -> Vec<u8> {
    seal_as(FORMAT, kind, payload)
}

/// For tests that need another format than this build's.
pub(super) fn seal_as(format: u16, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER_BYTES + payload.len());
    record.extend_from_slice(&MAGIC);
    record.push(kind as u8);
    record.extend_from_slice(&format.to_le_bytes());
    let sum = checksum(&record, payload);
    record.extend_from_slice(&sum.to_le_bytes());
    record.extend_from_slice(payload);
    record
}

/// The payload without its seal.
///
/// # Errors
/// [`Flaw`]. The checksum is judged first, so that a flipped bit is never taken for a newer format.
pub fn unseal(kind: Kind, record: &[u8]) -> Result<&[u8], Flaw> {
    let corrupt = |why: String| Err(Flaw::Corrupt(why));
    let Some((header, payload)) = record.split_first_chunk::<HEADER_BYTES>() else {
        return corrupt(format!("it ends after {} bytes, within the header", record.len()));
    };
    let [m0, m1, found_kind, f0, f1, sum @ ..] = *header;
    if [m0, m1] != MAGIC {
        return corrupt("it does not begin as a record of tagwatch".to_owned());
    }
    let (written, found) = (u32::from_le_bytes(sum), checksum(&header[..5], payload));
    if written != found {
        return corrupt(format!("its checksum is {found:08x}, {written:08x} was written"));
    }
    if found_kind != kind as u8 {
        return corrupt(format!("it is of kind {found_kind}, not {}", kind as u8));
    }
    match u16::from_le_bytes([f0, f1]) {
        format if format > FORMAT => Err(Flaw::Newer { found: format, known: FORMAT }),
        0 => corrupt("there is no format 0".to_owned()),
        _ => Ok(payload),
    }
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_corrupt_and_a_newer_format_is_said() {
        let record = seal(Kind::Said, b"a payload");
        assert_eq!(unseal(Kind::Said, &record), Ok(&b"a payload"[..]));
        assert!(matches!(unseal(Kind::Board, &record), Err(Flaw::Corrupt(_))));
        for at in 0..record.len() {
            assert!(matches!(unseal(Kind::Said, &record[..at]), Err(Flaw::Corrupt(_))), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = record.clone();
                flipped[at] ^= 1 << bit;
                assert!(matches!(unseal(Kind::Said, &flipped), Err(Flaw::Corrupt(_))), "bit {bit} of byte {at}");
            }
        }
        let newer = seal_as(FORMAT + 1, Kind::Said, b"");
        let said = unseal(Kind::Said, &newer).unwrap_err().to_string();
        assert!(said.contains("newer tagwatch (format 2, this one knows up to 1)"), "{said}");
    }
}
