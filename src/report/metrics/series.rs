//! The series of hashtags and alerts: made at scrape time from the board, so that a hashtag that leaves the top, or an
//! alert that resolves, leaves nothing behind.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntGaugeVec, Opts};

use super::make::VALID;
use super::signed;
use crate::report::board::Board;
use crate::report::safe::shown;
use crate::report::words;

/// The series of hashtags and alerts, built afresh at every scrape.
pub(super) struct HashtagSeries {
    board: Arc<Board>,
    descs: Vec<Desc>,
}

struct Fresh {
    posts: IntGaugeVec,
    accounts: IntGaugeVec,
    burst: GaugeVec,
    coordination: GaugeVec,
    alert: IntGaugeVec,
}

impl Fresh {
    fn new() -> Fresh {
        let window: &[&str] = &["hashtag", "window"];
        let ints = |name, help, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels).expect(VALID);
        let floats = |name, help, labels: &[&str]| GaugeVec::new(Opts::new(name, help), labels).expect(VALID);
        Fresh {
            posts: ints("tagwatch_hashtag_posts", "Posts with a top hashtag in a window.", window),
            accounts: ints("tagwatch_hashtag_accounts", "Distinct accounts behind them, estimated if many.", window),
            burst: floats("tagwatch_hashtag_burst_score", "How far above its usual, 0 to 100.", &["hashtag"]),
            coordination: floats(
                "tagwatch_hashtag_coordination_score",
                "How much like few acting as many, 0 to 100.",
                &["hashtag"],
            ),
            alert: ints(
                "tagwatch_alert_active",
                "1 for every open alert that is provisional or firing and not suppressed.",
                &["hashtag", "kind", "severity"],
            ),
        }
    }

    fn families(&self) -> [&dyn Collector; 5] {
        [&self.posts, &self.accounts, &self.burst, &self.coordination, &self.alert]
    }
}

impl HashtagSeries {
    pub(super) fn new(board: Arc<Board>) -> HashtagSeries {
        let fresh = Fresh::new();
        let descs = fresh.families().iter().flat_map(|family| family.desc()).cloned().collect();
        HashtagSeries { board, descs }
    }
}

impl Collector for HashtagSeries {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let fresh = Fresh::new();
        let face = self.board.face();
        for view in face.top.iter() {
            let hashtag: &str = &shown(&view.hashtag);
            for (window, counts) in view.windows.labelled() {
                fresh.posts.with_label_values(&[hashtag, window]).set(signed(counts.posts));
                fresh.accounts.with_label_values(&[hashtag, window]).set(signed(counts.accounts));
            }
            fresh.burst.with_label_values(&[hashtag]).set(view.burst.as_f64());
            fresh.coordination.with_label_values(&[hashtag]).set(view.coordination.as_f64());
        }
        for line in face.active.iter() {
            let hashtag: &str = &shown(&line.hashtag);
            let labels = [hashtag, words::kind(line.kind), words::severity(line.severity)];
            fresh.alert.with_label_values(&labels).set(1);
        }
        fresh.families().iter().flat_map(|family| family.collect()).collect()
    }
}
