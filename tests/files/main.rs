//! Files as people have them, given to the built program: packed, cut short, too large, of another unit, not there.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the functions with #[test]")]

mod compare;
#[path = "../corpus/mod.rs"]
mod corpus;
mod expected;
mod giants;
mod outputs;
mod program;
mod replay;
mod sample;
mod shadow;
