//! Where to begin reading each partition. The broker is never asked to decide: state comes first, then what the log of
//! decisions says, then the committed offset, which means that state was lost, then the configured policy.

use std::collections::BTreeMap;

use super::aside::History;
use super::ledger::Resume;
use crate::model::Tick;

/// The checkpoint that reading goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Every pane up to here is held by the restored state.
    pub covered: Tick,
    /// Where each partition is read from.
    pub resume: BTreeMap<i32, Resume>,
}

/// Why a partition is read from where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The checkpoint says so.
    State(Resume),
    /// An earlier run began there and died before its first checkpoint.
    Began(i64),
    /// The partition appeared after the others had begun: from its oldest record.
    New,
    /// An offset was committed, so there was state, but it is gone: from well before that offset, warming.
    Lost {
        /// The committed offset.
        committed: i64,
    },
    /// Nobody has ever read it: as configured.
    Policy,
}

/// What is known when reading begins.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The checkpoint, if there is one.
    pub restored: Option<&'a Restored>,
    /// Committed offsets of the group.
    pub committed: &'a BTreeMap<i32, i64>,
    /// What earlier runs wrote down.
    pub history: &'a History,
}

impl Facts<'_> {
    /// Where one partition is to be read from, and why.
    pub fn origin(&self, partition: i32) -> Origin {
        let began = self.history.start(partition).map(Origin::Began);
        if let Some(restored) = self.restored {
            return restored.resume.get(&partition).copied().map(Origin::State).or(began).unwrap_or(Origin::New);
        }
        match self.committed.get(&partition) {
            Some(&committed) => Origin::Lost { committed },
            None => began.unwrap_or(if self.committed.is_empty() { Origin::Policy } else { Origin::New }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::aside::Entry;
    use super::*;

    #[test]
    fn state_goes_before_the_log_and_the_log_before_the_policy() {
        let resume = Resume { offset: 70, greatest: None };
        let restored = Restored { covered: Tick(5), resume: BTreeMap::from([(0, resume)]) };
        let mut history = History::default();
        history.apply(Entry::Start { partition: 0, position: 10 });
        history.apply(Entry::Start { partition: 1, position: 20 });
        let committed = BTreeMap::from([(0, 60), (1, 65)]);
        let none = BTreeMap::new();

        let with_state = Facts { restored: Some(&restored), committed: &committed, history: &history };
        let origins = [0, 1, 2].map(|partition| with_state.origin(partition));
        assert_eq!(origins, [Origin::State(resume), Origin::Began(20), Origin::New]);

        let lost = Facts { restored: None, ..with_state };
        let origins = [0, 1, 2].map(|partition| lost.origin(partition));
        assert_eq!(origins, [Origin::Lost { committed: 60 }, Origin::Lost { committed: 65 }, Origin::New]);

        let died_early = Facts { committed: &none, ..lost };
        let origins = [0, 1, 2].map(|partition| died_early.origin(partition));
        assert_eq!(origins, [Origin::Began(10), Origin::Began(20), Origin::Policy]);
    }
}
