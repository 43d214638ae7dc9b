//! What the pages are made of. Everything users wrote goes through [`shown`] and stands in `<bdi>`, so that it can
//! neither break the markup (maud escapes) nor reorder the text around it.

use std::collections::VecDeque;

use maud::{DOCTYPE, Markup, html};

use super::http::AppState;
use super::safe::{path_segment, shown};
use super::words;
use crate::decide::line::{Adjusted, AlertLine, Evidence, Score, Severity, Signal, State, Windows};
use crate::model::Tick;

/// Width and height of a sparkline in its own units.
const SPARK: (f64, f64) = (120.0, 26.0);

/// A whole page around its content.
pub fn page(state: &AppState, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="/icon.svg";
                link rel="stylesheet" href="/style.css";
                script src="/page.js" defer {}
                noscript { meta http-equiv="refresh" content="5"; }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" { "tagwatch" }
                    @if state.about.id != "tagwatch" { span.muted { bdi { (shown(&state.about.id)) } } }
                    span #live.muted role="status" {}
                }
                main id="main" { (content) }
                footer {
                    p { "An alert is a reason to look, not a verdict. Times are event times in UTC." }
                    nav aria-label="For programs" {
                        a href="/metrics" { "Metrics" }
                        a href="/api/v1/alerts" { "Alerts" }
                        a href="/api/v1/hashtags" { "Hashtags" }
                        a href="/api/v1/status" { "Status" }
                        a href="/openapi.json" { "OpenAPI" }
                    }
                    p.muted { "Version " (env!("CARGO_PKG_VERSION")) " · config " code { (state.about.config_version) } }
                }
            }
        }
    }
}

/// A hashtag as people read it.
pub fn tag(display: &str, canonical: &str) -> Markup {
    let name = if display.is_empty() { canonical } else { display };
    html! { bdi { "#" (shown(name)) } }
}

/// Where the page of a hashtag is.
pub fn hashtag_href(canonical: &str) -> String {
    format!("/hashtags/{}", path_segment(canonical))
}

/// Where the page of an alert is.
pub fn alert_href(alert_id: &str) -> String {
    format!("/alerts/{}", path_segment(alert_id))
}

/// Kind, state and what qualifies them, as small labels.
pub fn badges(line: &AlertLine) -> Markup {
    html! {
        span.badges {
            span class={ "badge " (words::kind(line.kind)) } { (words::kind_title(line.kind)) }
            span class={ "badge state " (words::state(line.state)) } { (words::state(line.state)) }
            @if line.severity != Severity::Info {
                @let severity = words::severity(line.severity);
                span class={ "badge " (severity) } { "severity " (severity) }
            }
            @if line.warming { span.badge.held { "warming: does not page" } }
            @else if line.suppressed && line.campaign.is_some() { span.badge.held { "its campaign calls" } }
            @else if line.suppressed { span.badge.held { "held back by the budget" } }
            @if line.evidence.expected.is_some() { span.badge.held { "expected" } }
            @if line.degraded { span.badge.held { "degraded input" } }
        }
    }
}

/// The hashtags of a campaign, or the campaign of a hashtag.
pub fn campaign(line: &AlertLine) -> Markup {
    html! {
        @if !line.members.is_empty() {
            p.muted { "Its hashtags: " @for member in &line.members { a href=(hashtag_href(member)) { (tag(member, member)) } " " } }
        }
        @if let Some(id) = &line.campaign { p { a href=(alert_href(id)) { "One hashtag of a campaign" } } }
    }
}

/// The two axes as bars.
pub fn bars(burst: Score, coordination: Score) -> Markup {
    html! {
        dl.bars {
            (bar("burst", "Burst", burst))
            (bar("coordination", "Coordination", coordination))
        }
    }
}

fn bar(class: &str, label: &str, score: Score) -> Markup {
    html! {
        div class=(class) {
            dt { (label) }
            dd {
                svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                    rect.track width="100" height="6" {}
                    rect.fill width=(score.as_f64().clamp(0.0, 100.0)) height="6" {}
                }
                span.number { (score_text(score)) }
            }
        }
    }
}

/// A score with one decimal.
pub fn score_text(score: Score) -> String {
    format!("{:.1}", score.as_f64())
}

