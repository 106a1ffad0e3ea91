use jiff::Timestamp;
use tracing::warn;

use crate::api::{self, Client, ErrorKind, MessageFilter};
use crate::model::{Chain, InboxId, Message, Page};

use super::error::{CatchUpError, CatchUpErrorKind};
use super::found::{Found, Keep};
use super::news::News;
use super::spacing::Spacing;

/// The most rows the service gives at once.
pub(super) const LIMIT: u32 = 100;
/// The most pages that are read of one inbox in one go.
const PAGES: usize = 1_000;
/// How many rows make a page for who looks for one of them.
const FEW: u32 = 10;
/// The most of such pages.
const FEW_PAGES: usize = 20;

/// When the rows of a page came, in the service's order.
type Times = Page<Option<Timestamp>>;

/// Reads an inbox's list of inbound mail from its newest end, whichever end that is: the order is not documented.
pub(super) struct Listing<'a> {
    pub(super) client: &'a Client,
    pub(super) spacing: &'a Spacing,
    pub(super) inbox: &'a InboxId,
    /// The most bytes of mail that are kept of what is found: what there is no room for is read again when its turn comes.
    pub(super) room: usize,
    /// How many rows make a page.
    limit: u32,
    /// The most pages that are read.
    pages: usize,
}

impl<'a> Listing<'a> {
    pub(super) fn new(client: &'a Client, spacing: &'a Spacing, inbox: &'a InboxId, room: usize) -> Self {
        Self { client, spacing, inbox, room, limit: LIMIT, pages: PAGES }
    }

    /// A list in which one row is looked for, which is near the newest end: no more is read of the others than it takes.
    pub(super) fn of_few(client: &'a Client, spacing: &'a Spacing, inbox: &'a InboxId) -> Self {
        Self { limit: FEW, pages: FEW_PAGES, ..Self::new(client, spacing, inbox, 0) }
    }

    /// The row that is `wanted`, among those not older than `floor`; `None` where it is not found in as much as is read.
    pub(super) async fn find(
        &self,
        floor: Option<Timestamp>,
        wanted: impl Fn(&Message) -> bool,
    ) -> api::Result<Option<Message>> {
        let mut found = Found::new(Keep::One, self.room);
        self.read(floor, wanted, &mut found).await?;
        Ok(found.one())
    }

    /// The newest rows, of which only the times matter: a page of them at least, if there are as many.
    pub(super) async fn newest(&self) -> Result<Vec<Message>, CatchUpError> {
        // With nothing older wanted, the first page from the newest end is the last one.
        let mut found = Found::new(Keep::Newest, self.room);
        self.read_all(Some(Timestamp::MAX), |_| true, &mut found).await?;
        Ok(found.outlines())
    }

    /// The rows that are `wanted` among those not older than `floor`, oldest first.
    pub(super) async fn since(
        &self,
        floor: Option<Timestamp>,
        wanted: impl Fn(&Message) -> bool,
    ) -> Result<News<'_>, CatchUpError> {
        let mut found = Found::new(Keep::Oldest, self.room);
        self.read_all(floor, wanted, &mut found).await?;
        Ok(News::new(self, found))
    }

    async fn read_all(
        &self,
        floor: Option<Timestamp>,
        wanted: impl Fn(&Message) -> bool,
        found: &mut Found,
    ) -> Result<(), CatchUpError> {
        match self.read(floor, wanted, found).await? {
            true => Ok(()),
            false => Err(CatchUpErrorKind::Endless.into()),
        }
    }

    /// Tells whether it came to an end, within as many pages as are read.
    async fn read(
        &self,
        floor: Option<Timestamp>,
        wanted: impl Fn(&Message) -> bool,
        found: &mut Found,
    ) -> api::Result<bool> {
        let first = self.page(0, &wanted, found).await?;
        let mut way = Way::from(&first);
        found.set_order(way.oldest_first);
        let mut next = (way.offset == 0).then_some(first);
        for _ in 0..self.pages {
            if found.suffices() {
                return Ok(true);
            }
            let page = match next.take() {
                Some(first) => first,
                None => self.page(way.offset, &wanted, found).await?,
            };
            let last = way.ends_with(&page, floor);
            way.pass(&page);
            if last {
                return Ok(true);
            }
        }
        Ok(found.suffices())
    }

    /// A full page, in as many pieces as it takes: some large mails or a slow line must not hide all others. What is wanted of a piece
    /// is found before the next one comes, since memory must hold one piece, and need not hold a page.
    async fn page(
        &self,
        offset: u64,
        wanted: impl Fn(&Message) -> bool,
        found: &mut Found,
    ) -> api::Result<Times> {
        let (mut page, mut limit) = (Times::new(Vec::new()), self.limit);
        while page.rows() < self.limit as usize {
            let (asked, at) = (limit.min(self.limit - page.rows() as u32), offset + page.rows() as u64);
            match self.piece(asked, at).await {
                Ok(piece) => {
                    let is_last = piece.rows() < asked as usize;
                    page.total = piece.total;
                    page.unreadable += piece.unreadable;
                    page.items.extend(piece.items.iter().map(|row| row.at));
                    found.add(piece, at, &wanted);
                    if is_last || found.suffices() {
                        break;
                    }
                }
                Err(error) if error.is_too_much() && asked > 1 => limit = asked / 2,
                Err(error) if *error.kind() != ErrorKind::TooLarge => return Err(error),
                Err(error) => {
                    warn!(inbox = %self.inbox, error = %Chain(&error), "a mail is left out: see to it in the OpenMail console");
                    page.unreadable += 1;
                }
            }
        }
        Ok(page)
    }

    pub(super) async fn piece(&self, limit: u32, offset: u64) -> api::Result<Page<Message>> {
        self.spacing.turn().await;
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
    fn from(first: &Times) -> Self {
        let times: Vec<_> = first.items.iter().flatten().collect();
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
    fn ends_with(&self, page: &Times, floor: Option<Timestamp>) -> bool {
        let rows = page.rows() as u64;
        let below = |at: &Timestamp| floor.is_some_and(|floor| *at < floor);
        let reached = self.sorted && page.items.iter().flatten().any(below);
        let end = match self.back {
            Some(_) => self.offset == 0,
            // What arrives while it is read moves the end on.
            None => rows == 0 || page.total.or(self.total).is_some_and(|total| self.offset + rows >= total),
        };
        reached || end
    }

    fn pass(&mut self, page: &Times) {
        self.offset = match self.back {
            Some(size) => self.offset.saturating_sub(size),
            // What is deleted meanwhile moves what comes next towards the beginning.
            None => {
                let total = page.total.or(self.total);
                let gone = self.total.unwrap_or_default().saturating_sub(total.unwrap_or_default());
                self.total = total;
                (self.offset + page.rows() as u64).saturating_sub(gone)
            }
        };
    }
}
