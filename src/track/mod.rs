//! To be written.
pub mod distinct;
