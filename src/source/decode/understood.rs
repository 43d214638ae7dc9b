//! What tagwatch understood of a sample: for `check --sample`, before anything runs on real posts.

use std::collections::BTreeMap;
use std::fmt;

use super::{Decoded, Decoder, Format, Reason, Unit};
use crate::config::Limits;
use crate::model::EventTime;

/// A summary of a sample's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Understood {
    /// Lines read, blank ones not counted.
    pub lines: u64,
    /// Lines decoded as posts, by the format they were read in.
    pub posts: BTreeMap<Format, u64>,
    /// Lines understood as actions.
    pub actions: u64,
    /// Lines rejected.
    pub rejected: BTreeMap<Reason, Refused>,
    /// Mentions: distinct hashtags a post, summed.
    pub mentions: u64,
    /// Posts with at least one hashtag.
    pub posts_with_hashtag: u64,
    /// Entries in lists of hashtags that are no hashtag.
    pub unusable_hashtags: u64,
    /// Earliest and latest event time.
    pub times: Option<(EventTime, EventTime)>,
    /// Lines whose time seems to be written in another unit than milliseconds: the unit of the first, and how many.
    pub unit: Option<(Unit, u64)>,
}

/// The lines rejected for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// Number of the first one, from 1.
    pub first_line: u64,
    /// What was wrong with the first one.
    pub first_detail: String,
}

impl Understood {
    /// Decodes every line as `format` says and sums up.
    pub fn of(lines: impl Iterator<Item = Vec<u8>>, format: Format, limits: Limits) -> Understood {
        let mut decoder = Decoder::new(format, limits);
        let mut sum = Understood::default();
        for (number, line) in (1..).zip(lines) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            sum.lines += 1;
            sum.add(number, &line, &mut decoder);
        }
        sum.unusable_hashtags = decoder.unusable_hashtags();
        sum
    }

    /// Number of lines decoded as posts or actions; 0 means that nothing was understood.
    pub fn understood(&self) -> u64 {
        self.posts.values().sum::<u64>() + self.actions
    }

    fn add(&mut self, number: u64, line: &[u8], decoder: &mut Decoder) {
        let found = decoder.decode_any(line).and_then(|found| match found {
            Decoded::Post(post) => Ok(Some(post)),
            Decoded::Action(action) => action.map(|_| None),
        });
        match found {
            Ok(None) => self.actions += 1,
            Ok(Some(post)) => {
                let (ts, hashtags) = (post.ts, post.hashtags.len() as u64);
                self.mentions += hashtags;
                self.posts_with_hashtag += u64::from(hashtags > 0);
                let (first, last) = self.times.unwrap_or((ts, ts));
                self.times = Some((first.min(ts), last.max(ts)));
                *self.posts.entry(decoder.last_format()).or_default() += 1;
            }
            Err(rejected) => {
                let refused = self.rejected.entry(rejected.reason).or_insert_with(|| Refused {
                    count: 0,
                    first_line: number,
                    first_detail: rejected.detail,
                });
                refused.count += 1;
                if let (Reason::TimeRange, Some(unit)) = (rejected.reason, decoder.last_unit()) {
                    self.unit.get_or_insert((unit, 0)).1 += 1;
                }
            }
        }
    }
}

impl fmt::Display for Understood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.rejected.values().map(|refused| refused.count).sum();
        writeln!(f, "understood {} of {} lines, rejected {refused}", self.understood(), self.lines)?;
        for (format, count) in &self.posts {
            writeln!(f, "  {count} as {format}")?;
        }
        if self.actions > 0 {
            writeln!(f, "  {} as actions", self.actions)?;
        }
        if let Some((first, last)) = self.times {
            let Understood { posts_with_hashtag, mentions, .. } = self;
            writeln!(f, "  {posts_with_hashtag} posts with a hashtag, {mentions} mentions")?;
            writeln!(f, "  event times from {first} to {last}")?;
        }
        if self.unusable_hashtags > 0 {
            writeln!(
                f,
                "  {} listed hashtags left out: blank, digits only or with foreign characters",
                self.unusable_hashtags
            )?;
        }
        for (reason, Refused { count, first_line, first_detail }) in &self.rejected {
            writeln!(f, "rejected({reason}): {count}, first in line {first_line}: {first_detail}")?;
        }
        if let Some((unit, count)) = self.unit {
            writeln!(
                f,
                "warning: the times of {count} lines look like {unit}; tagwatch expects milliseconds or RFC 3339"
            )?;
        }
        if self.lines == 0 {
            writeln!(f, "warning: the sample holds no line")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str], format: Format) -> Understood {
        let limits = Limits { post_bytes_max: 1000, hashtags_max: 3, hashtag_chars_max: 20, id_bytes_max: 20 };
        Understood::of(lines.iter().map(|line| line.as_bytes().to_vec()), format, limits)
    }

    #[test]
    fn a_mixed_sample_is_summed_up() {
        let sum = of(
            &[
                r##"{"id":1,"ts":1494014401000,"account":1,"hashtags":["a","B","123"]}"##,
                "",
                r#"{"id":"2","created_at":"2017-05-05T20:00:00Z","author_id":"3","text":"none"}"#,
                r#"{"id":3,"ts":1494014400,"account":1}"#,
                r#"{"id":4,"ts":1494014402,"account":1}"#,
                r#"{"id":5"#,
                r#"{"at":1494014402000,"action":"post_deleted","post":"1"}"#,
                r#"{"at":1494014402000,"action":"post_liked","post":"1"}"#,
            ],
            Format::Auto,
        );
        let expected = "\
understood 3 of 7 lines, rejected 4
  1 as native
  1 as x-v2
  1 as actions
  1 posts with a hashtag, 2 mentions
  event times from 2017-05-05T20:00:00.000Z to 2017-05-05T20:00:01.000Z
  1 listed hashtags left out: blank, digits only or with foreign characters
rejected(syntax): 1, first in line 6: EOF while parsing an object at line 1 column 7
rejected(invalid_field): 1, first in line 8: `action` is none of account_actioned, account_restored, post_deleted
rejected(time_range): 2, first in line 4: `ts` lies outside 2000 to 2099 (1494014400 looks like seconds, milliseconds are meant)
warning: the times of 2 lines look like seconds; tagwatch expects milliseconds or RFC 3339
";
        assert_eq!(sum.to_string(), expected);
        assert_eq!(sum.understood(), 3);
    }

    #[test]
    fn a_sample_of_another_format_is_not_understood() {
        let sum = of(&[r#"{"name":"x"}"#, "5"], Format::Native);
        assert_eq!(sum.understood(), 0);
        assert_eq!(sum.rejected.values().map(|refused| refused.count).sum::<u64>(), 2);
        assert_eq!(of(&[], Format::Native).to_string().lines().last(), Some("warning: the sample holds no line"));
    }
}
