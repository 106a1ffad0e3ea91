use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tower::{Layer, Service};
use tracing::warn;

use crate::clock::Clock;
use crate::handler::{self, BoxedHandler, Context, Outcome, States};
use crate::limit::{LoopLimits, Quotas};
use crate::model::BoxError;
use crate::router::Route;
use crate::store::Store;

use super::{Config, RunningRuntime, StartError, shutdown, start};

/// Handlers, what they need, and the settings to run them with.
///
/// ```no_run
/// use openmail_agent::prelude::*;
///
/// #[mail_handler]
/// async fn echo(mail: Mail) -> Reply {
///     Reply::text(mail.new_text())
/// }
///
/// #[tokio::main]
/// async fn main() -> Result<()> {
///     Runtime::from_env()?.handlers(handlers![echo]).run().await
/// }
/// ```
#[must_use = "a runtime does nothing until it is run"]
pub struct Runtime {
    pub(super) config: Config,
    /// What is wrong with the settings, to be reported with what else is wrong.
    pub(super) problems: Vec<String>,
    pub(super) routes: Vec<Route>,
    pub(super) states: States,
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) clock: Clock,
    pub(super) quotas: Quotas,
    pub(super) loop_limits: LoopLimits,
    pub(super) concurrency: usize,
    pub(super) per_inbox: usize,
    pub(super) grace: Duration,
    pub(super) retention: Duration,
    pub(super) reads_rows: bool,
    pub(super) requests_per_minute: Option<u32>,
    layers: Vec<Box<dyn Fn(Route) -> Route + Send>>,
}

