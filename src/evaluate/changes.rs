//! What changes when the numbers of detection are moved: episodes found, false alerts, organic episodes called coordinated,
//! by stream, and the setting that the other streams would have chosen for each.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::round::round;

/// What was counted on one stream under one setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Coordinated episodes detected.
    pub found: usize,
    /// Coordinated episodes.
    pub episodes: usize,
    /// True alerts.
    pub alerts_true: usize,
    /// False alerts.
    pub alerts_false: usize,
    /// Organic episodes called coordinated.
    pub organic_called: usize,
    /// Organic episodes.
    pub organic: usize,
}

impl Counted {
    fn add(self, other: Counted) -> Counted {
        Counted {
            found: self.found + other.found,
            episodes: self.episodes + other.episodes,
            alerts_true: self.alerts_true + other.alerts_true,
            alerts_false: self.alerts_false + other.alerts_false,
            organic_called: self.organic_called + other.organic_called,
            organic: self.organic + other.organic,
        }
    }

    fn sum<'c>(counted: impl Iterator<Item = &'c Counted>) -> Counted {
        counted.fold(Counted::default(), |sum, counted| sum.add(*counted))
    }

    /// How good it is: an organic episode called coordinated costs two that are found, a false alert one.
    fn worth(&self) -> i64 {
        self.found as i64 - self.alerts_false as i64 - 2 * self.organic_called as i64
    }
}

/// A setting that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What was moved.
    pub what: String,
    /// By which factor.
    pub factor: f64,
    /// What was counted, by stream; none where the moved numbers contradict each other.
    pub counted: Option<Vec<Counted>>,
}

/// All settings, on all streams.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Names of the streams.
    pub streams: Vec<String>,
    /// What was counted under the config as it is, by stream.
    pub shipped: Vec<Counted>,
    /// The settings tried.
    pub moved: Vec<Change>,
}

impl Changes {
    /// For each stream the setting that the other streams together would choose (the shipped one, if none is better), and
    /// what it gives on the one left out.
    pub fn left_out(&self) -> Vec<(&str, String, Counted)> {
        let choose = |left: usize| {
            let others = |all: &[Counted]| {
                Counted::sum(all.iter().enumerate().filter(|(at, _)| *at != left).map(|(_, counted)| counted)).worth()
            };
            let mut best = (others(&self.shipped), "as shipped".to_owned(), self.shipped[left]);
            for change in &self.moved {
                let Some(counted) = &change.counted else { continue };
                if others(counted) > best.0 {
                    best = (others(counted), format!("{} × {}", change.what, change.factor), counted[left]);
                }
            }
            (self.streams[left].as_str(), best.1, best.2)
        };
        (0..self.streams.len()).map(choose).collect()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Counted::sum(self.shipped.iter());
        writeln!(
            f,
            "As shipped: {} of {} episodes found, {} false alerts, {} of {} organic episodes called coordinated.\n",
            all.found, all.episodes, all.alerts_false, all.organic_called, all.organic
        )?;
        writeln!(f, "| moved | −20 % | −10 % | +10 % | +20 % |\n|---|---|---|---|---|")?;
        let mut rows: Vec<(&str, BTreeMap<i64, String>)> = Vec::new();
        for change in &self.moved {
            let at = (change.factor * 100.0).round() as i64;
            let cell = change
                .counted
                .as_ref()
                .map_or("contradicts itself".to_owned(), |counted| difference(all, Counted::sum(counted.iter())));
            match rows.iter_mut().find(|(what, _)| *what == change.what) {
                Some((_, cells)) => drop(cells.insert(at, cell)),
                None => rows.push((&change.what, BTreeMap::from([(at, cell)]))),
            }
        }
        // What never matters is said once.
        let (still, moving): (Vec<_>, Vec<_>) =
            rows.iter().partition(|(_, cells)| cells.values().all(|cell| cell == "="));
        for (what, cells) in moving {
            let cells: Vec<&str> = cells.values().map(String::as_str).collect();
            writeln!(f, "| {what} | {} |", cells.join(" | "))?;
        }
        let still: Vec<&str> = still.iter().map(|(what, _)| *what).collect();
        if !still.is_empty() {
            writeln!(f, "\nNothing changes with any of: {}.", still.join(", "))?;
        }
        writeln!(f, "\n| left out | chosen on the others | found | false alerts | organic called coordinated |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for (stream, chosen, counted) in self.left_out() {
            let Counted { found, episodes, alerts_false, organic_called, organic, .. } = counted;
            writeln!(
                f,
                "| {stream} | {chosen} | {found} of {episodes} | {alerts_false} | {organic_called} of {organic} |"
            )?;
        }
        Ok(())
    }
}

/// What changed, in words; `=` where nothing did.
fn difference(before: Counted, after: Counted) -> String {
    let parts = [
        ("found", before.found, after.found),
        ("false", before.alerts_false, after.alerts_false),
        ("organic", before.organic_called, after.organic_called),
    ];
    let changed = parts.iter().filter(|(_, before, after)| before != after);
    let said: Vec<String> =
        changed.map(|(what, before, after)| format!("{what} {:+}", round(*after as f64 - *before as f64, 0))).collect();
    if said.is_empty() { "=".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(found: usize, alerts_false: usize, organic_called: usize) -> Counted {
        Counted { found, episodes: 10, alerts_true: found, alerts_false, organic_called, organic: 5 }
    }

    fn changes() -> Changes {
        let change = |what: &str, factor, counted| Change { what: what.to_owned(), factor, counted };
        Changes {
            streams: vec!["a".to_owned(), "b".to_owned()],
            shipped: vec![counted(8, 0, 0), counted(9, 0, 0)],
            moved: vec![
                change("gate", 0.9, Some(vec![counted(10, 0, 0), counted(9, 2, 1)])),
                change("gate", 1.1, Some(vec![counted(7, 0, 0), counted(9, 0, 0)])),
                change("hold", 0.9, Some(vec![counted(8, 0, 0), counted(9, 0, 0)])),
                change("exit", 1.2, None),
            ],
        }
    }

    #[test]
    fn the_table_says_what_changed_over_all_streams() {
        let table = changes().to_string();
        assert!(table.contains("17 of 20 episodes found, 0 false alerts, 0 of 10 organic"), "{table}");
        assert!(table.contains("| gate | found +2, false +2, organic +1 | found -1 |"), "{table}");
        assert!(table.contains("| exit | contradicts itself |") && table.contains("any of: hold."), "{table}");
    }

    #[test]
    fn what_the_others_would_choose_is_judged_on_the_one_left_out() {
        // Without a: on b nothing is better than as shipped. Without b: the lower gate finds two more on a.
        let (changes, chosen) = (changes(), |at: usize| changes().left_out()[at].1.clone());
        assert_eq!((chosen(0).as_str(), chosen(1).as_str()), ("as shipped", "gate × 0.9"));
        assert_eq!(changes.left_out()[1].2, counted(9, 2, 1));
    }
}
