//! To be written.
pub mod decode;
