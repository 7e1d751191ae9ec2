//! Counts what a thread asks of the allocator, for tests: PID 1's first steps ask for nothing.
#![expect(unsafe_code, reason = "an allocator is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all of it is the system's own allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(place, layout) }
    }
}

/// What `work` gives, and how often it asked for memory.
pub(crate) fn asked<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = ASKED.get();
    let result = work();
    (result, ASKED.get() - before)
}

#[test]
fn counts_what_is_asked_for() {
    assert_eq!(asked(|| 1), (1, 0));
    assert!(asked(|| vec![1, 2]).1 > 0);
}
