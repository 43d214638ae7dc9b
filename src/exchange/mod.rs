//! Exchange: posts become mentions and go to the shard that owns their hashtag; reports come back to the decider in
//! order of ticks. In one process, shards are threads behind bounded channels.

pub mod frontier;
pub mod route;
pub mod shards;
pub mod wire;
