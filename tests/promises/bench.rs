//! What every test stands on: a sandbox, an inbox, a store in a file of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openmail_agent::clock::Clock;
use openmail_agent::handler::{Handler, Mail};
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
        let sandbox = builder.account_requests(None).start().await.expect("the sandbox starts");
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
        soon(running.ready()).await;
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
        soon(async {
            loop {
                let news = self.0.news.notified();
                tokio::pin!(news);
                // Registered before looking, so that nothing is seen in between.
                news.as_mut().enable();
                let all = self.all();
                if all.len() >= count {
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
