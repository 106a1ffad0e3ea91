use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::{Direction, InboxId, Message, MessageId};
use crate::store::Bookmark;

/// How long a row may lag behind rows that are newer.
pub(super) const OVERLAP: Duration = Duration::from_secs(15 * 60);

/// How far an inbox was read, by the service's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watermark {
    /// The newest mail at first sight, or when the store was first used; what is not newer is history. `None` = the inbox was empty.
    baseline: Option<Timestamp>,
    /// The newest mail seen.
    newest: Option<Timestamp>,
    /// What was seen and would be seen again: the store may have forgotten it, and must not take it for news.
    seen: BTreeMap<MessageId, Timestamp>,
}

impl Watermark {
    /// Everything listed is history.
    pub(super) fn first_sight(rows: &[Message]) -> Self {
        let baseline = rows.iter().filter_map(|row| row.at).max();
        Self { baseline, ..Self::default() }.advanced(rows)
    }

    /// Everything listed up to a moment is history.
    pub(super) fn first_sight_since(moment: Timestamp, rows: &[Message]) -> Self {
        let history: Vec<_> =
            rows.iter().filter(|row| row.at.is_none_or(|at| at <= moment)).cloned().collect();
        Self { baseline: Some(moment), ..Self::first_sight(&history) }
    }

    pub(super) fn bookmark_name(inbox: &InboxId) -> String {
        format!("inbox:{inbox}")
    }

    pub(super) fn bookmark(&self, inbox: &InboxId) -> Bookmark {
        let value = serde_json::to_string(self).expect("times and ids can always be written");
        Bookmark::new(Self::bookmark_name(inbox), value)
    }

    /// Reads a bookmark; `None` where it cannot be read.
    pub(super) fn parse(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }

    /// Rows older than this need not be looked at; `None` = all must.
    pub(super) fn floor(&self) -> Option<Timestamp> {
        let overlap = SignedDuration::try_from(OVERLAP).unwrap_or(SignedDuration::ZERO);
        let recent = self.newest.map(|newest| newest.checked_sub(overlap).unwrap_or(Timestamp::MIN));
        recent.max(self.baseline)
    }

    /// Whether a row is inbound mail that was not seen before. One without a date cannot be told from history.
    pub(super) fn is_news(&self, row: &Message) -> bool {
        let recent = row.at.is_some_and(|at| self.floor().is_none_or(|floor| at >= floor));
        recent && row.direction == Direction::Inbound && !self.seen.contains_key(&row.id)
    }

    /// The watermark once these rows, and all that are older, were dealt with.
    #[must_use]
    pub(super) fn advanced(&self, rows: &[Message]) -> Self {
        let mut next = self.clone();
        for row in rows {
            let Some(at) = row.at else { continue };
            next.newest = next.newest.max(Some(at));
            next.seen.insert(row.id.clone(), at);
        }
        let floor = next.floor();
        next.seen.retain(|_, at| floor.is_none_or(|floor| *at >= floor));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, minute: i64) -> Message {
        let mut row = Message::new(id);
        row.at = Timestamp::from_second(1_770_000_000 + 60 * minute).ok();
        row
    }

    #[test]
    fn what_is_there_at_first_sight_is_history() {
        let mark = Watermark::first_sight(&[row("a", 0), row("b", 10), row("c", 10)]);
        for old in [row("a", 0), row("b", 10), row("c", 10), row("lagged", 9)] {
            assert!(!mark.is_news(&old), "{old:?}");
        }
        assert!(mark.is_news(&row("same instant", 10)));
        assert!(mark.is_news(&row("later", 11)));
    }

    #[test]
    fn whatever_reaches_an_empty_inbox_is_news() {
        let mark = Watermark::first_sight(&[]);
        assert!(mark.is_news(&row("a", -1_000_000)));
        assert_eq!(mark.floor(), None);
    }

    #[test]
    fn a_row_may_lag_a_quarter_of_an_hour_and_is_news_once() {
        let mark = Watermark::first_sight(&[]).advanced(&[row("a", 100)]);
        let lagged = row("lagged", 85);
        assert!(mark.is_news(&lagged));
        assert!(!mark.is_news(&row("too late", 84)));
        let mark = mark.advanced(std::slice::from_ref(&lagged));
        assert!(!mark.is_news(&lagged) && !mark.is_news(&row("a", 100)));
    }

    #[test]
    fn what_was_seen_is_remembered_no_longer_than_it_is_listed() {
        let mut mark = Watermark::first_sight(&[]);
        for n in 0..1_000 {
            mark = mark.advanced(&[row(&n.to_string(), n)]);
        }
        assert_eq!(mark.seen.len(), 16);
    }

    #[test]
    fn outbound_and_undated_rows_are_no_news() {
        let mark = Watermark::first_sight(&[]);
        let outbound = Message { direction: Direction::Outbound, ..row("a", 0) };
        assert!(!mark.is_news(&outbound) && !mark.is_news(&Message::new("undated")));
    }

    #[test]
    fn a_bookmark_is_read_back() {
        let mark = Watermark::first_sight(&[row("a", 0)]).advanced(&[row("b", 5)]);
        let bookmark = mark.bookmark(&"inb_1".into());
        assert_eq!(bookmark.name, "inbox:inb_1");
        assert_eq!(Watermark::parse(&bookmark.value), Some(mark));
        assert_eq!(Watermark::parse("evt_1"), None);
    }
}