/// Counts of the four windows and, where actions took something out, what stands of them.
pub fn windows_table(windows: &Windows, adjusted: Option<&Adjusted>) -> Markup {
    let all = windows.labelled();
    let left = adjusted.map(|adjusted| adjusted.windows.all());
    html! {
        table.windows {
            thead { tr { th scope="col" { "Window" } @for (name, _) in all { th.num scope="col" { (name) } } } }
            tbody {
                tr { th scope="row" { "Posts" } @for (_, counts) in all { td.num { (grouped(counts.posts)) } } }
                tr { th scope="row" { "Reposts" } @for (_, counts) in all { td.num { (grouped(counts.reposts)) } } }
                tr { th scope="row" { "Accounts" }
                    @for (_, counts) in all {
                        td.num title=[(counts.accounts_low != counts.accounts_high).then(|| format!(
                            "95 % interval {} to {}", grouped(counts.accounts_low), grouped(counts.accounts_high)))] {
                            @if counts.accounts_low != counts.accounts_high { "≈ " }
                            (grouped(counts.accounts))
                        }
                    }
                }
                @if let Some(left) = left {
                    tr { th scope="row" { "Posts that stand" }
                        @for counts in left { (stands(counts.posts, counts.posts_low, counts.posts_high)) }
                    }
                    tr { th scope="row" { "Accounts that stand" }
                        @for counts in left { (stands(counts.accounts, counts.accounts_low, counts.accounts_high)) }
                    }
                }
            }
        }
        @if let Some(adjusted) = adjusted {
            p.muted {
                "Without the posts and accounts that were taken out since: burst " (score_text(adjusted.burst))
                ", coordination " (score_text(adjusted.coordination)) "."
            }
        }
    }
}

/// A count with its interval, where it is an estimate.
fn stands(count: u64, low: u64, high: u64) -> Markup {
    let interval = || format!("95 % interval {} to {}", grouped(low), grouped(high));
    html! { td.num title=[(low != high).then(interval)] { @if low != high { "≈ " } (grouped(count)) } }
}

/// Every signal with its arithmetic; the last row is the score that they add up to.
pub fn signals_table(signals: &[Signal], coordination: Score) -> Markup {
    let sum = signals.iter().fold(0i32, |sum, signal| sum.saturating_add(signal.contribution.0));
    html! {
        div.scroll tabindex="0" role="region" aria-label="Signals" {
            table.signals {
                thead { tr {
                    th scope="col" { "Signal" } th scope="col" { "Family" }
                    th.num scope="col" { "Value" } th.num scope="col" { "50 % interval" }
                    th.num scope="col" { "Baseline" } th.num scope="col" { "Points" }
                } }
                tbody { @for signal in signals { (signal_row(signal)) } }
                tfoot { tr {
                    th scope="row" colspan="5" {
                        "Coordination score"
                        @if sum != coordination.0 { " (contributions add up to " (score_sum(sum)) ")" }
                    }
                    td.num { (score_sum(coordination.0)) }
                } }
            }
        }
    }
}

fn signal_row(signal: &Signal) -> Markup {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), significant);
    html! {
        tr.counts[signal.contribution.0 > 0].unavailable[!signal.available] {
            th scope="row" { (shown(&signal.name).replace('_', " ")) }
            td { (shown(&signal.family)) }
            @if signal.available {
                td.num { (number(signal.value)) }
                td.num { (number(signal.low)) " … " (number(signal.high)) }
                td.num { (number(signal.baseline)) }
                td.num { (score_sum(signal.contribution.0)) }
            } @else {
                td colspan="3" { "unavailable: its input is missing" }
                td.num { (score_sum(signal.contribution.0)) }
            }
        }
    }
}

fn score_sum(hundredths: i32) -> String {
    format!("{:.2}", Score(hundredths).as_f64())
}

/// The numbers and pseudonyms behind a line.
pub fn evidence(evidence: &Evidence) -> Markup {
    let lists = [
        ("Most active accounts", "account", &evidence.top_accounts),
        ("Most repeated originals", "text", &evidence.top_texts),
        ("Most repeated links", "link", &evidence.top_links),
        ("Most reposted", "post", &evidence.top_reposts),
    ];
    html! {
        dl.facts {
            @if !evidence.view.is_empty() {
                div { dt { "Read over" } dd { (crowd(&evidence.view)) ", last " (shown(&evidence.window)) } }
            }
            div {
                dt { "Expected posts" }
                dd { (significant(evidence.expected_posts)) " " span.muted { (expectation(&evidence.baseline)) } }
            }
            @if let Some(reason) = &evidence.expected { div { dt { "Expected event" } dd { bdi { (shown_long(reason)) } } } }
            @if let Some(first) = &evidence.first_post { div { dt { "First post" } dd { (time(first)) } } }
            @for (name, value) in &evidence.basis {
                div { dt { (shown(name).replace('_', " ")) } dd { (significant(*value)) } }
            }
            @if !evidence.watched_since.is_empty() {
                div { dt { "Watched since" } dd { (time(&evidence.watched_since)) } }
            }
        }
        div.lists {
            @for (title, what, list) in lists {
                @if !list.is_empty() {
                    table {
                        caption { (title) }
                        thead { tr { th scope="col" { (what) } th.num scope="col" { "Posts" } } }
                        tbody {
                            @for (name, posts) in list {
                                tr { td { code { (shown(name)) } } td.num { (grouped(*posts)) } }
                            }
                        }
                    }
                }
            }
        }
        p.muted { "Accounts, texts and links are pseudonyms: keyed hashes of a sample. No text is kept." }
    }
}

