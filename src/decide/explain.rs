//! The explanation: one sentence with numbers, for a person who was just woken.

use super::ephemeral;
use super::line::{Kind, State};
use super::score::Coordination;
use crate::assess::HashtagReport;
use crate::assess::feed::{Feed, Source};
use crate::assess::growth::Growth;
use crate::assess::history::Baseline;
use crate::assess::values::Signal;

/// Signals named in a sentence.
const SIGNALS_NAMED: usize = 3;

/// The sentence of a line about a hashtag as last reported.
pub fn sentence(kind: Kind, state: State, report: &HashtagReport, coordination: &Coordination) -> String {
    let volume = volume(report);
    let reasons = [crew(coordination), reasons(&coordination.signals)];
    let reasons = reasons.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let display = &report.display;
    match (kind, state) {
        (Kind::OrganicBurst, State::Pending) => {
            format!("#{display}: {volume}; a burst, and no reason to page anybody so far")
        }
        (_, State::Pending) => format!("#{display}: {volume}; too early to say what drives it"),
        (Kind::OrganicBurst, State::Resolved) => format!("#{display}: the burst is over; {volume}"),
        (Kind::OrganicBurst, _) => {
            let against =
                if reasons.is_empty() { String::new() } else { format!("; what speaks against it: {reasons}") };
            let score = coordination.score.as_f64();
            format!("#{display}: {volume}; participation looks like a crowd's, coordination {score:.0} of 100{against}")
        }
        (Kind::AutomatedFeed, State::Resolved) => {
            format!("#{display}: no longer a single source by the clock; {volume}")
        }
        (Kind::AutomatedFeed, _) => feed(report, &volume),
        (_, State::Resolved) => {
            format!(
                "#{display}: no longer looks driven by a few; {volume}, coordination {:.0} of 100",
                coordination.score.as_f64()
            )
        }
        (Kind::SuspectedCoordination, _) => {
            format!("#{display}: {volume}; some signs of coordination, of one kind only{}", with(&reasons))
        }
        (Kind::CoordinatedBurst, State::Provisional) => {
            format!("#{display}: {volume}; early signs that accounts act in concert{}", with(&reasons))
        }
        (Kind::EphemeralAmplification, _) => ephemeral::sentence(report),
        (_, _) => format!("#{display}: {volume}; accounts act in concert{}", with(&reasons)),
    }
}

/// The sentence of a line that arithmetic wrote because nothing more was heard.
pub fn ended(display: &str, kind: Kind) -> String {
    match kind {
        Kind::OrganicBurst | Kind::AutomatedFeed => format!("#{display}: the burst is over"),
        Kind::EphemeralAmplification => ephemeral::ended(display),
        _ => format!("#{display}: the burst is over, and with it the signs of coordination"),
    }
}

/// Why a burst is a feed's, and how nobody has to read it again.
fn feed(report: &HashtagReport, volume: &str) -> String {
    let Some(Feed { source, accounts, share, clock }) = &report.feed else {
        return format!("#{}: {volume}; a single source that writes by the clock", report.display);
    };
    let percent = share * 100.0;
    let who = match source {
        Source::Client => "one client that declares itself automated",
        Source::Accounts => "a single source",
    };
    let clock = match clock {
        Some(clock) => {
            let (seconds, kept) = (clock.period_seconds, clock.kept.value);
            format!(
                "by a clock of {seconds} s (kept to {kept:.2} of 1). If it is expected, list it: [[expected]] hashtag = \
                 \"{}\" with from, to and reason",
                report.hashtag
            )
        }
        None => "too early to say whether it keeps a clock".to_owned(),
    };
    format!("#{}: {volume}; {percent:.0} % of it comes from {who} ({accounts} accounts), {clock}", report.display)
}

/// Four decimals, as all numbers of a line.
fn round(value: f64) -> f64 {
    libm::round(value * 10_000.0) / 10_000.0
}

/// How the hashtag grows, as far as it can be told.
fn growth(growth: &Growth) -> Vec<(String, f64)> {
    let rate = growth
        .per_hour
        .map(|rate| [("per_hour", rate.value), ("per_hour_low", rate.low), ("per_hour_high", rate.high)]);
    let doubling = growth.doubling_minutes().map(|minutes| ("doubling_minutes", minutes));
    let first = growth.first_time.map(|share| {
        [("first_time_share", share.value), ("first_time_share_low", share.low), ("first_time_share_high", share.high)]
    });
    let numbers = rate.into_iter().flatten().chain(doubling).chain(first.into_iter().flatten());
    numbers.map(|(name, value)| (format!("growth_{name}"), round(value))).collect()
}

/// The numbers that a sentence rests on beside counts and signals, for the line's evidence.
pub fn basis(report: &HashtagReport, coordination: &Coordination) -> Vec<(String, f64)> {
    let mut basis = growth(&report.growth);
    basis.extend(coordination.basis.iter().map(|(name, value)| ((*name).to_owned(), round(*value))));
    let Some(feed) = &report.feed else { return basis };
    let share = match feed.source {
        Source::Client => "feed_client_share",
        Source::Accounts => "feed_accounts_share",
    };
    basis.extend([(share.to_owned(), round(feed.share)), ("feed_accounts".to_owned(), feed.accounts as f64)]);
    if let Some(clock) = feed.clock {
        basis.push(("feed_clock_seconds".to_owned(), f64::from(clock.period_seconds)));
        basis.push(("feed_clock_kept".to_owned(), round(clock.kept.value)));
    }
    basis
}

