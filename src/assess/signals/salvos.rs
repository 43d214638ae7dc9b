//! Share of the last hour's repeaters that wrote three posts within ten minutes. A quota is filled in one sitting; who is
//! moved by an event comes back when there is something new to say. The public that joins a push posts once and is not
//! counted, so it drowns this share less than any other.
//!
//! Formula: accounts with three posts within ten consecutive minutes / accounts with three posts or more in the hour, the
//! first of them a quarter of an hour ago or more (whoever began later had no time to be slow), Wilson interval. Unit: share, 0 to 1. Measured: .2 to .45 (quartiles) on crisis nights, .35 to .55 at conferences, .65
//! to 1 on pushes. Unavailable below eight repeaters.
//! Blind spots: people who comment on a match or a speech line by line; accounts that are told to wait between posts, which
//! costs them the speed they are paid for.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Repeaters from which their share is read.
const REPEATERS_MIN: u64 = 8;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "salvos", family: "concentration", baseline: 0.4, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    let salvos = facts.salvos.filter(|salvos| salvos.repeaters >= REPEATERS_MIN)?;
    Some(share(salvos.hurried, salvos.repeaters))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{Stream, all_at, check_streams};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        // Accounts that post in each of these minutes, looked at when the hour is over.
        let sitting = |accounts: u64, minutes: &[i64]| -> Stream {
            let seconds: Vec<i64> = minutes.iter().map(|minute| minute * 60).collect();
            all_at(accounts, &seconds).until(3_600)
        };
        let among_people = sitting(6, &[0, 4, 8]).and(sitting(4, &[0, 20, 40])).and(sitting(100, &[30]));
        check_streams(
            &DEFINITION,
            &[
                ("people who come back", sitting(10, &[0, 15, 30]), Some(0.0)),
                ("a quota in one sitting", sitting(10, &[0, 1, 2]), Some(1.0)),
                ("six of ten, and a public that posts once", among_people, Some(0.6)),
                ("three posts in ten minutes", sitting(10, &[0, 5, 9]), Some(1.0)),
                ("three posts in eleven", sitting(10, &[0, 5, 10]), Some(0.0)),
                ("the second sitting counts", sitting(10, &[0, 20, 25, 29]), Some(1.0)),
                ("seven repeaters", sitting(7, &[0, 1, 2]), None),
                ("eight repeaters", sitting(8, &[0, 1, 2]), Some(1.0)),
                ("begun a quarter of an hour ago", sitting(10, &[44, 45, 46]), Some(1.0)),
                ("begun later", sitting(10, &[45, 46, 47]), None),
                ("nobody repeats", sitting(100, &[0, 1]), None),
                ("the hour before is over", sitting(10, &[-2, -1, 0]), None),
                ("people who comment on a match line by line", sitting(10, &[0, 2, 4, 6, 8]), Some(1.0)),
                ("a quota by order to wait", sitting(10, &[0, 10, 20]), Some(0.0)),
            ],
        );
    }
}
