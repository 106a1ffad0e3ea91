use std::collections::VecDeque;

use super::World;
use crate::model::{ClientMessage, RequestRecord};

/// The oldest entries go first beyond this.
const ENTRIES: usize = 100_000;

/// What clients have said.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) requests: VecDeque<RequestRecord>,
    pub(crate) messages: VecDeque<ClientMessage>,
    logged: u64,
}

impl World {
    /// Notes a request and returns its number, which is its id.
    pub(crate) fn log_request(&mut self, record: RequestRecord) -> u64 {
        enter(&mut self.journal.requests, record);
        self.journal.logged += 1;
        self.journal.logged
    }

    pub(crate) fn log_message(&mut self, socket: u64, text: &str) {
        let message = ClientMessage { socket, text: text.to_owned(), at: self.now() };
        enter(&mut self.journal.messages, message);
    }
}

fn enter<T>(entries: &mut VecDeque<T>, entry: T) {
    if entries.len() == ENTRIES {
        entries.pop_front();
    }
    entries.push_back(entry);
}
