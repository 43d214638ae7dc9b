//! The answers for programs: JSON of what the board holds. Alert lines are given as in the alert log, word for word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::board::{Entry, Face, Order};
use super::http::AppState;
use super::problem::Problem;
use super::{openapi, words};
use crate::decide::line::{Adjusted, AlertLine, Score, Signal, State as Stands, Windows};
use crate::model::EventTime;

/// Most items an answer lists.
const LIMIT_MAX: usize = 1_000;
/// Items listed where the request does not say.
const LIMIT_DEFAULT: usize = 100;

/// How far the answer reaches.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decided {
    /// The decided tick: end of its pane in ms / 10 000; null before the first.
    tick: Option<i64>,
    /// Every post below this event time is counted, RFC 3339; null before the first tick.
    watermark: Option<String>,
    /// Whether the windows are still filling after lost state.
    warming: bool,
}

impl Decided {
    fn new(face: &Face) -> Decided {
        let watermark = face.tick.is_some().then(|| face.watermark.to_string());
        Decided { tick: face.tick.map(|tick| tick.0), watermark, warming: face.warming }
    }
}

/// One hashtag among others.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hashtag {
    /// Canonical form, without '#'.
    hashtag: String,
    /// The spelling seen most.
    display: String,
    /// Counts by window.
    #[schema(value_type = openapi::Windows)]
    windows: Windows,
    /// What stands without the posts and accounts that actions took out; null where they took out none.
    #[schema(value_type = Option<openapi::Adjusted>)]
    adjusted: Option<Adjusted>,
    /// How far above the usual, 0 to 100; 0 where it was not assessed.
    #[schema(value_type = f64)]
    burst: Score,
    /// How much like few acting as many, 0 to 100; 0 where it was not assessed.
    #[schema(value_type = f64)]
    coordination: Score,
    /// Id of its open alert.
    alert_id: Option<String>,
}

/// One hashtag with all that the board remembers of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct HashtagDetail {
    #[serde(flatten)]
    hashtag: Hashtag,
    /// The tick at which it was last among the top or assessed; the numbers are of that tick.
    seen_tick: i64,
    /// Every signal; empty where it was not assessed.
    #[schema(value_type = Vec<openapi::Signal>)]
    signals: Vec<Signal>,
    /// Posts by minute over the last hour, oldest first; minutes in which it was not watched are missing.
    history: Vec<Minute>,
}

/// Posts of one minute.
#[derive(Debug, Serialize, ToSchema)]
pub struct Minute {
    /// End of the minute, RFC 3339.
    at: String,
    /// Posts in it.
    posts: u64,
}

/// The hashtags of the last tick.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hashtags {
    #[serde(flatten)]
    decided: Decided,
    /// Best first by the order asked for.
    hashtags: Vec<Hashtag>,
}

/// Alerts, each by its latest line.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alerts {
    #[serde(flatten)]
    decided: Decided,
    /// Latest change first.
    #[schema(value_type = Vec<openapi::AlertLine>)]
    alerts: Vec<AlertLine>,
}

/// One alert.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alert {
    /// Stable name of the alert.
    alert_id: String,
    /// Its lines that are still kept, oldest first; the last is how it stands.
    #[schema(value_type = Vec<openapi::AlertLine>)]
    lines: Vec<AlertLine>,
}

/// What the process says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// Name of the deployment.
    id: String,
    /// Version of the program.
    version: &'static str,
    /// Hash of the detection config, as in alert lines.
    config_version: String,
    #[serde(flatten)]
    decided: Decided,
    /// Whether a broker answered lately.
    kafka_up: bool,
    /// Records not yet applied, all partitions together.
    lag_records: u64,
    /// What has been counted since the process started.
    counts: Totals,
    /// Open alerts.
    alerts_open: usize,
    /// Memory by component, in bytes.
    memory_bytes: BTreeMap<String, u64>,
}

/// What has been counted since the process started.
#[derive(Debug, Serialize, ToSchema)]
pub struct Totals {
    /// Posts read.
    posts: u64,
    /// Posts rejected, all reasons together.
    posts_rejected: u64,
    /// Posts late.
    posts_late: u64,
    /// Posts duplicate.
    posts_duplicate: u64,
    /// Mentions applied.
    mentions: u64,
    /// Hashtags held now.
    hashtags_tracked: u64,
    /// Hashtags evicted.
    hashtags_evicted: u64,
}

/// Liveness or readiness without objections.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fine {
    /// `live` or `ready`.
    status: &'static str,
}

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;
type Segment = Result<Path<String>, PathRejection>;

