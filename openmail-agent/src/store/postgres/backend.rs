use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::limit::{Allowance, Quotas};
use crate::model::{IdempotencyKey, InboxId};
use crate::store::book::floor_ms;
use crate::store::{
    Bookmark, Census, Hold, HoldScope, Lease, LeaseRequest, Leases, NewEvent, NewSend, Note, NoteScope,
    Recorded, Reservations, ReserveRequest, Result, SendSettlement, SendState, Settlement, Store, StoreError,
    WorkerId,
};

use super::batch::Batcher;
use super::claim;
use super::clocks;
use super::digest;
use super::gates::{self, Ask};
use super::hand::Hand;
use super::lease::Take;
use super::migrate::migrate;
use super::pool::{Params, Pool, Verb};
use super::prune::{self, Prune};
use super::record::Record;
use super::reserve::Reserve;
use super::settle::{Owe, Remember};
use super::text::plain;
use super::trouble::Trouble;
use super::url::Location;
use super::workers::{Heartbeat, Retire};

/// How often a process looks for what others have put into the database.
const POLL: Duration = Duration::from_millis(500);

/// A store in a Postgres database, shared by any number of processes.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Pool,
    /// For saying that this process is alive and keeps its role: whoever waits behind a crowd for that is taken for dead.
    vital: Pool,
    recorder: Batcher<Record>,
    settler: Batcher<Settlement>,
    leases: Hand,
    reservations: Hand,
}

impl PostgresStore {
    /// Connects, and brings the schema to the latest version.
    ///
    /// The URL is `postgres://user:password@host:port/database`. Beside the usual parameters it takes `schema`
    /// (`openmail_agent` unless said otherwise), `max_connections` (10 unless said otherwise), and `sslmode` with all its
    /// values: `require` encrypts; `prefer`, which is the default, only where the server offers it; `verify-full` also makes sure of the
    /// server, by the system's certificates or by those in `sslrootcert`.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::store::StoreErrorKind::Configuration) when the URL cannot be used or the database is in another encoding than
    /// UTF-8, [`Unavailable`](crate::store::StoreErrorKind::Unavailable) when it cannot be reached, [`Corrupt`](crate::store::StoreErrorKind::Corrupt) when another program or a newer version
    /// made the schema.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the schema has the version it had or a later one; the next to open it goes on from there.
    pub async fn open(url: &str) -> Result<Self> {
        let location = Location::parse(url)?;
        let (pool, vital) = Pool::pair(&location)?;
        Box::pin(migrate(&pool, &location)).await?;
        Box::pin(clocks::compare(&pool)).await?;
        let (recorder, settler) = (Batcher::start(pool.clone()), Batcher::start(pool.clone()));
        let (leases, reservations) = Default::default();
        Ok(Self { pool, vital, recorder, settler, leases, reservations })
    }

    /// Closes the connections, without waiting for what is under way over them; what is asked of the store from now on fails as
    /// [`Closed`](crate::store::StoreErrorKind::Closed).
    pub fn close(&self) {
        self.pool.close();
        self.vital.close();
    }

    async fn first<T>(
        &self,
        sql: &str,
        params: Params<'_>,
        read: impl FnOnce(&Row) -> Result<T, Trouble>,
    ) -> Result<Option<T>> {
        let rows = self.pool.query(sql, params).await?;
        rows.first().map(read).transpose().map_err(StoreError::from)
    }

