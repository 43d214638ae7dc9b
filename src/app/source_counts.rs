//! What reading has counted, handed to the metrics.

use std::time::Duration;

use crate::report::metrics::Metrics;
use crate::source::kafka::Shared;
use crate::source::partition::{in_topic, is_of_actions};

/// Silence after which the brokers count as away; they are asked every two seconds.
const BROKER_SILENT: Duration = Duration::from_secs(15);

/// Takes what the source has counted since it was last asked, and shows where it stands.
pub fn count_source(metrics: &Metrics, shared: &Shared, posts_topic: &str, actions_topic: &str) {
    let (tally, partitions, answered, letters_lost) = {
        let mut progress = shared.progress();
        (progress.tally.take(), progress.partitions.clone(), progress.answered, progress.letters_lost)
    };
    if let Some(answered) = answered {
        metrics.kafka_up(answered.elapsed() < BROKER_SILENT);
    }
    let actions = metrics.actions();
    actions.taken(&tally.actions.taken);
    actions.late(tally.actions.late);
    tally.actions.rejected.iter().for_each(|(reason, n)| actions.rejected(reason.as_str(), *n));
    metrics.posts(tally.records());
    tally.rejected.iter().for_each(|(reason, n)| metrics.rejected(reason.as_str(), *n));
    metrics.dead_letters_lost(letters_lost);
    tally.late.iter().for_each(|(partition, n)| metrics.late(posts_topic, *partition, *n));
    for (number, progress) in &partitions {
        let partition = in_topic(*number);
        let topic = if is_of_actions(*number) {
            actions_topic
        } else {
            // Zero is worth showing: a rate begins there.
            metrics.late(posts_topic, partition, 0);
            posts_topic
        };
        if let Some(watermark) = progress.watermark {
            metrics.partition_watermark(topic, partition, watermark);
        }
        metrics.position(topic, partition, (progress.position, progress.end));
    }
}