/// Whether the process makes progress.
#[utoipa::path(get, path = "/live", tag = "operation", security(()),
    responses((status = 200, body = Fine), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn live(State(state): State<AppState>) -> Response {
    let reasons = state.health.not_live();
    if reasons.is_empty() {
        return Json(Fine { status: "live" }).into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "a part of the process has stalled").because(reasons).into_response()
}

/// Whether what readers see is current.
#[utoipa::path(get, path = "/ready", tag = "operation", security(()),
    responses((status = 200, body = Fine), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn ready(State(state): State<AppState>) -> Response {
    let metrics = &state.report.metrics;
    let reasons = state.health.not_ready(metrics.is_kafka_up(), metrics.lag_records());
    if reasons.is_empty() {
        return Json(Fine { status: "ready" }).into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not ready").because(reasons).into_response()
}

/// The hashtags of the last tick, ranked.
#[utoipa::path(get, path = "/api/v1/hashtags", tag = "hashtags", params(
    ("sort" = Option<String>, Query, description = "`posts` (of five minutes, those that stand; the default), `burst` or `coordination`"),
    ("limit" = Option<usize>, Query, description = "1 to 1000; 100 where absent")),
    responses((status = 200, body = Hashtags), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub async fn hashtags(State(state): State<AppState>, query: Pairs) -> Result<Json<Hashtags>, Problem> {
    let params = Params::new(query, &["sort", "limit"])?;
    let orders = [("posts", Order::Posts), ("burst", Order::Burst), ("coordination", Order::Coordination)];
    let order = params.word("sort", &orders)?.unwrap_or_default();
    let board = &state.report.board;
    let hashtags = board.ranked(order, params.limit()?).into_iter().map(brief).collect();
    Ok(Json(Hashtags { decided: Decided::new(&board.face()), hashtags }))
}

/// One hashtag, in any spelling.
#[utoipa::path(get, path = "/api/v1/hashtags/{tag}", tag = "hashtags",
    params(("tag" = String, Path, description = "with or without '#' (as %23), in any case")),
    responses((status = 200, body = HashtagDetail),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn hashtag(State(state): State<AppState>, tag: Segment) -> Result<Json<HashtagDetail>, Problem> {
    find_hashtag(&state, tag).map(detail).map(Json)
}

/// Open alerts and those resolved lately, each by its latest line.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(
    ("state" = Option<String>, Query, description = "`open` (pending, provisional or firing) or one state"),
    ("kind" = Option<String>, Query, description = "one kind, as in the alert line"),
    ("limit" = Option<usize>, Query, description = "1 to 1000; 100 where absent")),
    responses((status = 200, body = Alerts), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub async fn alerts(State(state): State<AppState>, query: Pairs) -> Result<Json<Alerts>, Problem> {
    let params = Params::new(query, &["state", "kind", "limit"])?;
    let mut states: Vec<_> = words::STATES.iter().map(|state| (words::state(*state), Some(*state))).collect();
    states.push(("open", None));
    let wanted = params.word("state", &states)?;
    let kind = params.word("kind", &words::KINDS.map(|kind| (words::kind(kind), kind)))?;
    let face = state.report.board.face();
    let fits = |line: &&Arc<AlertLine>| {
        kind.is_none_or(|kind| line.kind == kind)
            && wanted.is_none_or(|wanted| wanted.map_or(line.state != Stands::Resolved, |state| line.state == state))
    };
    let latest = latest_lines(&face);
    let alerts = latest.iter().filter(fits).take(params.limit()?).map(|line| AlertLine::clone(line)).collect();
    Ok(Json(Alerts { decided: Decided::new(&face), alerts }))
}

/// All lines of an alert that are still kept.
#[utoipa::path(get, path = "/api/v1/alerts/{id}", tag = "alerts",
    params(("id" = String, Path, description = "`alert_id` of the alert line")),
    responses((status = 200, body = Alert), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn alert(State(state): State<AppState>, id: Segment) -> Result<Json<Alert>, Problem> {
    let lines = find_alert(&state, id)?;
    let alert_id = lines.last().map(|line| line.alert_id.clone()).unwrap_or_default();
    Ok(Json(Alert { alert_id, lines: lines.iter().map(|line| AlertLine::clone(line)).collect() }))
}

/// What the process says of itself.
#[utoipa::path(get, path = "/api/v1/status", tag = "operation", responses((status = 200, body = Status)))]
pub async fn status(State(state): State<AppState>) -> Json<Status> {
    let (metrics, face) = (&state.report.metrics, state.report.board.face());
    let counted = metrics.counted();
    Json(Status {
        id: state.about.id.clone(),
        version: env!("CARGO_PKG_VERSION"),
        config_version: state.about.config_version.clone(),
        decided: Decided::new(&face),
        kafka_up: metrics.is_kafka_up(),
        lag_records: metrics.lag_records(),
        counts: Totals {
            posts: counted.posts,
            posts_rejected: counted.rejected,
            posts_late: counted.late,
            posts_duplicate: counted.duplicate,
            mentions: counted.mentions,
            hashtags_tracked: counted.hashtags_tracked,
            hashtags_evicted: counted.hashtags_evicted,
        },
        alerts_open: face.open.len(),
        memory_bytes: metrics.memory_bytes().into_iter().collect(),
    })
}

/// The hashtag that a path names, however it is spelt.
pub(super) fn find_hashtag(state: &AppState, tag: Segment) -> Result<Entry, Problem> {
    let Path(tag) = tag.map_err(|error| Problem::bad_request(error.body_text()))?;
    let board = &state.report.board;
    // Links of the page carry the canonical form, whatever it holds; people write as they like.
    board.hashtag(&tag).or_else(|| board.hashtag(&canonical(&tag))).ok_or_else(|| {
        Problem::not_found(format!(
            "hashtag {tag:?} is not on the board: within the last hour it was neither among the top nor large enough to \
             be assessed (detect.candidate_posts, detect.candidate_accounts)"
        ))
    })
}

/// The kept lines of the alert that a path names, oldest first; at least one.
pub(super) fn find_alert(state: &AppState, id: Segment) -> Result<Vec<Arc<AlertLine>>, Problem> {
    let Path(id) = id.map_err(|error| Problem::bad_request(error.body_text()))?;
    let face = state.report.board.face();
    let mut lines: Vec<_> = face.lines.iter().filter(|line| line.alert_id == id).cloned().collect();
    if lines.is_empty() {
        lines.extend(face.open.get(&id).cloned());
    }
    if lines.is_empty() {
        let detail =
            format!("alert {id:?} is not kept: ids are 16 hex digits, and resolved alerts leave after a while");
        return Err(Problem::not_found(detail));
    }
    Ok(lines)
}

/// Every kept alert by its latest line, latest change first.
pub(super) fn latest_lines(face: &Face) -> Vec<Arc<AlertLine>> {
    let mut seen = BTreeSet::new();
    let kept = face.lines.iter().rev().filter(|line| seen.insert(line.alert_id.as_str()));
    let mut latest: Vec<_> = kept.cloned().collect();
    // An alert that has been open for long may have lost its lines to the ring's bound.
    latest.extend(face.open.values().filter(|line| !seen.contains(line.alert_id.as_str())).cloned());
    latest
}

/// The counted form of a hashtag as a reader wrote it.
fn canonical(tag: &str) -> String {
    crate::model::hashtag::canonical(tag).unwrap_or_else(|| tag.to_owned())
}

fn brief(entry: Entry) -> Hashtag {
    let view = entry.view;
    Hashtag {
        hashtag: view.hashtag,
        display: view.display,
        windows: view.windows,
        adjusted: view.adjusted,
        burst: view.burst,
        coordination: view.coordination,
        alert_id: view.alert_id,
    }
}

fn detail(mut entry: Entry) -> HashtagDetail {
    let signals = std::mem::take(&mut entry.view.signals);
    let history = std::mem::take(&mut entry.history);
    let minute =
        |(minute, posts): (i64, u64)| Minute { at: EventTime(minute.saturating_mul(60_000)).to_string(), posts };
    HashtagDetail {
        seen_tick: entry.seen.0,
        signals,
        history: history.into_iter().map(minute).collect(),
        hashtag: brief(entry),
    }
}

/// The query of a request, checked against the parameters that the route knows.
#[derive(Debug)]
struct Params(BTreeMap<String, String>);

impl Params {
    fn new(query: Pairs, known: &[&str]) -> Result<Params, Problem> {
        let Query(pairs) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
        let mut params = BTreeMap::new();
        for (name, value) in pairs {
            if !known.contains(&name.as_str()) {
                let detail = format!("there is no parameter {name:?}");
                return Err(Problem::bad_request(detail).allowing(known.iter().copied()));
            }
            if params.insert(name.clone(), value).is_some() {
                return Err(Problem::bad_request(format!("parameter {name:?} is given twice")));
            }
        }
        Ok(Params(params))
    }

    /// The parameter as one of some words; none where it is absent.
    fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| word == value).map(|(_, meaning)| *meaning);
        found.map(Some).ok_or_else(|| {
            let detail = format!("{name}={value:?} is not one of the allowed values");
            Problem::bad_request(detail).allowing(words.iter().map(|(word, _)| *word))
        })
    }

    fn limit(&self) -> Result<usize, Problem> {
        let Some(value) = self.0.get("limit") else { return Ok(LIMIT_DEFAULT) };
        value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
            let detail = format!("limit={value:?} is not a whole number from 1 to {LIMIT_MAX}");
            Problem::bad_request(detail).allowing([format!("1..{LIMIT_MAX}")])
        })
    }
}
