//! The OpenAPI document. The alert line's schema is written down here a second time, because the core that defines the
//! line knows nothing of HTTP; a test holds the two together key by key.
#![allow(dead_code, reason = "the mirrors below exist for their schemas alone")]

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use super::api;

/// See the file's head.
#[derive(OpenApi)]
#[openapi(
    info(title = "tagwatch", description = "Which hashtags are spreading, how fast, through how many accounts, and \
        whether a crowd or a few are behind it. All numbers are of the decided tick; times are event times in UTC."),
    paths(show_metrics, api::live, api::ready, api::hashtags, api::hashtag, api::alerts, api::alert, api::status, show),
    security((), ("token" = []), ("password" = [])),
    modifiers(&Schemes)
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        for (name, scheme) in [("token", HttpAuthScheme::Bearer), ("password", HttpAuthScheme::Basic)] {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}

/// The document as served.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub async fn show() -> Response {
    Json(document()).into_response()
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "text format 0.0.4", content_type = "text/plain", body = String)))]
fn show_metrics() {}

/// One line of the alert log.
#[derive(ToSchema)]
pub struct AlertLine {
    /// End of the tick's pane in ms / 10 000.
    tick: i64,
    /// Number of the line within its tick, from 0.
    n: u32,
    /// 16 hex digits, stable over restarts and machines.
    #[schema(example = "5f1c0a9be2d34477")]
    alert_id: String,
    kind: Kind,
    state: State,
    severity: Severity,
    /// Canonical hashtag without '#'.
    #[schema(example = "macronleaks")]
    hashtag: String,
    /// The spelling seen most.
    #[schema(example = "MacronLeaks")]
    display: String,
    /// End of the tick's pane, RFC 3339 with milliseconds.
    #[schema(format = DateTime)]
    at: String,
    /// When the burst began, RFC 3339 with milliseconds.
    #[schema(format = DateTime)]
    onset: String,
    /// Whether the pipeline was impaired so that the verdict may be off.
    degraded: bool,
    /// Whether the windows are still filling after lost state.
    warming: bool,
    /// Whether nobody is called for this line: the budget or warming held it back, or its campaign calls for it.
    suppressed: bool,
    /// How far above the usual, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    burst: f64,
    /// Sum of the contributions, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    coordination: f64,
    windows: Windows,
    /// What stands without the posts and accounts that actions took out; null where they took out none.
    adjusted: Option<Adjusted>,
    signals: Vec<Signal>,
    evidence: Evidence,
    /// One sentence with numbers.
    explanation: String,
    /// Hash of the detection config.
    config_version: String,
    /// Id of the campaign that the hashtag is a member of; absent where it is of none.
    #[schema(required = false)]
    campaign: Option<String>,
    /// Hashtags of a campaign, by name; absent from every other line.
    #[schema(required = false)]
    members: Vec<String>,
}

/// What an alert says the hashtag is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Kind {
    OrganicBurst,
    AutomatedFeed,
    SuspectedCoordination,
    CoordinatedBurst,
    LowAndSlow,
    Campaign,
    EphemeralAmplification,
}

/// Where an alert stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum State {
    Pending,
    Provisional,
    Firing,
    Resolved,
}

/// How urgently a person should look.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Ticket,
    Page,
}

/// Counts by window.
#[derive(ToSchema)]
pub struct Windows {
    #[schema(rename = "1m")]
    m1: Counts,
    #[schema(rename = "5m")]
    m5: Counts,
    #[schema(rename = "1h")]
    h1: Counts,
    #[schema(rename = "24h")]
    h24: Counts,
}

/// What one hashtag did in one window.
#[derive(ToSchema)]
pub struct Counts {
    /// Posts, exact.
    posts: u64,
    /// Reposts among them, exact.
    reposts: u64,
    /// Distinct accounts; an estimate where low and high differ.
    accounts: u64,
    /// Lower end of the 95 % interval.
    accounts_low: u64,
    /// Upper end of the 95 % interval.
    accounts_high: u64,
}

/// What stands of a hashtag without the posts and accounts that actions took out.
#[derive(ToSchema)]
pub struct Adjusted {
    windows: AdjustedWindows,
    /// How far above the usual, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    burst: f64,
    /// How much like few acting as many, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    coordination: f64,
}

/// Adjusted counts by window.
#[derive(ToSchema)]
pub struct AdjustedWindows {
    #[schema(rename = "1m")]
    m1: AdjustedCounts,
    #[schema(rename = "5m")]
    m5: AdjustedCounts,
    #[schema(rename = "1h")]
    h1: AdjustedCounts,
    #[schema(rename = "24h")]
    h24: AdjustedCounts,
}

/// What is left of one hashtag in one window; estimates where low and high differ, with 95 % intervals.
#[derive(ToSchema)]
pub struct AdjustedCounts {
    posts: u64,
    posts_low: u64,
    posts_high: u64,
    reposts: u64,
    accounts: u64,
    accounts_low: u64,
    accounts_high: u64,
}

/// One signal of coordination, with its arithmetic.
#[derive(ToSchema)]
pub struct Signal {
    name: String,
    /// `concentration`, `synchrony`, `overlap`, `content`, `provenance` or `ephemerality`.
    family: String,
    /// The estimate; null where unavailable.
    value: Option<f64>,
    /// Lower end of its 50 % interval.
    low: Option<f64>,
    /// Upper end of its 50 % interval.
    high: Option<f64>,
    /// What ordinary participation shows.
    baseline: Option<f64>,
    /// Points it adds to the coordination score.
    contribution: f64,
    /// Whether its input was there.
    available: bool,
}

/// Numbers and pseudonyms behind an alert.
#[derive(ToSchema)]
pub struct Evidence {
    /// `all` accounts, or the `core` of accounts with three posts or more.
    view: String,
    /// Over which window the signals were read.
    window: String,
    /// Expected posts in that window.
    expected_posts: f64,
    /// `hour_of_week`, `recent`, `birth_curve` or `none`.
    baseline: String,
    /// The most active accounts of the sample: pseudonym and posts.
    top_accounts: Vec<(String, u64)>,
    /// The most repeated originals: text pseudonym and posts.
    top_texts: Vec<(String, u64)>,
    /// The most repeated links: link pseudonym and posts.
    top_links: Vec<(String, u64)>,
    /// The most repeated repost targets: pseudonym and posts.
    top_reposts: Vec<(String, u64)>,
    /// Event time of the first post of the burst; null where unknown.
    first_post: Option<String>,
    /// The earliest event time seen before this line.
    watched_since: String,
    /// Why the alert is expected at this time, as the config says; its severity is one step lower for it. Null where it
    /// is not.
    expected: Option<String>,
    /// Further numbers, by name: how the hashtag grows, and what a kind rests on beside the signals. Absent where none.
    #[schema(required = false)]
    basis: Vec<(String, f64)>,
}

#[cfg(test)]
mod tests;