impl Runtime {
    /// A runtime set up by the environment.
    ///
    /// A variable that is missing or malformed is kept in mind and reported by [`run`](Runtime::run) or
    /// [`start`](Runtime::start), together with whatever is wrong with the handlers, so that one start shows it all.
    /// [`Config::from_env`] reports the variables alone.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn from_env() -> Result<Self, StartError> {
        let (config, problems) = Config::read_env();
        Ok(Self { problems, ..Self::new(config) })
    }

    /// A runtime set up by hand.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            problems: Vec::new(),
            routes: Vec::new(),
            states: States::default(),
            store: None,
            clock: Clock::system(),
            quotas: Quotas::default(),
            loop_limits: LoopLimits::default(),
            concurrency: 256,
            per_inbox: 32,
            grace: Duration::from_secs(20),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            reads_rows: true,
            requests_per_minute: None,
            layers: Vec::new(),
        }
    }

    /// Adds handlers, as [`handlers!`](crate::handlers) collects them.
    pub fn handlers(mut self, routes: impl IntoIterator<Item = Route>) -> Self {
        self.routes.extend(routes);
        self
    }

    /// Gives a value to the handlers that ask for [`State<T>`](handler::State), in place of an earlier one of its type.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Puts a layer around every handler; one that is added later is further out.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<BoxedHandler> + Clone + Send + 'static,
        L::Service: Service<Context, Response = Outcome, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        self.layers.push(Box::new(move |route| route.layer(layer.clone())));
        self
    }

    /// Binds `inbox = "$name"` of a handler to an inbox, by id or address; otherwise `OPENMAIL_INBOX_<NAME>` does.
    pub fn bind(mut self, name: impl Into<String>, inbox: impl Into<String>) -> Self {
        self.config.bindings.insert(name.into().to_ascii_lowercase(), inbox.into());
        self
    }

    /// Keeps events and owed replies here instead of where `OPENMAIL_STORE` says.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Takes the time from here instead of from the machine.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Keeps to other limits than the documented ones, such as those of a higher plan.
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// Says how many replies to one correspondent, and into one conversation, are taken for a loop of two machines; 30 in an hour and
    /// 100 in 24 unless told otherwise. What is more is kept with the reason, and not sent.
    ///
    /// Each process counts for itself, and from zero after a restart; for a conversation it also counts the replies that the service shows in
    /// it. Mails by [`Compose`](handler::Compose) are not counted, except [`reply_all`](handler::Compose::reply_all).
    pub fn loop_limits(mut self, limits: LoopLimits) -> Self {
        self.loop_limits = limits;
        self
    }

    /// Makes at most this many REST requests a minute; 1,000 unless told otherwise, which is what the service allows an
    /// account. Where several processes use one account, give each its part.
    pub fn requests_per_minute(mut self, most: u32) -> Self {
        self.requests_per_minute = Some(most);
        self
    }

    /// How many events this process handles at once, one at the least; 256 unless told otherwise.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.concurrency = most.max(1);
        self
    }

    /// How many events of one inbox are handled at once, one at the least, by all processes that share the store; 32 unless told otherwise.
    pub fn concurrency_per_inbox(mut self, most: usize) -> Self {
        self.per_inbox = most.max(1);
        self
    }

    /// How long running handlers and sends have to finish when the runtime is told to stop; 20 s unless told otherwise.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long finished events are kept; 7 days unless told otherwise, and never less than the day for which the service
    /// remembers idempotency keys. What is parked, dead or could not be sent is kept twice as long, and
    /// what came after an inbox was last read over REST up to a month longer, since it could be found there again.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention.max(crate::store::KEY_LIFE);
        self
    }

    /// Handles mail from what its event says, without reading its row first.
    ///
    /// An event has no HTML and no delivery role, and may lack the service's classification: a mail in which the inbox was
    /// only copied is then answered to its sender, harmful mail may reach a handler, and a thread's mail that no event told of
    /// may be handled after mail that followed it. A conversation that is handled without an answer stays unread, and of one the loop guard
    /// counts only what this process has answered. For many events a second on a trusted feed.
    pub fn trust_events(mut self) -> Self {
        self.reads_rows = false;
        self
    }

    /// Runs until SIGTERM or Ctrl-C, then stops cleanly; a second signal stops at once, and loses nothing either.
    ///
    /// A handler that blocks its thread, or waits for [blocking work](tokio::task::spawn_blocking), cannot be stopped, and would
    /// keep the program from ending after this has returned. So where a handler had to be dropped, the process ends five seconds
    /// later, one second after a second signal, or on one more. A program with more to do after a signal than that
    /// [starts](Self::start) and [stops](RunningRuntime::stop) by itself.
    ///
    /// Its [`Error`](handler::Error) fits a `main` that returns this crate's `Result`, and `?` makes a boxed error of it:
    ///
    /// ```no_run
    /// # use openmail_agent::prelude::*;
    /// # #[mail_handler]
    /// # async fn echo(mail: Mail) {}
    /// #[tokio::main]
    /// async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     Runtime::from_env()?.handlers(handlers![echo]).run().await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// In one that returns `anyhow::Result<()>` it ends in `.run().await.map_err(anyhow::Error::msg)`, which keeps all of its words, or
    /// in `.map_err(|error| anyhow::Error::from_boxed(error.into()))`, which keeps its causes; with `eyre`, in
    /// `.map_err(eyre::Report::msg)`.
    ///
    /// # Errors
    ///
    /// Everything that keeps it from starting, together; later, that the service refuses the key or the store is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops at once: what was not settled is handled after the restart.
    pub async fn run(self) -> handler::Result<()> {
        if self.config.webhook_addr.is_none() && !self.config.webhook_secrets.is_empty() {
            warn!("OPENMAIL_WEBHOOK_SECRET is set but OPENMAIL_WEBHOOK_ADDR is not: no webhook is taken");
        }
        let grace = self.grace;
        shutdown::run_until_signalled(Box::pin(self.start()), grace).await
    }

    /// Checks everything and starts; [`ready`](RunningRuntime::ready) waits until mail can be taken.
    ///
    /// # Errors
    ///
    /// Everything that keeps it from starting, together.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it answers leaves nothing running.
    pub async fn start(mut self) -> Result<RunningRuntime, StartError> {
        let layers = std::mem::take(&mut self.layers);
        let routes = std::mem::take(&mut self.routes);
        self.routes =
            routes.into_iter().map(|route| layers.iter().fold(route, |route, layer| layer(route))).collect();
        start::start(self).await
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("config", &self.config)
            .field("handlers", &self.routes.len())
            .finish_non_exhaustive()
    }
}
