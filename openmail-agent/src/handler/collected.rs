use std::fmt;

use crate::model::{Draft, InboxId};
use crate::store::Note;

use super::Error;

/// What was given beside an outcome: committed with a success, thrown away with a failure.
#[derive(Default)]
pub(super) struct Collected {
    drafts: Vec<Drafted>,
    notes: Vec<Note>,
    failure: Option<Error>,
}

/// A mail to be sent. Its key is made once it is known what it is committed with.
pub(super) struct Drafted {
    pub(super) inbox_id: InboxId,
    pub(super) draft: Draft,
    pub(super) stopped: Option<String>,
    /// Whether it answers the mail at hand.
    pub(super) answers: bool,
}

impl Collected {
    pub(super) fn draft(&mut self, draft: Drafted) {
        self.drafts.push(draft);
    }

    /// Keeps a value in place of an earlier one of the same scope.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.retain(|earlier| earlier.scope != note.scope);
        self.notes.push(note);
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Adds what was given within this.
    pub(super) fn extend(&mut self, inner: Self) {
        self.drafts.extend(inner.drafts);
        inner.notes.into_iter().for_each(|note| self.note(note));
        inner.failure.into_iter().for_each(|error| self.fail(error));
    }

    /// Takes out why giving it failed, if it did.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    pub(super) fn into_parts(self) -> (Vec<Drafted>, Vec<Note>) {
        (self.drafts, self.notes)
    }
}

/// What mails and notes say stays out of `Debug`.
impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected")
            .field("drafts", &self.drafts.len())
            .field("notes", &self.notes.len())
            .finish_non_exhaustive()
    }
}
