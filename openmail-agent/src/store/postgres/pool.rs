use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool as Connections, RecyclingMethod, Runtime, Transaction,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Row, Statement};

use crate::backoff::Backoff;
use crate::failpoint::{Point, pass};
use crate::model::BoxError;
use crate::store::{Result, StoreError, StoreErrorKind};

use super::loan::{Doubtful, Loan, rows, within};
use super::params::mute;
use super::tls::Tls;
use super::trouble::Trouble;
use super::url::Location;

/// How long to wait for a connection, a new one or a free one.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a transaction is run that others come in between of.
const ATTEMPTS: u32 = 10;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(500));

/// Hints to the planner, which a database may not know. Every statement here that runs often has its index; tables that were
/// empty a moment ago have no statistics, and a plan that reads them whole would be kept until they have. The price that is
/// then put on reading a table whole must not lead to compiling the statement, which takes longer than running it.
const HINTS: [&str; 2] = ["SET enable_seqscan TO off", "SET jit TO off"];

/// Connections to the database, made when they are needed and made anew when they are lost.
#[derive(Debug, Clone)]
pub(super) struct Pool(Connections);

/// What a store's verb does within its transaction. It may be run several times, and what it did before is then undone.
#[async_trait]
pub(super) trait Verb: Send + Sync {
    type Answer: Send + Sync;

    async fn run(&self, tx: &Tx<'_>) -> Result<Self::Answer, Trouble>;

    /// The commit failed, or nobody waited for it: what was done may have been done for all that.
    fn doubt(&self, _answer: &Self::Answer) {}
}

/// An open transaction.
pub(super) struct Tx<'c>(Transaction<'c>);

/// The parameters of a statement.
pub(super) type Params<'p> = &'p [&'p (dyn ToSql + Sync)];

impl Pool {
    /// The connections of a process, and one of them set aside for what must not wait behind all else. Where there is only one,
    /// it is for both.
    pub(super) fn pair(location: &Location) -> Result<(Self, Self)> {
        match usize::from(location.connections.get()) {
            1 => Self::new(location, 1).map(|pool| (pool.clone(), pool)),
            connections => Ok((Self::new(location, connections - 1)?, Self::new(location, 1)?)),
        }
    }

    fn new(location: &Location, connections: usize) -> Result<Self> {
        let tls = Tls::new(&location.trust).map_err(unusable)?;
        let mut config = location.config.clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE / 2);
        }
        // A server whose machine is gone says nothing: without these it would be waited for for hours.
        config.keepalives_idle(PATIENCE).keepalives_interval(PATIENCE / 5).keepalives_retries(3);
        #[cfg(target_os = "linux")]
        config.tcp_user_timeout(PATIENCE * 2);
        let setup = setup(location);
        let manager =
            Manager::from_config(config, tls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Connections::builder(manager)
            .max_size(connections)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let setup = setup.clone();
                Box::pin(async move {
                    let prepared = tokio::time::timeout(PATIENCE, async {
                        client.batch_execute(&setup).await?;
                        for hint in HINTS {
                            let _ = client.batch_execute(hint).await;
                        }
                        Ok(())
                    });
                    let prepared = prepared.await.map_err(|_| HookError::message("it does not answer"))?;
                    prepared.map_err(HookError::Backend)
                })
            }))
            .build();
        pool.map(Self).map_err(unusable)
    }

    /// Runs a verb in a transaction of its own, again where others come in between.
    pub(super) async fn transact<V: Verb>(&self, verb: &V) -> Result<V::Answer> {
        self.try_transact(verb).await.map_err(StoreError::from)
    }

    /// As [`transact`](Self::transact), and says what was in the way.
    pub(super) async fn try_transact<V: Verb>(&self, verb: &V) -> Result<V::Answer, Trouble> {
        for failures in 1.. {
            match self.attempt(verb).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) if trouble.is_conflict() && failures < ATTEMPTS => {
                    tokio::time::sleep(BACKOFF.with_jitter(failures)).await;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Err(Trouble::Overtaken)
    }

    /// Runs one statement, which is a transaction by itself.
    pub(super) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        self.ask(sql, params).await.map_err(StoreError::from)
    }

    /// Runs statements outside of any transaction.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Trouble> {
        let client = self.lend().await?;
        let done = within(client.batch_execute(sql)).await;
        self.take_back(client, done)
    }

    /// Fails all verbs from now on.
    pub(super) fn close(&self) {
        self.0.close();
    }

    async fn ask(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Trouble> {
        let client = self.lend().await?;
        let asked = async {
            let statement = within(client.prepare_cached(sql)).await?;
            rows(client.query_raw(&statement, mute(params))).await
        };
        let answer = asked.await;
        self.take_back(client, answer)
    }

    async fn attempt<V: Verb>(&self, verb: &V) -> Result<V::Answer, Trouble> {
        let mut client = self.lend().await?;
        let answer = run(&mut client, verb).await;
        self.take_back(client, answer)
    }

    async fn lend(&self) -> Result<Loan, Trouble> {
        Ok(Loan::new(self.0.get().await?))
    }

    /// Lets others have a connection, unless it would fail them in the same way, for ever.
    fn take_back<T>(&self, client: Loan, answer: Result<T, Trouble>) -> Result<T, Trouble> {
        if matches!(answer, Err(Trouble::Silent)) {
            // Those that lie idle go the same way.
            self.0.retain(|_, _| false);
        }
        match &answer {
            Err(trouble) if trouble.is_of_connection() => drop(client),
            _ => client.hand_back(),
        }
        answer
    }
}

