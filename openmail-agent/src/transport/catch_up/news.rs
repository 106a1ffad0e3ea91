use std::collections::VecDeque;

use crate::api::ErrorKind;
use crate::model::{Message, Page};

use super::error::CatchUpError;
use super::found::{Found, Row};
use super::listing::{LIMIT, Listing};

/// How many mails are handed on at once.
const BATCH: usize = 128;
/// About how many bytes of them.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// How often to look for mails where they should be: a few times smaller pieces, or in a list that has moved on.
const LOOKS: usize = 10;

/// What was found in a list, oldest first. Mails that memory had no room for are read again when their turn comes, from where they were.
pub(super) struct News<'a> {
    listing: &'a Listing<'a>,
    rows: VecDeque<Row>,
    oldest_first: bool,
    total: u64,
    has_more: bool,
}

impl<'a> News<'a> {
    pub(super) fn new(listing: &'a Listing<'a>, found: Found) -> Self {
        let (total, has_more) = (found.total, found.cut);
        let (rows, oldest_first) = found.into_rows();
        Self { listing, rows, oldest_first, total, has_more }
    }

    /// The next mails; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Message>, CatchUpError> {
        if self.is_next_missing() && !self.read_again().await? {
            // It is gone, or the list has been moved about: whoever asks for the list anew finds what is left of it.
            self.rows.clear();
            self.has_more = true;
        }
        Ok(self.batch())
    }

    /// Whether there is more that is newer: then the same should be asked again once these are dealt with.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    fn is_next_missing(&self) -> bool {
        self.rows.front().is_some_and(|row| row.mail.is_none())
    }

    fn batch(&mut self) -> Vec<Message> {
        let (mut batch, mut weight) = (Vec::new(), 0);
        while let Some(row) = self.rows.front_mut()
            && batch.len() < BATCH
            && (batch.is_empty() || weight + row.weight <= BATCH_BYTES)
            && let Some(mail) = row.mail.take()
        {
            weight += row.weight;
            batch.push(mail);
            self.rows.pop_front();
        }
        batch
    }

    /// Reads the next mails again, as many as are near each other and there is room for. Tells whether the next one was there.
    async fn read_again(&mut self) -> Result<bool, CatchUpError> {
        let (mut most, mut moved) = (u64::from(LIMIT), 0);
        for _ in 0..LOOKS {
            let (offset, length) = self.stretch(most.saturating_sub(moved));
            // As many more as it has moved on by since the last look may come before this one.
            let limit = (length + moved).min(most);
            match self.listing.piece(limit as u32, offset).await {
                Ok(piece) => {
                    let total = piece.total.unwrap_or(self.total);
                    moved = total.abs_diff(std::mem::replace(&mut self.total, total));
                    self.put(piece);
                    if !self.is_next_missing() || moved == 0 {
                        break;
                    }
                }
                Err(error) if error.is_too_much() && limit > 1 => most = limit / 2,
                Err(error) if *error.kind() == ErrorKind::TooLarge => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(!self.is_next_missing())
    }

    /// The stretch of the list, at most so long, in which the next mails are: its offset and its length.
    fn stretch(&self, most: u64) -> (u64, u64) {
        let (mut first, mut last, mut weight) = (u64::MAX, 0, 0);
        for row in self.rows.iter().take_while(|row| row.mail.is_none()) {
            let offset = row.offset_in(self.total, self.oldest_first);
            let (from, to) = (first.min(offset), last.max(offset));
            weight += row.weight;
            if first != u64::MAX && (to - from >= most || weight > self.listing.room) {
                break;
            }
            (first, last) = (from, to);
        }
        (first, last - first + 1)
    }

    fn put(&mut self, piece: Page<Message>) {
        for mail in piece.items {
            if let Some(row) = self.rows.iter_mut().find(|row| row.id == mail.id) {
                row.mail = Some(mail);
            }
        }
    }
}
