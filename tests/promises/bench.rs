//! What every test stands on: a sandbox, an inbox, a store in a file of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openmail_agent::clock::Clock;
use openmail_agent::handler::{Handler, Mail};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{Config, RunningRuntime, Runtime, StoreLocation};
use openmail_sandbox::{Builder, Delivered, Inbox, Sandbox};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) inbox: Inbox,
    pub(crate) clock: Clock,
    folder: TempDir,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(Sandbox::builder()).await
    }

    pub(crate) async fn with(builder: Builder) -> Self {
        Self::with_request_limit(builder.account_requests(None)).await
    }

    /// With the service's own limit of requests, which a test that is faster than life runs into.
    pub(crate) async fn with_request_limit(builder: Builder) -> Self {
        let sandbox = builder.start().await.expect("the sandbox starts");
        let inbox = sandbox.create_inbox("support");
        let folder = tempfile::tempdir().expect("a folder of its own");
        // The runtime's clock stands where the sandbox's does, and both are only moved by hand.
        let clock = Clock::manual(sandbox.now());
        Self { sandbox, inbox, clock, folder }
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.folder.path().join("agent.db")
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new(self.sandbox.api_key());
        config.base_url = self.sandbox.base_url().to_owned();
        config.store = StoreLocation::Sqlite(self.store_path());
        config
    }

    /// A runtime on the machine's clock.
    pub(crate) fn runtime(&self) -> Runtime {
        Runtime::new(self.config()).grace(Duration::from_secs(5))
    }

    /// Starts with one handler and waits until nothing can be missed any more.
    pub(crate) async fn run<H: Handler<A>, A>(&self, handler: H) -> RunningRuntime {
        self.start_ready(self.runtime().handlers([Route::new("agent", handler)])).await
    }

    pub(crate) async fn start_ready(&self, runtime: Runtime) -> RunningRuntime {
        let running = runtime.start().await.expect("the runtime starts");
        soon(running.ready()).await.expect("mail can be taken");
        soon(running.caught_up()).await.expect("every inbox was read");
        running
    }

    pub(crate) fn mail(&self, from: &str, text: &str) -> openmail_sandbox::Mail {
        openmail_sandbox::Mail::from(from).to(&self.inbox.address).subject("Help").text(text)
    }

    pub(crate) fn deliver(&self, text: &str) -> Delivered {
        self.sandbox.deliver(self.mail("Ada <ada@example.com>", text))
    }

    /// Waits for this many mails to have left the inbox.
    pub(crate) async fn sent(&self, count: usize) -> Vec<openmail_sandbox::Sent> {
        soon(self.sandbox.wait_for_sent(&self.inbox.id, count)).await
    }

    /// What an operator reads in the store's file, once this many rows are there.
    pub(crate) async fn rows(&self, sql: &str, count: usize) -> Vec<String> {
        let file = rusqlite::Connection::open(self.store_path()).expect("the store's file opens");
        soon(async {
            loop {
                let mut query = file.prepare_cached(sql).expect("the query fits the schema");
                let rows = query.query_map((), |row| row.get(0)).and_then(Iterator::collect);
                let rows: Vec<String> = rows.expect("the store's file can be read");
                if rows.len() >= count {
                    return rows;
                }
                // A file does not ring.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
    }

    /// What an operator counts in the store's file, once it is no more than this.
    pub(crate) async fn no_more_than(&self, sql: &str, most: usize) -> usize {
        let file = rusqlite::Connection::open(self.store_path()).expect("the store's file opens");
        let since = tokio::time::Instant::now();
        loop {
            let count: i64 = file.query_row(sql, (), |row| row.get(0)).expect("the store's file can be read");
            let count = usize::try_from(count).expect("a count");
            if count <= most {
                return count;
            }
            assert!(since.elapsed() < PATIENCE, "{sql}: {count}, not {most}");
            // A file does not ring.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Why events were set aside, once this many were.
    pub(crate) async fn parked(&self, count: usize) -> Vec<String> {
        self.rows("SELECT error FROM events WHERE state = 'parked' ORDER BY seq", count).await
    }

    /// Why events were given up, once this many were.
    pub(crate) async fn dead(&self, count: usize) -> Vec<String> {
        self.rows("SELECT error FROM events WHERE state = 'dead' ORDER BY seq", count).await
    }

    /// Waits for this many replies that are committed and have not left.
    pub(crate) async fn owed(&self, count: usize) {
        self.rows("SELECT key FROM sends WHERE state = 'owed'", count).await;
    }

    /// Starts with a webhook listener that the sandbox knows of.
    pub(crate) async fn start_with_webhook(
        &self,
        routes: impl IntoIterator<Item = Route>,
    ) -> (RunningRuntime, String) {
        let (runtime, secret) = self.runtime_with_webhook();
        let running = self.start_ready(runtime.handlers(routes)).await;
        self.tell_the_webhook_of(&running);
        (running, secret)
    }

    /// A runtime that listens for webhooks, of which the sandbox does not know yet where; and the secret.
    pub(crate) fn runtime_with_webhook(&self) -> (Runtime, String) {
        self.runtime_with_webhook_on(StoreLocation::Sqlite(self.store_path()))
    }

    pub(crate) fn runtime_with_webhook_on(&self, store: StoreLocation) -> (Runtime, String) {
        let secret = self.sandbox.set_account_webhook("http://127.0.0.1:9/webhooks");
        let mut config = self.config();
        config.store = store;
        config.webhook_addr = Some(([127, 0, 0, 1], 0).into());
        config.webhook_secrets = vec![Secret::new(&secret)];
        (Runtime::new(config), secret)
    }

    pub(crate) fn tell_the_webhook_of(&self, running: &RunningRuntime) {
        let addr = running.webhook_addr().expect("webhooks are taken");
        self.sandbox.set_account_webhook(format!("http://{addr}/webhooks"));
    }

    /// Holds that the service had nothing to object to in how it was spoken to.
    pub(crate) fn assert_well_spoken(&self) {
        let counts = self.sandbox.counts();
        assert_eq!(
            (counts.unknown_fields, counts.bad_requests, counts.unauthorized),
            (0, 0, 0),
            "{counts:?}"
        );
        assert_eq!((counts.keys_in_urls, counts.storage_requests_with_key), (0, 0), "{counts:?}");
        assert_eq!((counts.key_conflicts, counts.limits_exceeded), (0, 0), "{counts:?}");
    }

    /// Moves both clocks second by second until it has happened.
    pub(crate) async fn advance_until(&self, happened: impl Fn() -> bool) {
        self.advance_by_until(Duration::from_secs(1), happened).await;
    }

    /// Moves both clocks in steps until it has happened.
    pub(crate) async fn advance_by_until(&self, step: Duration, happened: impl Fn() -> bool) {
        soon(async {
            while !happened() {
                self.advance(step);
                // Gives what the step brought a chance to run before the next one.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }

    /// Moves both clocks.
    pub(crate) fn advance(&self, by: Duration) {
        self.sandbox.advance(by);
        self.clock.advance(by);
    }
}

/// The same service under an address that is not known to be this machine's.
pub(crate) fn elsewhere(sandbox: &Sandbox, mut config: Config) -> Config {
    config.base_url = format!("http://0.0.0.0:{}", sandbox.addr().port());
    config.allow_plain_http = true;
    config
}

/// Waits for something that must happen, and fails instead of hanging.
pub(crate) async fn soon<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, happens).await.expect("it happens within half a minute")
}

/// Keeps what handlers saw, in order, and lets a test wait for it.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Inner>);

#[derive(Default)]
struct Inner {
    texts: Mutex<Vec<String>>,
    news: Notify,
}

impl Seen {
    pub(crate) fn see(&self, text: impl Into<String>) -> usize {
        let mut texts = self.0.texts.lock().unwrap();
        texts.push(text.into());
        self.0.news.notify_waiters();
        texts.len()
    }

    pub(crate) fn mail(&self, mail: &Mail) -> usize {
        self.see(mail.text())
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.texts.lock().unwrap().clone()
    }

    pub(crate) async fn count(&self, count: usize) -> Vec<String> {
        self.until(|all| all.len() >= count).await
    }

    /// Waits for a text with these words in it.
    pub(crate) async fn words(&self, words: &str) {
        self.line(words).await;
    }

    /// The first text with these words in it.
    pub(crate) async fn line(&self, words: &str) -> String {
        let has = |text: &String| text.contains(words);
        let all = self.until(|all| all.iter().any(has)).await;
        all.into_iter().find(has).expect("it was there")
    }

    async fn until(&self, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        soon(async {
            loop {
                let news = self.0.news.notified();
                tokio::pin!(news);
                // Registered before looking, so that nothing is seen in between.
                news.as_mut().enable();
                let all = self.all();
                if enough(&all) {
                    return all;
                }
                news.await;
            }
        })
        .await
    }
}

/// Holds handlers back until it is opened.
#[derive(Clone)]
pub(crate) struct Gate(Arc<tokio::sync::Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.close();
    }

    pub(crate) async fn pass(&self) {
        // A closed semaphore is an open gate.
        let _ = self.0.acquire().await;
    }
}
