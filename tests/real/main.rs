//! Tests against the real things: Apache Kafka, Prometheus, Alertmanager, a browser. What a machine does not have is
//! listed as ignored by name, with the reason; where `CI` is `true`, that is a failure.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod ahead;
mod cluster;
#[path = "../corpus/mod.rs"]
mod corpus;
mod counts;
mod crash;
mod demo;
mod growing;
mod kafka;
mod mock;
mod outage;
mod page;
mod poison;
mod posts;
mod prometheus;
mod service;
mod several;
mod shadow;
mod stranger;
mod streams;
mod tools;
mod writer;

fn main() {
    let mut arguments = libtest_mimic::Arguments::from_args();
    // One after the other, unless asked otherwise: each runs servers of its own, and some measure what a person would see.
    arguments.test_threads = arguments.test_threads.or(Some(1));
    let trials = [
        tools::trials(),
        mock::trials(),
        kafka::trials(),
        writer::trials(),
        outage::trials(),
        poison::trials(),
        streams::trials(),
        actions::trials(),
        crash::trials(),
        shadow::trials(),
        several::trials(),
        growing::trials(),
        ahead::trials(),
        stranger::trials(),
        demo::trials(),
        page::trials(),
        prometheus::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}