fn volume(report: &HashtagReport) -> String {
    let hour = report.windows.h1;
    let usual = match report.history.baseline {
        Baseline::BirthCurve => "a hashtag not seen before".to_owned(),
        Baseline::None => "nothing to compare with yet".to_owned(),
        Baseline::Recent if report.is_new => "a hashtag not seen before today".to_owned(),
        Baseline::Recent | Baseline::HourOfWeek => format!("usual: {:.0}", report.history.posts),
    };
    let growing = report.growth.doubling_minutes().map(|minutes| format!(", doubling every {minutes:.0} min"));
    let growing = growing.unwrap_or_default();
    format!("{} posts by {} accounts in the last hour ({usual}){growing}", hour.posts, hour.accounts)
}

fn with(reasons: &str) -> String {
    if reasons.is_empty() { String::new() } else { format!(": {reasons}") }
}

/// Who the crew is and how it differs, where it is the crew that was read; the contrast's numbers stand in the evidence.
fn crew(coordination: &Coordination) -> String {
    let of = |name: &str| coordination.basis.iter().find(|(known, _)| *known == name).map(|(_, value)| value * 100.0);
    let [posts, talk, others] = ["crew_posts_share", "crew_talk_share", "others_talk_share"].map(of);
    let (Some(posts), Some(talk), Some(others)) = (posts, talk, others) else { return String::new() };
    format!(
        "accounts that carried earlier alerts write {posts:.0} % of it, and {talk:.0} % of them talk to anybody \
         (everybody else: {others:.0} %)"
    )
}

/// The signals that add most, in words.
pub(super) fn reasons(signals: &[Signal]) -> String {
    let mut telling: Vec<&Signal> = signals.iter().filter(|signal| signal.contribution.0 >= 200).collect();
    telling.sort_by_key(|signal| std::cmp::Reverse(signal.contribution));
    telling.iter().take(SIGNALS_NAMED).filter_map(|signal| phrase(signal)).collect::<Vec<_>>().join(", ")
}

fn phrase(signal: &Signal) -> Option<String> {
    let value = signal.value?;
    let usual = signal.baseline.unwrap_or(0.0);
    let percent = |x: f64| format!("{:.0} %", x * 100.0);
    Some(match signal.name.as_str() {
        "repeat_share" => {
            format!("{} of the accounts post more than once (ordinary: {})", percent(value), percent(usual))
        }
        "posts_per_account" => {
            format!("{value:.1} posts an account even without the most active (ordinary: {usual:.1})")
        }
        "evenness" => format!("all post about equally often (evenness {value:.2}, ordinary: {usual:.2})"),
        "core_share" => {
            format!("accounts of three posts and more write {} of it (ordinary: {})", percent(value), percent(usual))
        }
        "top_share" => format!("the most active 5 % write {} (ordinary: {})", percent(value), percent(usual)),
        "silent_core" => format!(
            "{} of it comes from accounts that post three times and more and talk to nobody (ordinary: {})",
            percent(value),
            percent(usual)
        ),
        "silent_accounts" => {
            format!("{} of those who repeat talk to nobody (ordinary: {})", percent(value), percent(usual))
        }
        "salvos" => format!(
            "{} of those who repeat write three posts within ten minutes (ordinary: {})",
            percent(value),
            percent(usual)
        ),
        "birth_speed" => {
            format!("20 accounts within {value:.0} s of the first post (ordinary: {:.0} min)", usual / 60.0)
        }
        "dispersion_1s" => format!("posts bunch within single seconds ({value:.1} times as uneven as even ones)"),
        "dispersion_10s" => format!("posts come in bunches of ten seconds ({value:.0} times as uneven as even ones)"),
        "overlap" => format!("{} of the accounts carried earlier alerts", percent(value)),
        "conversation" => {
            format!("only {} of the originals talk to anybody (ordinary: {})", percent(value), percent(usual))
        }
        "alone" => format!("{} carry no other hashtag", percent(value)),
        "repeated_text" => format!("{} of the originals repeat another one's words", percent(value)),
        "ephemerality" => format!("{} of the last day's posts are gone", percent(value)),
        "regular_gaps" => format!("{} of those who repeat post at regular gaps", percent(value)),
        "started_together" => format!("{} of the accounts began within five minutes", percent(value)),
        "traffic_manipulation" => format!("a coefficient of traffic manipulation of {value:.0} (ordinary: at most 12)"),
        "repeated_repost" => format!("{} of the reposts go to five posts", percent(value)),
        "repost_volleys" => format!("{} of the reposts come in volleys of two minutes of their own", percent(value)),
        "co_reposts" => {
            format!("{} of the accounts repost one list of posts within minutes of each other", percent(value))
        }
        "bare" => format!("{} of the originals are without words", percent(value)),
        "same_set" => format!("two posts carry the same set of hashtags with a chance of {}", percent(value)),
        "created_together" => format!("{} of the accounts were created in the same seven days", percent(value)),
        "young_accounts" => format!("{} of the accounts are less than thirty days old", percent(value)),
        "client_share" => format!("{} come from one client", percent(value)),
        "repeated_link" => format!("two links are the same with a chance of {}", percent(value)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::ALL;
    use crate::config::defaults;

    #[test]
    fn whatever_adds_points_can_be_said() {
        let detect = defaults().detect;
        for signal in ALL.iter().filter(|signal| detect.signals[signal.name].points > 0.0) {
            let shown = Signal { name: signal.name.to_owned(), value: Some(0.5), ..Signal::default() };
            // The crew has a sentence of its own.
            assert!(phrase(&shown).is_some() || signal.name == "crew_contrast", "{}", signal.name);
        }
    }
}