    /// Runs what must not wait behind all else. A pooler may have no session left for its connection: those that there are serve as well.
    async fn vitally<V: Verb>(&self, verb: &V) -> Result<V::Answer> {
        match self.vital.try_transact(verb).await {
            Err(trouble) if trouble.is_unconnected() => self.pool.transact(verb).await,
            answered => answered.map_err(StoreError::from),
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn record(&self, events: Vec<Arc<NewEvent>>, bookmark: Option<Bookmark>) -> Result<Vec<Recorded>> {
        self.recorder.call(Record { events, bookmark }).await
    }

    async fn bookmark(&self, name: &str) -> Result<Option<String>> {
        let sql = "SELECT value FROM bookmarks WHERE name = $1";
        self.first(sql, &[&plain(name)], |row| Ok(row.try_get(0)?)).await
    }

    async fn heartbeat(&self, worker: &WorkerId, now: Timestamp) -> Result<bool> {
        self.vitally(&Heartbeat { worker, now }).await
    }

    async fn retire(&self, worker: &WorkerId, now: Timestamp) -> Result<()> {
        self.vitally(&Retire { worker, now }).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Leases> {
        let (hand, asking) = (&self.leases, self.leases.ask(request.now));
        let leases = self.pool.transact(&Take { request: &request, hand, asking: &asking }).await;
        hand.answered(&asking, &leases);
        leases
    }

    async fn is_overtaken(&self, lease: &Lease) -> Result<bool> {
        let sql = "
            SELECT EXISTS (
                SELECT 1 FROM events older
                WHERE older.lane_id = e.lane_id AND older.state IN ('waiting', 'leased')
                  AND (older.occurred_at, older.seq) < (e.occurred_at, e.seq))
            FROM events e WHERE e.seq = $1 AND e.fence = $2 AND e.state IN ('waiting', 'leased')";
        let found = self.pool.query(sql, &[&lease.seq.0, &lease.fence]).await?;
        match found.first() {
            Some(row) => Ok(row.try_get(0).map_err(Trouble::from)?),
            None => Err(crate::store::StoreErrorKind::LeaseLost.into()),
        }
    }

    async fn settle(&self, settlement: Settlement) -> Result<()> {
        let lease = (settlement.lease.seq.0, settlement.lease.fence);
        let settled = self.settler.call(settlement).await;
        self.leases.settled(lease, &settled);
        settled
    }

    async fn owe(&self, lease: &Lease, sends: Vec<NewSend>) -> Result<()> {
        self.pool.transact(&Owe { lease, sends }).await
    }

    async fn remember(&self, lease: &Lease, note: Note) -> Result<()> {
        self.pool.transact(&Remember { lease, note }).await
    }

    async fn recall(&self, scope: &NoteScope) -> Result<Option<Bytes>> {
        let value = |row: &Row| Ok(Bytes::copy_from_slice(row.try_get(0)?));
        match scope {
            NoteScope::Step { seq, name } => {
                let sql = "SELECT value FROM step_notes WHERE seq = $1 AND name = $2";
                self.first(sql, &[&seq.0, &plain(name)], value).await
            }
            NoteScope::Thread { thread_id, name } => {
                let sql = "SELECT value FROM thread_notes WHERE thread_id = $1 AND name = $2";
                self.first(sql, &[&plain(thread_id.as_str()), &plain(name)], value).await
            }
        }
    }

    async fn reserve(&self, request: ReserveRequest) -> Result<Reservations> {
        let (hand, asking) = (&self.reservations, self.reservations.ask(request.now));
        let reservations = self.pool.transact(&Reserve { request: &request, hand, asking: &asking }).await;
        hand.answered(&asking, &reservations);
        reservations
    }

    async fn settle_send(&self, settlement: SendSettlement) -> Result<()> {
        let settled = self.pool.transact(&settlement).await;
        self.reservations.settled((settlement.seq.0, settlement.fence), &settled);
        settled
    }

    async fn send_state(&self, key: &IdempotencyKey) -> Result<Option<SendState>> {
        let sql =
            "SELECT state, sent_message_id, sent_thread_id, error, stopped FROM sends WHERE key_id = $1";
        self.first(sql, &[&&digest::of_key(key)[..]], send_state).await
    }

    async fn allowance(&self, inbox: &InboxId, quotas: &Quotas, now: Timestamp) -> Result<Allowance> {
        self.pool.transact(&Ask { inbox_id: inbox, quotas, now }).await
    }

    async fn hold(&self, hold: Hold) -> Result<()> {
        self.pool.transact(&hold).await
    }

    async fn release(&self, scope: &HoldScope, as_of: Timestamp) -> Result<()> {
        let (scope, id) = gates::parts(scope);
        self.pool.query(gates::RELEASE, &[&scope, &plain(id), &floor_ms(as_of)]).await.map(drop)
    }

    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize> {
        self.pool.transact(&Prune { before, now, limit }).await
    }

    async fn census(&self) -> Result<Census> {
        prune::census(&self.pool).await
    }

    async fn claim(&self, role: &str, worker: &WorkerId, now: Timestamp, until: Timestamp) -> Result<bool> {
        match claim::claim(&self.vital, role, worker, now, until).await {
            Err(error) if error.is_transient() => claim::claim(&self.pool, role, worker, now, until).await,
            claimed => claimed,
        }
    }

    fn poll_every(&self) -> Option<Duration> {
        Some(POLL)
    }
}

fn send_state(row: &Row) -> Result<SendState, Trouble> {
    Ok(match row.try_get(0)? {
        "sent" => SendState::Sent {
            message_id: row.try_get::<_, Option<String>>(1)?.map(Into::into),
            thread_id: row.try_get::<_, Option<String>>(2)?.map(Into::into),
        },
        "failed" => {
            let why = row.try_get::<_, Option<String>>(3)?.unwrap_or_default();
            SendState::ended(why, row.try_get(4)?)
        }
        _ => SendState::Owed,
    })
}