fn crowd(view: &str) -> &str {
    match view {
        "core" => "accounts with three posts or more",
        _ => "all accounts",
    }
}

fn expectation(baseline: &str) -> &str {
    match baseline {
        "hour_of_week" => "by this hashtag's own past at this hour of the week",
        "recent" => "by this hashtag's recent past",
        "birth_curve" => "as new hashtags usually grow",
        _ => "no history to compare with",
    }
}

/// An alert as a card. `now` is what the hashtag scores at the last tick, where it is on the board.
pub fn card(line: &AlertLine, now: Option<(Score, Score)>) -> Markup {
    let details = format!("signals-{}", shown(&line.alert_id));
    html! {
        article class={ "card " (words::severity(line.severity)) } aria-label={ "Alert on #" (shown(&line.hashtag)) } {
            div.head {
                h3 { a href=(alert_href(&line.alert_id)) { (tag(&line.display, &line.hashtag)) } }
                (badges(line))
            }
            p.explanation { bdi { (shown_long(&line.explanation)) } }
            (campaign(line))
            (bars(line.burst, line.coordination))
            p.muted.when {
                "Since " (time(&line.onset)) " · last change " (time(&line.at))
                @if let Some((burst, coordination)) = now
                    && line.state != State::Resolved && (burst, coordination) != (line.burst, line.coordination) {
                    " · now burst " (score_text(burst)) ", coordination " (score_text(coordination))
                }
            }
            details id=(details) {
                summary { "Signals and counts" }
                (windows_table(&line.windows, line.adjusted.as_ref()))
                (signals_table(&line.signals, line.coordination))
                p { a href=(alert_href(&line.alert_id)) { "Evidence and history" } }
            }
        }
    }
}

/// An explanation: longer than a name may be, made harmless word by word.
pub fn shown_long(text: &str) -> String {
    let words: Vec<_> = text.split(' ').take(400).map(shown).collect();
    words.join(" ")
}

/// Posts by minute over the last hour, as a line with gaps where the hashtag was not watched.
pub fn sparkline(history: &VecDeque<(i64, u64)>, tick: Tick) -> Markup {
    let last_minute = tick.0.saturating_sub(1).div_euclid(6) + 1;
    let most = history.iter().map(|(_, posts)| *posts).max().unwrap_or(0);
    let (width, height) = SPARK;
    let x = |minute: i64| width - (last_minute - minute) as f64 * width / 60.0;
    let y = |posts: u64| height - 2.0 - posts as f64 / most.max(1) as f64 * (height - 4.0);
    let mut path = String::new();
    let mut before = None;
    for (minute, posts) in history {
        let command = if before == Some(minute - 1) { 'L' } else { 'M' };
        path.push_str(&format!("{command}{:.1} {:.1}", x(*minute), y(*posts)));
        before = Some(*minute);
    }
    let now = history.back().map_or(0, |(_, posts)| *posts);
    let label = format!("posts a minute over the last hour: at most {}, lately {}", grouped(most), grouped(now));
    html! {
        svg.spark viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(label) {
            title { (label) }
            path d=(path) {}
            @if let Some((minute, posts)) = history.back() {
                circle cx=(format!("{:.1}", x(*minute).min(width - 2.0))) cy=(format!("{:.1}", y(*posts))) r="2" {}
            }
        }
    }
}

/// A time without its milliseconds, with the exact one for programs.
pub fn time(rfc3339: &str) -> Markup {
    let short = rfc3339.get(..19).map_or_else(|| shown(rfc3339).into_owned(), |text| shown(text).replace('T', " "));
    html! { time datetime=(shown(rfc3339)) { (short) } }
}

/// A whole number in groups of three, with narrow spaces that do not break.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A number to three significant digits.
pub fn significant(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "–".to_owned(),
        _ if size >= 1000.0 => format!("{}{}", if value < 0.0 { "-" } else { "" }, grouped(size.round() as u64)),
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        _ if size >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_true() {
        assert_eq!(grouped(47_000), "47\u{202f}000");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(999), "999");
        for (value, text) in [
            (0.0, "0.00"),
            (0.4213, "0.42"),
            (0.0123, "0.0123"),
            (12.34, "12.3"),
            (123.4, "123"),
            (-1234.5, "-1\u{202f}235"),
            (f64::NAN, "–"),
            (4e-5, "4.0e-5"),
        ] {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn a_sparkline_breaks_where_the_hashtag_was_not_watched() {
        let history = VecDeque::from([(8, 5), (9, 10), (10, 0), (12, 7)]);
        let svg = sparkline(&history, Tick(72)).into_string();
        assert!(svg.contains(r#"d="M112.0 13.0L114.0 2.0L116.0 24.0M120.0 8.6""#), "{svg}");
        assert!(svg.contains("at most 10, lately 7"), "{svg}");
    }
}
