//! Exchange: posts become mentions and go to the shard that owns their hashtag; reports come back to the decider in
//! order of ticks. In one process, shards are threads behind bounded channels ([`shards`]). Over several, mentions and
//! reports go through internal topics: [`ingest`] writes what [`tracker`] reads, [`tracker`] what [`fold`] reads, and
//! [`wire`] says in which bytes. All of it is pure; who owns which partition is Kafka's matter.

pub mod fold;
pub mod frontier;
pub mod ingest;
pub mod note;
pub mod route;
pub mod shards;
pub mod tracker;
pub mod wire;