async fn run<V: Verb>(client: &mut Loan, verb: &V) -> Result<V::Answer, Trouble> {
    let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let tx = Tx(within(transaction.start()).await?);
    // When this fails, or is dropped, the transaction is rolled back.
    let answer = verb.run(&tx).await?;
    pass(Point::Committing);
    let doubtful = Doubtful::new(verb, &answer);
    within(tx.0.commit()).await?;
    doubtful.committed();
    pass(Point::Committed);
    Ok(answer)
}

impl Tx<'_> {
    pub(super) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Trouble> {
        let statement = self.prepare(sql).await?;
        self.send(&statement, params).await
    }

    pub(super) async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64, Trouble> {
        let statement = self.prepare(sql).await?;
        within(self.0.execute_raw(&statement, mute(params))).await
    }

    /// Makes a statement ready, for [`send`](Tx::send).
    pub(super) async fn prepare(&self, sql: &str) -> Result<Statement, Trouble> {
        within(self.0.prepare_cached(sql)).await
    }

    /// Sends a statement as soon as it is polled, so that several can be on their way together.
    pub(super) async fn send(&self, statement: &Statement, params: Params<'_>) -> Result<Vec<Row>, Trouble> {
        rows(self.0.query_raw(statement, mute(params))).await
    }

    /// Says that so many bytes are to be written: what is large takes its time to arrive, which the server takes for silence.
    pub(super) async fn expect(&self, bytes: usize) -> Result<(), Trouble> {
        const LARGE: usize = 1024 * 1024;
        if bytes > LARGE {
            self.batch("SET LOCAL idle_in_transaction_session_timeout TO '35s'").await?;
        }
        Ok(())
    }

    pub(super) async fn batch(&self, sql: &str) -> Result<(), Trouble> {
        within(self.0.batch_execute(sql)).await
    }
}

/// A process that falls silent in the middle of a transaction must not hold its locks for ever. No statement takes as long as it
/// is waited for [here](within).
fn setup(location: &Location) -> String {
    format!(
        "SET search_path TO {};
         SET statement_timeout TO '30s';
         SET lock_timeout TO '10s';
         SET idle_in_transaction_session_timeout TO '5s'",
        location.quoted_schema()
    )
}

fn unusable(error: impl Into<BoxError>) -> StoreError {
    StoreError::because(StoreErrorKind::Configuration, error)
}
