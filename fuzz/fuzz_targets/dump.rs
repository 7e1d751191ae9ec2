//! No dump of `segbox observe` makes `plan --actual` panic; a dump that is read can be written, and is the same when it is read again.

#![no_main]

use segbox_plan::State;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(state) = serde_json::from_slice::<State>(bytes) else { return };
    let text = serde_json::to_vec(&state).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<State>(&text).expect("what was written can be read"), state);
});
