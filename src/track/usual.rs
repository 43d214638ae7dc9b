//! Rolling post counts of every hashtag: the last five minutes, hour and day. They follow from the panes alone and only
//! save looking through them; after a restore they are counted anew.

use hashbrown::HashMap;

use super::ladder::{HOUR, Ladder, MINUTE, ceil};
use super::open::KeepBuild;
use super::pane::Pane;

/// Posts of one hashtag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usual {
    /// In the ten-second panes that are kept, five minutes.
    pub m5: u32,
    /// In the minutes that are kept and what came after them, an hour.
    pub h1: u32,
    /// In the hours that are kept and what came after them, a day. Hours forget hashtags of few accounts.
    pub h24: u32,
}

/// A hashtag that a ten-second pane holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Identity of the hashtag.
    pub tag: u64,
    /// Its posts in the pane.
    pub posts: u32,
    /// Its posts in the last hour, the pane's among them.
    pub h1: u32,
}

/// Rolling post counts by hashtag.
#[derive(Clone, Debug, Default)]
pub struct Usuals {
    by_tag: HashMap<u64, Usual, KeepBuild>,
    touched: Vec<Touched>,
}

impl Usuals {
    /// What is known of a hashtag.
    pub fn of(&self, tag: u64) -> Usual {
        self.by_tag.get(&tag).copied().unwrap_or_default()
    }

    /// Number of hashtags with a post in any window.
    pub fn len(&self) -> usize {
        self.by_tag.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_tag.is_empty()
    }

    /// All hashtags, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Usual)> {
        self.by_tag.iter().map(|(tag, usual)| (*tag, *usual))
    }

    /// The hashtags of the ten-second pane that closed last, in the pane's order, so that nobody has to look each up again.
    pub fn touched(&self) -> &[Touched] {
        &self.touched
    }

    /// A ten-second pane closed, after what left its window was taken out.
    pub fn closed(&mut self, pane: &Pane) {
        self.touched.clear();
        for view in pane.iter() {
            let posts = short(view.posts());
            let usual = self.by_tag.entry(view.tag).or_default();
            usual.m5 = usual.m5.saturating_add(posts);
            usual.h1 = usual.h1.saturating_add(posts);
            usual.h24 = usual.h24.saturating_add(posts);
            self.touched.push(Touched { tag: view.tag, posts, h1: usual.h1 });
        }
    }

    /// A pane of a level left its window.
    pub fn expired(&mut self, level: u8, pane: &Pane) {
        for view in pane.iter() {
            self.subtract(view.tag, short(view.posts()), level);
        }
    }

    /// An hour was built from `minutes`: hashtags that it does not keep leave the day.
    pub fn hour_built<'a>(&mut self, hour: &Pane, minutes: impl Iterator<Item = &'a Pane>) {
        for minute in minutes {
            for view in minute.iter() {
                if hour.get(view.tag).is_none() {
                    self.subtract(view.tag, short(view.posts()), 2);
                }
            }
        }
    }

    fn subtract(&mut self, tag: u64, posts: u32, level: u8) {
        let Some(usual) = self.by_tag.get_mut(&tag) else { return };
        let count = match level {
            0 => &mut usual.m5,
            1 => &mut usual.h1,
            _ => &mut usual.h24,
        };
        *count = count.saturating_sub(posts);
        if *usual == Usual::default() {
            self.by_tag.remove(&tag);
        }
    }

    /// Counts anew from the panes that stand after `tick`.
    pub fn recount(ladder: &Ladder, tick: i64) -> Usuals {
        let mut usuals = Usuals::default();
        for (level, panes) in [(0, ladder.level(0)), (1, ladder.level(1)), (2, ladder.level(2))] {
            for (end, pane) in panes {
                // A pane also counts for the levels above that are not built from it yet.
                let counts = [level == 0, level == 1 || (level == 0 && ceil(*end, MINUTE) > tick), {
                    level == 2 || (level == 1 && ceil(*end, HOUR) > tick) || (level == 0 && ceil(*end, MINUTE) > tick)
                }];
                for view in pane.iter() {
                    let posts = short(view.posts());
                    let usual = usuals.by_tag.entry(view.tag).or_default();
                    usual.m5 += posts * u32::from(counts[0]);
                    usual.h1 += posts * u32::from(counts[1]);
                    usual.h24 += posts * u32::from(counts[2]);
                }
            }
        }
        usuals
    }
}

fn short(posts: u64) -> u32 {
    u32::try_from(posts).unwrap_or(u32::MAX)
}
