//! The pages behind a link: one alert with its evidence and its history, and one hashtag.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};

use super::api::{find_alert, find_hashtag};
use super::http::AppState;
use super::page_parts::{
    alert_href, badges, bars, campaign, evidence, grouped, hashtag_href, page, score_text, shown_long, signals_table,
    sparkline, tag, time, windows_table,
};
use super::problem::Problem;
use super::safe::shown;
use super::words;
use crate::decide::line::AlertLine;

/// Answers `/alerts/{id}`.
pub async fn show(State(state): State<AppState>, id: Result<Path<String>, PathRejection>) -> Response {
    match find_alert(&state, id) {
        Ok(lines) => {
            let last = lines.last().expect("an alert that was found has a line");
            let title = format!("#{} · tagwatch", shown(&last.hashtag));
            Html(page(&state, &title, &alert(&lines)).into_string()).into_response()
        }
        Err(problem) => absent(&state, &problem),
    }
}

/// Answers `/hashtags/{tag}`.
pub async fn show_hashtag(State(state): State<AppState>, tag_path: Result<Path<String>, PathRejection>) -> Response {
    let entry = match find_hashtag(&state, tag_path) {
        Ok(entry) => entry,
        Err(problem) => return absent(&state, &problem),
    };
    let view = &entry.view;
    let tick = state.report.board.face().tick.unwrap_or(entry.seen);
    let content = html! {
        p { a href="/" { "← All alerts and hashtags" } }
        h1 { (tag(&view.display, &view.hashtag)) }
        @if entry.seen != tick {
            p.notice role="note" {
                "Last among the top or assessed at " (time(&entry.seen.end().to_string()))
                "; the numbers are of that time."
            }
        }
        @if let Some(id) = &view.alert_id { p { a href=(alert_href(id)) { "Its open alert" } } }
        (bars(view.burst, view.coordination))
        h2 { "Counts" }
        (windows_table(&view.windows, view.adjusted.as_ref()))
        h2 { "Posts a minute, last hour" }
        div.wide-spark {
            (sparkline(&entry.history, tick))
            p.muted {
                "At most " (grouped(entry.history.iter().map(|(_, posts)| *posts).max().unwrap_or(0)))
                " posts a minute; gaps are minutes in which the hashtag was not watched."
            }
        }
        h2 { "Signals" }
        @if view.signals.is_empty() {
            p.empty {
                "Not assessed: too few posts or accounts in the last hour (" code { "detect.candidate_posts" } ", "
                code { "detect.candidate_accounts" } ")."
            }
        } @else { (signals_table(&view.signals, view.coordination)) }
        p { a href={ "/api/v1" (hashtag_href(&view.hashtag)) } { "As JSON" } }
    };
    let title = format!("#{} · tagwatch", shown(&view.hashtag));
    Html(page(&state, &title, &content).into_string()).into_response()
}

/// One alert: how it stands, why, and how it came there.
fn alert(lines: &[Arc<AlertLine>]) -> Markup {
    let Some(last) = lines.last() else { return html! {} };
    html! {
        p { a href="/" { "← All alerts and hashtags" } }
        h1 { (tag(&last.display, &last.hashtag)) }
        (badges(last))
        p.explanation { bdi { (shown_long(&last.explanation)) } }
        (campaign(last))
        (bars(last.burst, last.coordination))
        p.muted.when {
            "Alert " code { (shown(&last.alert_id)) } " · since " (time(&last.onset)) " · last change " (time(&last.at))
        }
        h2 { "Counts" }
        (windows_table(&last.windows, last.adjusted.as_ref()))
        h2 { "Signals" }
        (signals_table(&last.signals, last.coordination))
        h2 { "Evidence" }
        (evidence(&last.evidence))
        h2 { "History" }
        (history(lines))
        p {
            a href=(hashtag_href(&last.hashtag)) { "The hashtag now" } " · "
            a href={ "/api/v1" (alert_href(&last.alert_id)) } { "As JSON" }
            " · config " code { (shown(&last.config_version)) }
        }
    }
}

fn history(lines: &[Arc<AlertLine>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="History" {
            table.history {
                thead { tr {
                    @for name in ["At", "State", "Kind", "Severity"] { th scope="col" { (name) } }
                    @for name in ["Posts 1h", "Burst", "Coordination"] { th.num scope="col" { (name) } }
                } }
                tbody {
                    @for line in lines.iter().rev() {
                        tr {
                            th scope="row" { (time(&line.at)) }
                            td { span class={ "badge state " (words::state(line.state)) } { (words::state(line.state)) } }
                            td { (words::kind_title(line.kind)) }
                            td { (words::severity(line.severity)) @if line.suppressed { " (held back)" } }
                            td.num { (grouped(line.windows.h1.posts)) }
                            td.num { (score_text(line.burst)) }
                            td.num { (score_text(line.coordination)) }
                        }
                    }
                }
            }
        }
    }
}

/// The page where there is nothing to show.
fn absent(state: &AppState, problem: &Problem) -> Response {
    let content = html! {
        p { a href="/" { "← All alerts and hashtags" } }
        h1 { "Nothing here" }
        p.empty { bdi { (shown_long(problem.detail())) } }
    };
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::NOT_FOUND);
    (status, Html(page(state, "Nothing here · tagwatch", &content).into_string())).into_response()
}
