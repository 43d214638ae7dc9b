//! The page at `/`: what is open and why, what spread without coordination, and the top hashtags. Rendered here from
//! one picture of the board; a few lines of script fetch it again every five seconds and keep opened details open.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};

use super::api::latest_lines;
use super::board::{Entry, Face, Order};
use super::http::AppState;
use super::page_parts::{
    alert_href, badges, bars, card, grouped, hashtag_href, page, score_text, shown_long, sparkline, tag, time,
};
use crate::decide::line::{AlertLine, Kind, Score, State as Stands};
use crate::model::Tick;

/// Alerts shown in full; the rest is one link away.
const CARDS_MAX: usize = 50;
/// Hashtags in the table.
const ROWS_MAX: usize = 50;

const ORGANIC_HINT: &str = "Much is posted, by a crowd that behaves like one or by a clock. Nobody is paged.";

/// Answers `/`.
pub async fn show(State(state): State<AppState>) -> Html<String> {
    let face = state.report.board.face();
    let (open, rest): (Vec<_>, Vec<_>) =
        latest_lines(&face).into_iter().partition(|line| line.state != Stands::Resolved && !is_quiet(line.kind));
    let (organic, resolved): (Vec<_>, Vec<_>) = rest.into_iter().partition(|line| line.state != Stands::Resolved);
    let title = if open.is_empty() { "tagwatch".to_owned() } else { format!("({}) tagwatch", open.len()) };
    let content = html! {
        (numbers(&state, &face))
        (notices(&state, &face))
        (open_alerts(&state, &face, open))
        (quiet_alerts("organic", "Organic bursts and feeds", ORGANIC_HINT, &organic))
        (quiet_alerts("resolved", "Resolved lately", "The burst ended or calmed down.", &resolved))
        (top(&state, &face, &organic))
    };
    Html(page(&state, &title, &content).into_string())
}

/// Answers `/style.css`.
pub async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css")).into_response()
}

/// Answers `/page.js`.
pub async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page.js")).into_response()
}

/// Answers `/icon.svg`.
pub async fn icon() -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("icon.svg")).into_response()
}

/// How far tagwatch is, and what it has counted.
fn numbers(state: &AppState, face: &Face) -> Markup {
    let counted = state.report.metrics.counted();
    let lag = state.report.metrics.lag_records();
    let watermark = face.watermark.to_string();
    html! {
        dl.numbers {
            div.wide { dt { "Decided up to" } dd { @if face.tick.is_some() { (time(&watermark)) } @else { "–" } } }
            div.attention[lag > 0 && !state.report.metrics.is_kafka_up()] { dt { "Lag" } dd { (grouped(lag)) } }
            div { dt { "Posts" } dd { (grouped(counted.posts)) } }
            div { dt { "Hashtags" } dd { (grouped(counted.hashtags_tracked)) } }
            div { dt { "Late" } dd { (grouped(counted.late)) } }
            div { dt { "Duplicate" } dd { (grouped(counted.duplicate)) } }
            div { dt { "Rejected" } dd { (grouped(counted.rejected)) } }
            div { dt { "Evicted" } dd { (grouped(counted.hashtags_evicted)) } }
        }
    }
}

/// What a reader must know before trusting the rest.
fn notices(state: &AppState, face: &Face) -> Markup {
    let metrics = &state.report.metrics;
    let reasons = state.health.not_ready(metrics.is_kafka_up(), metrics.lag_records());
    html! {
        @if face.warming {
            p.notice role="note" {
                "Warming: state was lost and the windows are filling again. Counts are too low, and nothing pages until "
                "they are full."
            }
        }
        @if !reasons.is_empty() {
            div.notice role="note" {
                "Not ready: what stands here may be old."
                ul { @for reason in &reasons { li { (reason.detail) } } }
            }
        }
    }
}

/// Whether an alert of this kind is for the record alone.
fn is_quiet(kind: Kind) -> bool {
    matches!(kind, Kind::OrganicBurst | Kind::AutomatedFeed)
}

fn open_alerts(state: &AppState, face: &Face, mut open: Vec<Arc<AlertLine>>) -> Markup {
    open.sort_by_key(|line| {
        let stands = line.state == Stands::Pending;
        (
            std::cmp::Reverse(line.severity),
            stands,
            std::cmp::Reverse((line.coordination, line.burst)),
            line.alert_id.clone(),
        )
    });
    html! {
        section aria-labelledby="open" {
            h2 id="open" { "Open alerts " span.count { (open.len()) } }
            p.muted.hint {
                "Burst: how far above the usual. Coordination: how much a few accounts behave as many. Both from 0 to 100."
            }
            @if open.is_empty() { (nothing_open(state, face)) }
            @for line in open.iter().take(CARDS_MAX) { (card(line, current(state, face, line))) }
            @if open.len() > CARDS_MAX {
                p {
                    (open.len() - CARDS_MAX) " more: "
                    a href="/api/v1/alerts?state=open&limit=1000" { "all open alerts as JSON" }
                }
            }
        }
    }
}

