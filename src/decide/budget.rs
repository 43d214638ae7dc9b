//! The alert budget: so many pages and tickets an hour of event time. It holds back paging, never a line of the log.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::line::Severity;
use crate::model::Tick;
use crate::track::ladder::HOUR;

/// What an alert has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// The highest severity that it has reached, paid for or held back.
    pub severity: Severity,
    /// Whether its page was held back.
    pub suppressed: bool,
}

/// What was spent in the last hour, by severity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pages: VecDeque<i64>,
    tickets: VecDeque<i64>,
}

impl Budget {
    /// Takes one from the severity's own budget. Returns whether there was one left; the record is free.
    pub fn spend(&mut self, tick: Tick, severity: Severity, pages_per_hour: u32, tickets_per_hour: u32) -> bool {
        let (spent, most) = match severity {
            Severity::Info => return true,
            Severity::Ticket => (&mut self.tickets, tickets_per_hour),
            Severity::Page => (&mut self.pages, pages_per_hour),
        };
        while spent.front().is_some_and(|at| *at <= tick.0 - HOUR) {
            spent.pop_front();
        }
        if spent.len() >= most as usize {
            return false;
        }
        spent.push_back(tick.0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_severity_never_spends_a_higher_ones() {
        let mut budget = Budget::default();
        for _ in 0..5 {
            budget.spend(Tick(0), Severity::Ticket, 1, 2);
        }
        assert!(budget.spend(Tick(0), Severity::Page, 1, 2));
        assert!(!budget.spend(Tick(1), Severity::Page, 1, 2));
        assert!(budget.spend(Tick(HOUR), Severity::Page, 1, 2), "an hour later there is one again");
    }
}
