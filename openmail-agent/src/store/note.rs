use std::fmt;

use bytes::Bytes;

use crate::model::ThreadId;

use super::EventSeq;

/// A value to remember.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// Where it belongs.
    pub scope: NoteScope,
    /// The value, as JSON.
    pub value: Bytes,
}

impl Note {
    /// A value, as JSON, and where it belongs.
    pub fn new(scope: NoteScope, value: impl Into<Bytes>) -> Self {
        Self { scope, value: value.into() }
    }
}

/// What is remembered stays out of `Debug`.
impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Note").field("scope", &self.scope).field("value", &self.value.len()).finish()
    }
}

/// Where a remembered value belongs, and so how long it lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NoteScope {
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
