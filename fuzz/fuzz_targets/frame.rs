//! Frames of the WebSocket: an event keeps its bytes, and anything else is told apart.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use openmail_agent::wire::frame::ServerFrame;

fuzz_target!(|data: &[u8]| {
    if let ServerFrame::Event { body, event_id, .. } = ServerFrame::parse(Bytes::copy_from_slice(data)) {
        assert_eq!(body, data);
        assert!(event_id.is_none_or(|id| !id.as_str().is_empty()));
    }
});
