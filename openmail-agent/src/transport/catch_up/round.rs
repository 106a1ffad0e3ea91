use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::api::{Client, Retry, Scope};
use crate::clock;
use crate::failpoint::{Point, pass};
use crate::model::{Chain, Inbox, InboxId, Message};
use crate::store::{Bookmark, Recorded};
use crate::transport::{GapReason, Intake, Received, Via};
use crate::wire::event::{encode, from_row};

use super::error::{CatchUpError, CatchUpErrorKind};
use super::listing::Listing;
use super::spacing::Spacing;
use super::watermark::Watermark;

/// About the most bytes of mail that wait in memory to be recorded, however much there is: as much as one answer.
const ROOM: usize = 32 * 1024 * 1024;
/// The bookmark that tells when the store was first used.
const IN_USE_SINCE: &str = "in use since";
/// How long it may take from the first start until an inbox is looked at for the first time.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(60 * 60);
/// How far the service's clock may be ahead.
const CLOCK_AHEAD: Duration = Duration::from_secs(60);
/// The longest a round waits when the service asks it to, before it goes on with the next inbox.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Finds mail over REST that no event told of, and feeds it in.
#[derive(Debug)]
pub(crate) struct CatchUp {
    client: Client,
    intake: Intake,
    spacing: Spacing,
    room: usize,
    pub(super) rounds: watch::Sender<u64>,
    /// When the last complete reading of each inbox began.
    read: Mutex<HashMap<InboxId, Timestamp>>,
    read_up_to: watch::Sender<Option<Timestamp>>,
}

/// What a round over the inboxes came to.
#[derive(Debug, Default)]
pub(crate) struct CatchUpReport {
    /// How many mails the store had not seen.
    pub found: usize,
    /// How many inboxes were read.
    pub inboxes: usize,
    /// How many of them were seen for the first time, so that what is in them is history.
    pub first_seen: usize,
    /// Which could not be read, and why.
    pub failures: Vec<(InboxId, CatchUpError)>,
}

impl CatchUp {
    /// A catch-up that reads with this client and feeds this intake.
    #[must_use]
    pub(crate) fn new(client: Client, intake: Intake) -> Self {
        Self {
            client,
            intake,
            spacing: Spacing::new(),
            room: ROOM,
            rounds: watch::Sender::new(0),
            read: Mutex::default(),
            read_up_to: watch::Sender::new(None),
        }
    }

    /// How many rounds were completed without a failure, now and from now on.
    #[must_use]
    pub(crate) fn rounds(&self) -> watch::Receiver<u64> {
        self.rounds.subscribe()
    }

    /// Up to when every inbox was read completely, now and from now on; `None` before each was read once.
    ///
    /// What arrived later, whichever way, may be found again: a store must not forget it before.
    #[must_use]
    pub(crate) fn read_up_to(&self) -> watch::Receiver<Option<Timestamp>> {
        self.read_up_to.subscribe()
    }

    /// Reads every inbox once and feeds in what is news. An inbox that cannot be read keeps no other from its turn, unless
    /// the key or the account itself is refused.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, what was not yet recorded is found again by the next round.
    pub(crate) async fn run_once(&self, inboxes: &[Inbox], reason: GapReason) -> CatchUpReport {
        let mut report = CatchUpReport::default();
        for inbox in inboxes {
            let began = self.intake.clock().now();
            match self.read(inbox, &mut report).await {
                Ok(()) => {
                    report.inboxes += 1;
                    self.note_read(inbox, began);
                }
                Err(error) => {
                    let retry = error.kind().retry();
                    // What cannot be read for any other reason may be read again one day, and what it held be found.
                    if *error.kind() == CatchUpErrorKind::NotFound {
                        self.note_read(inbox, began);
                    }
                    warn!(inbox = %inbox.id, error = %Chain(&error), "cannot catch up");
                    report.failures.push((inbox.id.clone(), error));
                    match retry {
                        Retry::Held(Scope::Account) => break,
                        Retry::After(wait) => tokio::time::sleep(wait.min(LONGEST_PAUSE)).await,
                        _ => {}
                    }
                }
            }
        }
        if report.found > 0 {
            info!(%reason, found = report.found, "found mail that no event told of");
        }
        debug!(%reason, inboxes = report.inboxes, failures = report.failures.len(), "caught up");
        self.tell_read(inboxes);
        // One that asking again does not help, such as a deleted inbox, is no reason to call the round unfinished.
        if report.failures.iter().all(|(_, error)| error.kind().retry() == Retry::Never) {
            self.rounds.send_modify(|rounds| *rounds += 1);
        }
        report
    }

