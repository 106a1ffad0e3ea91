use bytes::Bytes;

use crate::model::ThreadId;

use super::EventSeq;

/// A value to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it belongs.
    pub scope: Scope,
    /// The value, as JSON.
    pub value: Bytes,
}

/// Where a remembered value belongs, and so how long it lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The result of a named step of one event's handler; goes when the event goes.
    Step {
        /// The event.
        seq: EventSeq,
        /// The handler's name and the step's.
        name: String,
    },
    /// What a conversation remembers; stays.
    Thread {
        /// The conversation.
        thread_id: ThreadId,
        /// What, among the things it remembers.
        name: String,
    },
}
