//! Hashtags: the canonical (counted) form, and the list that a decoded post carries.

/// The distinct hashtags of one post, in order of appearance, in one reusable buffer.
#[derive(Debug, Default, Clone)]
pub struct TagList {
    /// Canonical and display forms, one after the other.
    text: String,
    /// For each hashtag: end of its canonical form and end of its display form in `text`; a form starts where the last ended.
    ends: Vec<(u32, u32)>,
}

/// One hashtag of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The counted form, without '#'.
    pub canonical: &'a str,
    /// The form as written, without '#'.
    pub display: &'a str,
}

impl TagList {
    /// Forgets all hashtags and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// TEMPORARY
    pub fn push_raw(&mut self, c: &str, d: &str) {
        self.text.push_str(c);
        let a = self.text.len() as u32;
        self.text.push_str(d);
        self.ends.push((a, self.text.len() as u32));
    }

    /// Number of distinct hashtags.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The hashtags in order of appearance.
    pub fn iter(&self) -> impl Iterator<Item = Tag<'_>> {
        (0..self.ends.len()).map(|i| self.get(i))
    }

    fn get(&self, index: usize) -> Tag<'_> {
        let start = if index == 0 { 0 } else { self.ends[index - 1].1 as usize };
        let (canonical, display) = self.ends[index];
        Tag {
            canonical: &self.text[start..canonical as usize],
            display: &self.text[canonical as usize..display as usize],
        }
    }
}
