use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;

use crate::model::{Message, MessageId, Page};

/// The most rows that are kept.
const KEPT: usize = 2_000;

/// Which rows are kept where there are more than can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Oldest,
    Newest,
    /// The one that is looked for: nothing is read beyond it.
    One,
}

/// Rows, each once, oldest first. Of the newer ones the mails are let go where there is no room for them all; where they are in the list
/// is kept, so that they can be read again.
#[derive(Debug)]
pub(super) struct Found {
    rows: VecDeque<Row>,
    ids: HashSet<MessageId>,
    keep: Keep,
    room: usize,
    /// Whether the list begins with its oldest row. Where it tells nothing, the newest are taken to come first, as they do in most.
    oldest_first: bool,
    /// Whether there were more rows, newer ones, than are kept.
    pub(super) cut: bool,
    /// How many rows the list has, as it told last.
    pub(super) total: u64,
}

/// One row of the list.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: MessageId,
    at: Option<Timestamp>,
    /// Where it was in the list when that had so many rows.
    offset: u64,
    total: u64,
    pub(super) weight: usize,
    pub(super) mail: Option<Message>,
}

impl Found {
    pub(super) fn new(keep: Keep, room: usize) -> Self {
        let (rows, ids) = (VecDeque::new(), HashSet::new());
        Self { rows, ids, keep, room, oldest_first: false, cut: false, total: 0 }
    }

    /// Adds what is wanted of a piece of the list. Rows of the same instant keep the list's order: a thread's mails are handled in it.
    pub(super) fn add(&mut self, piece: Page<Message>, offset: u64, wanted: impl Fn(&Message) -> bool) {
        self.total = piece.total.unwrap_or(self.total);
        for (offset, mail) in (offset..).zip(piece.items) {
            // The list moves under the reader when mail arrives.
            if wanted(&mail) && self.ids.insert(mail.id.clone()) {
                self.rows.push_back(Row::new(mail, offset, self.total));
            }
        }
        self.sort();
        self.keep_only(KEPT);
        self.make_room();
    }

    /// Takes the list to begin with its oldest row, or not to.
    pub(super) fn set_order(&mut self, oldest_first: bool) {
        self.oldest_first = oldest_first;
        self.sort();
    }

    /// What was found, and whether the list begins with its oldest row.
    pub(super) fn into_rows(self) -> (VecDeque<Row>, bool) {
        (self.rows, self.oldest_first)
    }

    /// Whether there is no need to read on.
    pub(super) fn suffices(&self) -> bool {
        self.keep == Keep::One && !self.rows.is_empty()
    }

    pub(super) fn one(mut self) -> Option<Message> {
        self.rows.pop_front()?.mail
    }

    /// What tells the mails apart, and when they came.
    pub(super) fn outlines(self) -> Vec<Message> {
        let outline = |row: Row| Message { at: row.at, ..Message::new(row.id) };
        self.rows.into_iter().map(outline).collect()
    }

    fn sort(&mut self) {
        let oldest_first = self.oldest_first;
        self.rows.make_contiguous().sort_by_key(|row| (row.at, row.distance_from_oldest(oldest_first)));
    }

    fn keep_only(&mut self, most: usize) {
        let surplus = self.rows.len().saturating_sub(most);
        if surplus > 0 {
            self.cut = true;
            match self.keep {
                Keep::Oldest | Keep::One => self.rows.truncate(most),
                Keep::Newest => drop(self.rows.drain(..surplus)),
            }
        }
    }

    /// Lets mails go from the newest on. The oldest stays, however large it is: whoever reads on must get on.
    fn make_room(&mut self) {
        let mut taken = 0;
        for row in &mut self.rows {
            if row.mail.is_some() {
                if taken > 0 && taken + row.weight > self.room {
                    row.mail = None;
                } else {
                    taken += row.weight;
                }
            }
        }
    }
}

impl Row {
    fn new(mail: Message, offset: u64, total: u64) -> Self {
        Self { id: mail.id.clone(), at: mail.at, offset, total, weight: mail.weight(), mail: Some(mail) }
    }

    /// How far it is from the list's oldest row, if only to tell which of two is nearer: where the newest come first, each that
    /// arrives moves all others on, and the end along with them.
    fn distance_from_oldest(&self, oldest_first: bool) -> i128 {
        let (offset, total) = (i128::from(self.offset), i128::from(self.total));
        if oldest_first { offset } else { total - offset }
    }

    /// Where it is in the list now that this has so many rows.
    pub(super) fn offset_in(&self, total: u64, oldest_first: bool) -> u64 {
        if oldest_first { self.offset } else { (self.offset + total).saturating_sub(self.total) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(n: usize, size: usize) -> Message {
        let at = Timestamp::from_second(1_770_000_000 + n as i64).ok();
        Message { at, html: Some("x".repeat(size)), ..Message::new(n.to_string()) }
    }

    fn held(found: &Found) -> Vec<&str> {
        found.rows.iter().filter_map(|row| row.mail.as_ref()).map(|mail| mail.id.as_str()).collect()
    }

    #[test]
    fn no_more_mail_is_held_than_there_is_room_for_and_the_oldest_at_that() {
        let weight = mail(0, 5_000).weight();
        let mut found = Found::new(Keep::Oldest, 3 * weight);
        for n in (0..20).rev() {
            found.add(Page::new(vec![mail(n, 5_000)]), 19 - n as u64, |_| true);
            assert!(held(&found).len() <= 3);
        }
        assert_eq!(held(&found), ["0", "1", "2"]);
        assert_eq!(found.rows.len(), 20, "of the others it is known where they are");
    }

    #[test]
    fn one_mail_is_held_however_large_it_is() {
        let mut found = Found::new(Keep::Oldest, 10);
        found.add(Page::new(vec![mail(1, 5_000), mail(0, 5_000)]), 0, |_| true);
        assert_eq!(held(&found), ["0"]);
    }
}
