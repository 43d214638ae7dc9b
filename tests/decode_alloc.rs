//! The promise that an ordinary ASCII post without escapes is decoded without an allocation, held by an allocator that
//! counts.
#![allow(unsafe_code, reason = "a global allocator is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tagwatch::config::Limits;
use tagwatch::source::decode::{Decoder, Format};

struct Counting;

thread_local! {
    /// Allocations made by this thread; other threads belong to the test harness.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain thread-local cell without a
// destructor, so counting never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LISTED: &str = r##"{"id":"1380242611781386245","platform":"x","ts":1494014400000,"account":"2718660392","text":"It is time to go and #Vote, all of you: https://example.org/a#b","hashtags":["#Vote","now"],"lang":"en","repost_of":null,"reply_to":"1380242611781386111","client":"Web","followers":12,"account_created":"2014-08-09T05:17:14Z"}"##;
const IN_TEXT: &str =
    r##"{"id":"1","ts":"2017-05-05T20:00:00Z","account":"2","text":"Go and #Vote #now, a#b http://x.y/#z #VOTE"}"##;

#[test]
fn an_ordinary_post_is_decoded_without_an_allocation() {
    let limits = Limits { post_bytes_max: 1 << 18, hashtags_max: 30, hashtag_chars_max: 100, id_bytes_max: 256 };
    let mut decoder = Decoder::new(Format::Native, limits);
    for record in [LISTED, IN_TEXT] {
        // The first post may grow the buffers.
        assert_eq!(decoder.decode(record.as_bytes()).map(|post| post.hashtags.len()), Ok(2));
    }
    let before = ALLOCATIONS.with(Cell::get);
    let mut hashtags = 0;
    for _ in 0..100 {
        for record in [LISTED, IN_TEXT] {
            hashtags += decoder.decode(record.as_bytes()).map_or(0, |post| post.hashtags.len());
        }
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert_eq!(hashtags, 400);
    let counted = vec![hashtags];
    assert!(ALLOCATIONS.with(Cell::get) > before, "the counter counts {counted:?}");
}
