//! What processes say to each other through internal topics, as values and as bytes. Every record is sealed: a magic
//! number, its kind, a format and a checksum, so that a torn, foreign or newer record is told from a good one.

pub mod board;
mod columns;
pub mod frame;
pub mod manifest;
pub mod mentions;
pub mod said;

pub use frame::Flaw;
