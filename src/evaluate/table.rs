//! An evaluation as people read it.

use std::fmt;

use super::episode::Episode;
use super::score::{Evaluation, Found};

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alerts = &self.alerts;
        let rejected = if self.rejected > 0 { format!("; lines rejected: {}", self.rejected) } else { String::new() };
        writeln!(f, "{} posts in {} days{rejected}", self.posts, self.days)?;
        writeln!(f, "\nalerts of coordinated bursts")?;
        writeln!(f, "  true {}, false {}, ambiguous {}", alerts.right, alerts.wrong, alerts.ambiguous)?;
        writeln!(f, "  precision                {}", shown(alerts.precision))?;
        writeln!(f, "  false a day              {}", shown(alerts.false_per_day))?;
        writeln!(f, "  false in 100 000 posts   {}", shown(alerts.false_per_100k_posts))?;
        self.write_coordinated(f)?;
        self.write_organic(f)?;
        self.write_signals(f)?;
        self.write_lists(f)
    }
}

impl Evaluation {
    fn write_coordinated(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coordinated = &self.coordinated;
        if coordinated.all.episodes == 0 {
            return Ok(());
        }
        writeln!(f, "\ncoordinated episodes; minutes to detect count from the 20th post")?;
        let width = coordinated.by_subkind.keys().map(|name| name.chars().count()).max().unwrap_or(0).max(3);
        let pad = " ".repeat(width);
        writeln!(f, "  {pad}  detected  recall  as burst  recall  minutes, median      p90  left of it, median")?;
        for (name, found) in &coordinated.by_subkind {
            write_found(f, name, width, found)?;
        }
        write_found(f, "all", width, &coordinated.all)
    }

    fn write_organic(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let organic = &self.organic;
        if organic.episodes == 0 {
            return Ok(());
        }
        writeln!(f, "\norganic episodes")?;
        let (called, share) = (organic.called_coordinated, shown(organic.called_coordinated_share));
        writeln!(f, "  called coordinated       {called} of {} ({share})", organic.episodes)?;
        writeln!(f, "  seen as burst            {} of {}", organic.seen_as_burst, organic.episodes)
    }

    fn write_signals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.signals.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nsignals, by the first value in each episode: the chance that a coordinated one shows more than an organic"
        )?;
        writeln!(f, "one (0.5 tells nothing, 1 and 0 tell all); how many of each have a value, and its quartiles")?;
        let width = self.signals.iter().map(|signal| signal.name.chars().count()).max().unwrap_or(0);
        for signal in &self.signals {
            let (name, auc) = (&signal.name, signal.auc);
            write!(f, "  {name:width$}  {auc:.4}")?;
            for (episodes, [low, middle, high]) in
                [(signal.coordinated, signal.coordinated_quartiles), (signal.organic, signal.organic_quartiles)]
            {
                write!(f, "  {episodes:>4} {low:>9.2} {middle:>7.2} {high:>7.2}")?;
            }
            writeln!(f, "  {}", signal.family)?;
        }
        Ok(())
    }

    fn write_lists(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.missed.is_empty() {
            writeln!(f, "\nmissed")?;
        }
        for missed in &self.missed {
            let burst = if missed.seen_as_burst { "seen as burst" } else { "no burst" };
            writeln!(f, "  {}, {}, {burst}", Line(&missed.episode), missed.episode.subkind)?;
        }
        if !self.false_alerts.is_empty() {
            writeln!(f, "\nfalse alerts")?;
        }
        for alert in &self.false_alerts {
            let (at, hashtag, share) = (alert.at, &alert.hashtag, alert.coordinated_share);
            writeln!(f, "  {at}  #{hashtag}, coordinated share {share}")?;
            write_explanation(f, alert.explanation.as_deref())?;
        }
        if !self.organic_called_coordinated.is_empty() {
            writeln!(f, "\norganic episodes called coordinated")?;
        }
        for called in &self.organic_called_coordinated {
            writeln!(f, "  {}, called at {}", Line(&called.episode), called.at)?;
            write_explanation(f, called.explanation.as_deref())?;
        }
        Ok(())
    }
}

/// An episode in a list.
struct Line<'a>(&'a Episode);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line(episode) = self;
        write!(f, "{}  #{}", episode.start, episode.hashtag)?;
        if let Some(id) = &episode.id {
            write!(f, " ({id})")?;
        }
        match (episode.posts, episode.accounts) {
            (Some(posts), Some(accounts)) => write!(f, ", {posts} posts by {accounts} accounts"),
            (Some(posts), None) => write!(f, ", {posts} posts"),
            _ => Ok(()),
        }
    }
}

fn write_found(f: &mut fmt::Formatter<'_>, name: &str, width: usize, found: &Found) -> fmt::Result {
    let of = |part: usize| format!("{part}/{}", found.episodes);
    let (detected, seen) = (of(found.detected), of(found.seen_as_burst));
    let (recall, volume) = (shown(found.recall), shown(found.volume_recall));
    let minutes = |minutes: Option<f64>| minutes.map_or("-".to_owned(), |minutes| format!("{minutes:.2}"));
    let median = minutes(found.minutes_to_detect.map(|minutes| minutes.median));
    let p90 = minutes(found.minutes_to_detect.map(|minutes| minutes.p90));
    let left = minutes(found.episode_left_median);
    write!(f, "  {name:width$}  {detected:>8}  {recall:>6}  {seen:>8}  {volume:>6}")?;
    writeln!(f, "  {median:>15}  {p90:>7}  {left:>18}")
}

fn write_explanation(f: &mut fmt::Formatter<'_>, explanation: Option<&str>) -> fmt::Result {
    explanation.map_or(Ok(()), |explanation| writeln!(f, "    {explanation}"))
}

/// A number, or `-` where there is none.
fn shown(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}
