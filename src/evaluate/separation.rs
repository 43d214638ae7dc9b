//! How far each signal tells coordinated episodes from organic ones: the chance that a random coordinated episode shows a
//! higher value than a random organic one (Mann and Whitney 1947; the area under the ROC curve).

use serde::Serialize;

use super::episode::Episode;
use super::round::round;
use super::score::Log;

/// Episodes of each sort below which a signal is left out: the figure would be chance.
const EPISODES_MIN: usize = 3;

/// How far one signal separates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Separation {
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: String,
    /// 1 where every coordinated episode shows more than every organic one, 0 where every one shows less, 0.5 where the
    /// value tells nothing. Equal values count half.
    pub auc: f64,
    /// Coordinated episodes with a value.
    pub coordinated: usize,
    /// Organic episodes with a value.
    pub organic: usize,
    /// Quartiles of the coordinated episodes' values.
    pub coordinated_quartiles: [f64; 3],
    /// Quartiles of the organic episodes' values.
    pub organic_quartiles: [f64; 3],
}

/// The first value of one signal in each episode.
struct Values<'a> {
    name: &'a str,
    family: &'a str,
    coordinated: Vec<f64>,
    organic: Vec<f64>,
}

/// Every signal with a value in at least three episodes of each sort, in the order of alert lines. The value is the first
/// that a line of the hashtag holds, whatever its kind and state, from the episode's start to 30 minutes past its end: the
/// very first line of a small burst has too few posts for most.
pub(super) fn separations(log: &Log<'_>, coordinated: &[&Episode], organic: &[&Episode]) -> Vec<Separation> {
    let mut all: Vec<Values<'_>> = Vec::new();
    for (episode, is_coordinated) in coordinated.iter().map(|e| (e, true)).chain(organic.iter().map(|e| (e, false))) {
        let lines = log.of_hashtag(&episode.hashtag).filter(|alert| episode.answers_for(alert.at));
        let mut valued: Vec<&str> = Vec::new();
        for signal in lines.flat_map(|alert| &alert.signals) {
            let Some(value) = signal.value else { continue };
            if valued.contains(&signal.name.as_str()) {
                continue;
            }
            valued.push(&signal.name);
            let index = all.iter().position(|values| values.name == signal.name).unwrap_or_else(|| {
                let (name, family) = (&signal.name, &signal.family);
                all.push(Values { name, family, coordinated: Vec::new(), organic: Vec::new() });
                all.len() - 1
            });
            let values = &mut all[index];
            let side = if is_coordinated { &mut values.coordinated } else { &mut values.organic };
            side.push(value);
        }
    }
    let enough = |values: &&Values<'_>| values.coordinated.len().min(values.organic.len()) >= EPISODES_MIN;
    all.iter().filter(enough).map(Values::separation).collect()
}

impl Values<'_> {
    fn separation(&self) -> Separation {
        Separation {
            name: self.name.to_owned(),
            family: self.family.to_owned(),
            auc: round(auc(&self.coordinated, &self.organic), 4),
            coordinated: self.coordinated.len(),
            organic: self.organic.len(),
            coordinated_quartiles: quartiles(&self.coordinated),
            organic_quartiles: quartiles(&self.organic),
        }
    }
}

/// Share of the pairs in which the coordinated value is higher, ties half. Looks at all pairs: episodes are labelled by
/// hand and few.
fn auc(coordinated: &[f64], organic: &[f64]) -> f64 {
    let pairs = coordinated.iter().flat_map(|a| organic.iter().map(move |b| (a, b)));
    let halves: u64 = pairs.map(|(a, b)| u64::from(a > b) + u64::from(a >= b)).sum();
    halves as f64 / (2 * coordinated.len() * organic.len()) as f64
}

/// The values at a quarter, a half and three quarters of the way from the smallest to the largest, of those there are.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted.get(sorted.len().saturating_sub(1) * quarter / 4).copied().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::super::alert::Reading;
    use super::super::alert::tests::alert;
    use super::super::episode::Label;
    use super::super::episode::tests::episode;
    use super::super::posts::Gathering;
    use super::super::score::evaluate;
    use super::super::{Alert, Episode};
    use super::*;

    #[test]
    fn the_auc_is_the_share_of_pairs_won_with_ties_half() {
        let of = |a: &[f64], b: &[f64]| round(auc(a, b), 4).to_bits();
        assert_eq!(of(&[2.0, 3.0], &[0.0, 1.0]), 1.0_f64.to_bits());
        assert_eq!(of(&[0.0], &[1.0]), 0.0_f64.to_bits());
        assert_eq!(of(&[1.0], &[1.0]), 0.5_f64.to_bits());
        // 2 > 1, 2 = 2, 0 < 1, 0 < 2.
        assert_eq!(of(&[2.0, 0.0], &[1.0, 2.0]), 0.375_f64.to_bits());
    }

    /// An episode every ten hours; its first line, pending, in its tenth minute and a later one show these values.
    fn case(values: &[(Label, Option<f64>, f64)]) -> Vec<Separation> {
        let (mut alerts, mut episodes): (Vec<Alert>, Vec<Episode>) = Default::default();
        for (start, (label, first, later)) in (0..).step_by(600).zip(values) {
            episodes.push(episode("a", *label, start, start + 60));
            for (minute, value, firing) in [(start + 20, Some(*later), true), (start + 10, *first, false)] {
                let signals =
                    vec![Reading { name: "core_share".to_owned(), family: "concentration".to_owned(), value }];
                alerts.push(Alert { signals, firing, ..alert("a", "organic_burst", minute) });
            }
        }
        evaluate(&Gathering::default().finish(), &alerts, &episodes).signals
    }

    #[test]
    fn the_first_value_of_an_episode_counts_whatever_its_state() {
        let (push, crowd) = (Label::Coordinated, Label::Organic);
        let mut values = vec![(push, Some(0.9), 0.0), (push, None, 0.8), (push, Some(0.7), 0.0)];
        values.extend([(crowd, Some(0.1), 1.0); 4]);
        let separation = case(&values).remove(0);
        assert_eq!((separation.name.as_str(), separation.family.as_str()), ("core_share", "concentration"));
        assert_eq!((separation.auc.to_bits(), separation.coordinated, separation.organic), (1.0_f64.to_bits(), 3, 4));
        assert_eq!(separation.coordinated_quartiles.map(f64::to_bits), [0.7, 0.8, 0.8].map(f64::to_bits));
        assert_eq!(separation.organic_quartiles.map(f64::to_bits), [0.1; 3].map(f64::to_bits));
    }

    #[test]
    fn a_signal_with_a_value_in_fewer_than_three_episodes_of_a_sort_is_left_out() {
        let (push, crowd) = (Label::Coordinated, Label::Organic);
        let mut values = vec![(push, Some(0.9), 0.0); 2];
        values.extend([(crowd, Some(0.1), 1.0); 3]);
        values.extend([(Label::Ambiguous, Some(0.5), 0.5); 3]);
        assert_eq!(case(&values), []);
    }
}
