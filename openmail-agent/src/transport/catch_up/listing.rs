use std::collections::HashSet;

use jiff::Timestamp;
use tracing::warn;

use crate::api::{self, Client, ErrorKind, MessageFilter};
use crate::model::{Chain, InboxId, Message, MessageId, Page};

use super::error::{CatchUpError, CatchUpErrorKind};
use super::pace::Pace;

/// The most rows the service gives at once.
const LIMIT: u32 = 100;
/// The most pages that are read of one inbox in one go.
const PAGES: usize = 1_000;
/// The most rows that are kept of them.
const KEPT: usize = 2_000;

/// Reads an inbox's list of inbound mail from its newest end, whichever end that is: the order is not documented.
pub(super) struct Listing<'a> {
    pub(super) client: &'a Client,
    pub(super) pace: &'a Pace,
    pub(super) inbox: &'a InboxId,
}

impl Listing<'_> {
    /// The newest rows: a page of them at least, if there are as many.
    pub(super) async fn newest(&self) -> Result<Vec<Message>, CatchUpError> {
        // With nothing older wanted, the first page from the newest end is the last one.
        let mut found = Found::new(Keep::Newest);
        self.read(Some(Timestamp::MAX), |_| true, &mut found).await?;
        Ok(found.rows)
    }

    /// The rows that are `wanted` among those not older than `floor`, oldest first, and whether there is more that is
    /// newer: then the same should be asked again once these are dealt with.
    pub(super) async fn since(
        &self,
        floor: Option<Timestamp>,
        wanted: impl Fn(&Message) -> bool,
    ) -> Result<(Vec<Message>, bool), CatchUpError> {
        let mut found = Found::new(Keep::Oldest);
        self.read(floor, wanted, &mut found).await?;
        Ok((found.rows, found.cut))
    }

    async fn read(
        &self,
        floor: Option<Timestamp>,
        wanted: impl Fn(&Message) -> bool,
        found: &mut Found,
    ) -> Result<(), CatchUpError> {
        let first = self.page(0).await?;
        let mut way = Way::from(&first);
        let mut next = (way.offset == 0).then_some(first);
        for _ in 0..PAGES {
            let page = match next.take() {
                Some(first) => first,
                None => self.page(way.offset).await?,
            };
            let last = way.ends_with(&page, floor);
            way.pass(&page);
            found.add(way.in_order(page.items.into_iter().filter(&wanted).collect()));
            if last {
                return Ok(());
            }
        }
        Err(CatchUpErrorKind::Endless.into())
    }

    /// A full page, in as many pieces as it takes: some large mails or a slow line must not hide all others.
    async fn page(&self, offset: u64) -> Result<Page<Message>, CatchUpError> {
        let (mut page, mut limit) = (Page::new(Vec::new()), LIMIT);
        while page.rows() < LIMIT as usize {
            let asked = limit.min(LIMIT - page.rows() as u32);
            match self.piece(asked, offset + page.rows() as u64).await {
                Ok(piece) => {
                    let is_last = piece.rows() < asked as usize;
                    page.total = piece.total;
                    page.unreadable += piece.unreadable;
                    page.items.extend(piece.items);
                    if is_last {
                        break;
                    }
                }
                Err(error) if error.is_too_much() && asked > 1 => limit = asked / 2,
                Err(error) if *error.kind() != ErrorKind::TooLarge => return Err(error.into()),
                Err(error) => {
                    warn!(inbox = %self.inbox, error = %Chain(&error), "a mail is left out: see to it in the OpenMail console");
                    page.unreadable += 1;
                }
            }
        }
        Ok(page)
    }

    async fn piece(&self, limit: u32, offset: u64) -> api::Result<Page<Message>> {
        self.pace.turn().await;
        self.client.messages(self.inbox, &MessageFilter::inbound().page(limit, offset)).await
    }
}

/// The way through a list: forward where the newest come first or nothing is known, backward where they come last.
#[derive(Debug)]
struct Way {
    offset: u64,
    /// How far one step back goes; `None` = forward.
    back: Option<u64>,
    /// Whether everything beyond an old row is older.
    sorted: bool,
    /// Whether the list begins with its oldest row.
    oldest_first: bool,
    total: Option<u64>,
}

impl Way {
    fn from(first: &Page<Message>) -> Self {
        let times: Vec<_> = first.items.iter().filter_map(|row| row.at).collect();
        let size = first.rows() as u64;
        let newest_first = times.is_sorted_by(|a, b| a >= b) && times.first() != times.last();
        let newest_last = times.is_sorted() && times.first() != times.last();
        match first.total {
            Some(total) if newest_last && total > size => Self {
                offset: total - size,
                back: Some(size),
                sorted: true,
                oldest_first: true,
                total: Some(total),
            },
            total => Self { offset: 0, back: None, sorted: newest_first, oldest_first: newest_last, total },
        }
    }

    /// Whether nothing beyond this page, which lies at the offset, is wanted.
    fn ends_with(&self, page: &Page<Message>, floor: Option<Timestamp>) -> bool {
        let rows = page.rows() as u64;
        let below = |row: &Message| floor.is_some_and(|floor| row.at.is_some_and(|at| at < floor));
        let reached = self.sorted && page.items.iter().any(below);
        let end = match self.back {
            Some(_) => self.offset == 0,
            None => rows == 0 || self.total.is_some_and(|total| self.offset + rows >= total),
        };
        reached || end
    }

    /// The rows of a page, oldest first as far as the list's order tells. Where it tells nothing, the newest are taken to come
    /// first, as they do in most lists.
    fn in_order(&self, mut rows: Vec<Message>) -> Vec<Message> {
        if self.back.is_none() && !self.oldest_first {
            rows.reverse();
        }
        rows
    }

    fn pass(&mut self, page: &Page<Message>) {
        self.offset = match self.back {
            Some(size) => self.offset.saturating_sub(size),
            None => self.offset + page.rows() as u64,
        };
    }
}

/// Which rows are kept where there are more than can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Oldest,
    Newest,
}

/// Rows, each once, oldest first.
#[derive(Debug)]
struct Found {
    rows: Vec<Message>,
    ids: HashSet<MessageId>,
    keep: Keep,
    cut: bool,
}

impl Found {
    fn new(keep: Keep) -> Self {
        Self { rows: Vec::new(), ids: HashSet::new(), keep, cut: false }
    }

    /// Adds a page that lies before those added so far. Rows of the same instant keep the list's order: a thread's mails
    /// are handled in it.
    fn add(&mut self, mut rows: Vec<Message>) {
        // The list moves under the reader when mail arrives.
        rows.retain(|row| self.ids.insert(row.id.clone()));
        rows.append(&mut self.rows);
        self.rows = rows;
        self.rows.sort_by_key(|row| row.at);
        let surplus = self.rows.len().saturating_sub(KEPT);
        if surplus > 0 {
            self.cut = true;
            match self.keep {
                Keep::Oldest => self.rows.truncate(KEPT),
                Keep::Newest => drop(self.rows.drain(..surplus)),
            }
        }
    }
}