/// What the alert's hashtag scores at the last tick; none where it was not assessed then.
fn current(state: &AppState, face: &Face, line: &AlertLine) -> Option<(Score, Score)> {
    let entry = state.report.board.hashtag(&line.hashtag)?;
    (Some(entry.seen) == face.tick && !entry.view.signals.is_empty())
        .then_some((entry.view.burst, entry.view.coordination))
}

fn nothing_open(state: &AppState, face: &Face) -> Markup {
    html! {
        div.empty {
            @if face.tick.is_none() {
                p {
                    strong { "Nothing is decided yet." }
                    " A tick is decided once every partition's watermark has passed the end of a ten-second pane."
                }
                @if state.report.metrics.counted().posts == 0 {
                    p {
                        "No post was read so far. See that posts arrive in the topic " code { "kafka.posts_topic" }
                        ", and that " code { "tagwatch check --sample" } " understands them."
                    }
                } @else {
                    p {
                        "Posts are being read; the first tick follows when their event time has moved on by "
                        code { "time.watermark_delay" } "."
                    }
                }
            } @else {
                p {
                    strong { "No hashtag is being pushed right now." }
                    " An alert appears when a burst passes its gate and a few accounts behave as many."
                }
            }
        }
    }
}

/// Alerts that ask nothing of anybody, one line each, folded away.
fn quiet_alerts(id: &str, title: &str, hint: &str, lines: &[Arc<AlertLine>]) -> Markup {
    if lines.is_empty() {
        return html! {};
    }
    html! {
        details.quiet id=(id) {
            summary { (title) " " span.count { (lines.len()) } }
            p.muted { (hint) }
            ul {
                @for line in lines.iter().take(CARDS_MAX) {
                    li {
                        div.head {
                            a href=(alert_href(&line.alert_id)) { (tag(&line.display, &line.hashtag)) }
                            (badges(line))
                            span.muted.when { (time(&line.at)) }
                        }
                        p { bdi { (shown_long(&line.explanation)) } }
                        (bars(line.burst, line.coordination))
                    }
                }
            }
        }
    }
}

fn top(state: &AppState, face: &Face, organic: &[Arc<AlertLine>]) -> Markup {
    let organic = organic.iter().filter(|line| line.kind == Kind::OrganicBurst);
    let organic: BTreeSet<&str> = organic.map(|line| line.alert_id.as_str()).collect();
    let tick = face.tick.unwrap_or_default();
    let entries = state.report.board.ranked(Order::Posts, ROWS_MAX);
    html! {
        section aria-labelledby="top" {
            h2 id="top" { "Top hashtags" }
            @if entries.is_empty() {
                p.empty {
                    "No hashtag to show yet."
                    @if face.tick.is_some() {
                        " Does the stream carry hashtags? See " code { "tagwatch_mentions_total" } " in "
                        a href="/metrics" { "the metrics" } "."
                    }
                }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Top hashtags" {
                    table.top {
                        (top_head())
                        tbody { @for entry in &entries { (top_row(entry, tick, &organic)) } }
                    }
                }
            }
        }
    }
}

fn top_head() -> Markup {
    html! {
        thead {
            tr {
                th rowspan="2" scope="col" { "Hashtag" }
                th.group colspan="2" scope="colgroup" { "Score" }
                th.group colspan="4" scope="colgroup" { "Posts" }
                th.num scope="colgroup" { "Accounts" }
                th rowspan="2" scope="col" { "Last hour" }
            }
            tr { @for name in ["Burst", "Coord.", "1m", "5m", "1h", "24h", "1h"] { th.num scope="col" { (name) } } }
        }
    }
}

fn top_row(entry: &Entry, tick: Tick, organic: &BTreeSet<&str>) -> Markup {
    let view = &entry.view;
    let hour = &view.windows.h1;
    html! {
        tr {
            th scope="row" {
                a href=(hashtag_href(&view.hashtag)) { (tag(&view.display, &view.hashtag)) }
                @if let Some(id) = &view.alert_id {
                    " "
                    @if organic.contains(id.as_str()) { a.badge.organic_burst href=(alert_href(id)) { "organic" } }
                    @else { a.badge href=(alert_href(id)) { "alert" } }
                }
            }
            (score_cell("burst", view.burst))
            (score_cell("coordination", view.coordination))
            @for (index, (_, counts)) in view.windows.labelled().into_iter().enumerate() {
                @let left = view.adjusted.as_ref().map(|adjusted| adjusted.windows.all()[index].posts);
                td.num {
                    (grouped(counts.posts))
                    @if let Some(left) = left && left != counts.posts { " (" (grouped(left)) " stand)" }
                }
            }
            td.num { @if hour.accounts_low != hour.accounts_high { "≈ " } (grouped(hour.accounts)) }
            td { (sparkline(&entry.history, tick)) }
        }
    }
}

fn score_cell(class: &str, score: Score) -> Markup {
    let text = if score.0 == 0 { "–".to_owned() } else { score_text(score) };
    html! { td.num.zero[score.0 == 0] { span class=(class) { (text) } } }
}