    fn note_read(&self, inbox: &Inbox, began: Timestamp) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(inbox.id.clone(), began);
    }

    fn tell_read(&self, inboxes: &[Inbox]) {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let each = inboxes.iter().map(|inbox| read.get(&inbox.id).copied());
        let all = each.collect::<Option<Vec<_>>>();
        let now = self.intake.clock().now();
        self.read_up_to.send_replace(all.map(|all| all.into_iter().min().unwrap_or(now)));
    }

    async fn read(&self, inbox: &Inbox, report: &mut CatchUpReport) -> Result<(), CatchUpError> {
        let listing = Listing::new(&self.client, &self.spacing, &inbox.id, self.room);
        let mut mark = match self.watermark(&inbox.id).await? {
            Some(mark) => mark,
            None => {
                report.first_seen += 1;
                match self.first_mark(inbox, &listing).await? {
                    Some(mark) => mark,
                    None => return Ok(()),
                }
            }
        };
        loop {
            let mut news = listing.since(mark.floor(), |row| mark.is_news(row)).await?;
            // Oldest first, so that a thread's mails are handled in their order and the watermark passes none.
            loop {
                let batch = news.next().await?;
                if batch.is_empty() {
                    break;
                }
                mark = mark.advanced(&batch);
                report.found += self.feed(inbox, batch, &mark).await?;
            }
            if !news.has_more() {
                return Ok(());
            }
        }
    }

    /// Where reading begins in an inbox that was never read: behind what is in it, or at its beginning when it was made
    /// after this store was first used, since nothing in it can be older than the agent.
    ///
    /// `None` when nothing in it is left to read.
    async fn first_mark(
        &self,
        inbox: &Inbox,
        listing: &Listing<'_>,
    ) -> Result<Option<Watermark>, CatchUpError> {
        let in_use_since = self.in_use_since().await?;
        if inbox.created_at.is_some_and(|made_at| made_at > in_use_since) {
            return Ok(Some(Watermark::default()));
        }
        let newest = listing.newest().await?;
        let came_since = self.came_since(in_use_since, &newest);
        let mark = match came_since {
            true => Watermark::first_sight_since(in_use_since, &newest),
            false => Watermark::first_sight(&newest),
        };
        // Another process may have seen it first meanwhile: what has come since then is no history.
        if let Some(earlier) = self.watermark(&inbox.id).await? {
            return Ok(Some(earlier));
        }
        self.intake.take(Vec::new(), Some(mark.bookmark(&inbox.id))).await?;
        if !newest.is_empty() {
            info!(inbox = %inbox.id, "first sight of the inbox: the mail in it counts as history, and is not answered");
        }
        Ok(came_since.then_some(mark))
    }

    /// Whether mail has come since the agent was first started, some time before an inbox was first looked at: where there are many, or
    /// one could not be listed. An inbox that is seen much later was not there for this key to see, and whatever is in it is history. So is
    /// what comes from the future, since it was dated by a clock that is not compared with ours.
    fn came_since(&self, in_use_since: Timestamp, rows: &[Message]) -> bool {
        let now = self.intake.clock().now();
        let is_young = now < clock::after(in_use_since, FIRST_LOOK_WITHIN);
        let latest = clock::after(now, CLOCK_AHEAD);
        is_young && rows.iter().filter_map(|row| row.at).any(|at| at > in_use_since && at <= latest)
    }

    /// When this store was first used.
    async fn in_use_since(&self) -> Result<Timestamp, CatchUpError> {
        // Before the store is asked, so that of several processes none can put off what another has said by then.
        let now = self.intake.clock().now();
        if let Some(since) = self.intake.store().bookmark(IN_USE_SINCE).await?
            && let Ok(since) = since.parse()
        {
            return Ok(since);
        }
        self.intake.take(Vec::new(), Some(Bookmark::new(IN_USE_SINCE, now.to_string()))).await?;
        Ok(now)
    }

    async fn watermark(&self, inbox: &InboxId) -> Result<Option<Watermark>, CatchUpError> {
        let Some(value) = self.intake.store().bookmark(&Watermark::bookmark_name(inbox)).await? else {
            return Ok(None);
        };
        let mark = Watermark::parse(&value);
        if mark.is_none() {
            warn!(%inbox, "the inbox's bookmark cannot be read; what is in the inbox now counts as history");
        }
        Ok(mark)
    }

    /// Records rows and moves the watermark in one transaction. Tells how many were news to the store.
    async fn feed(&self, inbox: &Inbox, rows: Vec<Message>, mark: &Watermark) -> Result<usize, CatchUpError> {
        pass(Point::Received);
        let received = rows.into_iter().map(|row| received(inbox, row)).collect();
        let recorded = self.intake.take(received, Some(mark.bookmark(&inbox.id))).await?;
        Ok(recorded.iter().filter(|verdict| matches!(verdict, Recorded::New(_))).count())
    }

    #[cfg(all(test, feature = "webhook"))]
    pub(super) fn unspaced(self) -> Self {
        Self { spacing: Spacing::every(Duration::ZERO), ..self }
    }

    #[cfg(all(test, feature = "webhook"))]
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }
}

impl CatchUpReport {
    /// How long to wait before the failed inboxes are worth another try: `None` where none is, or nothing failed.
    pub(super) fn retry_after(&self, pause: Duration) -> Option<Duration> {
        let worth = |error: &CatchUpError| match error.kind().retry() {
            Retry::Now | Retry::Held(_) => Some(pause),
            Retry::After(wait) => Some(wait.max(pause)),
            Retry::Never => None,
        };
        self.failures.iter().filter_map(|(_, error)| worth(error)).min()
    }
}

pub(super) fn received(inbox: &Inbox, row: Message) -> Received {
    let event = from_row(row, inbox.id.clone(), inbox.external_id.clone());
    Received { event_id: Some(event.id.clone()), ..Received::new(encode(&event), Via::CatchUp) }
}
