//! How the values of an alert line are spelt: as label values and in JSON, and for people.

use crate::decide::line::{Kind, Severity, State};

/// Every kind, least serious first.
pub const KINDS: [Kind; 7] = [
    Kind::OrganicBurst,
    Kind::AutomatedFeed,
    Kind::LowAndSlow,
    Kind::SuspectedCoordination,
    Kind::EphemeralAmplification,
    Kind::CoordinatedBurst,
    Kind::Campaign,
];
/// Every severity, least urgent first.
pub const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Ticket, Severity::Page];
/// Every state, in the order of an alert's life.
pub const STATES: [State; 4] = [State::Pending, State::Provisional, State::Firing, State::Resolved];

/// The kind as in the alert line.
pub fn kind(kind: Kind) -> &'static str {
    kind.as_str()
}

/// The kind for people.
pub fn kind_title(kind: Kind) -> &'static str {
    match kind {
        Kind::OrganicBurst => "Organic burst",
        Kind::SuspectedCoordination => "Suspected coordination",
        Kind::CoordinatedBurst => "Coordinated burst",
        Kind::AutomatedFeed => "Automated feed",
        Kind::LowAndSlow => "Low and slow",
        Kind::Campaign => "Campaign",
        Kind::EphemeralAmplification => "Ephemeral amplification",
    }
}

/// The severity as in the alert line.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Ticket => "ticket",
        Severity::Page => "page",
    }
}

/// The state as in the alert line.
pub fn state(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Provisional => "provisional",
        State::Firing => "firing",
        State::Resolved => "resolved",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_alert_line() {
        let json = |value: serde_json::Result<String>| value.unwrap();
        for one in KINDS {
            assert_eq!(json(serde_json::to_string(&one)), format!("{:?}", kind(one)));
        }
        for one in SEVERITIES {
            assert_eq!(json(serde_json::to_string(&one)), format!("{:?}", severity(one)));
        }
        for one in STATES {
            assert_eq!(json(serde_json::to_string(&one)), format!("{:?}", state(one)));
        }
    }
}
