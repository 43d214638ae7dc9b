//! Kafka: the only home of rdkafka. Clients that read, write, watch and create, each with a deadline on every call that
//! can block, and one enum of errors that says what the caller must do next.
//!
//! Nothing here decides anything about posts. Reading is by `assign` alone: where to start is the caller's decision,
//! and a position that the broker no longer has is an error, never a silent jump.

mod error;

pub mod admin;
mod batch;
pub mod client;
pub mod contents;
pub mod ends;
pub mod log_writer;
pub mod member;
pub mod mock;
pub mod producer;
pub mod reader;
mod tail;
pub mod topics;
mod wait;
pub mod writer;

pub use error::Error;
