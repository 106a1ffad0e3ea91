use std::fmt;
use std::time::Duration;

use tower::{Layer, Service};

use crate::handler::{self, BoxedHandler, Context, Handler, Needs, Outcome};
use crate::model::{BoxError, EventKind};

/// How long a handler may run when it says nothing else.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How many further tries a failing handler gets when it says nothing else. The pauses are drawn from the upper halves of 5 s, 10 s, 20 s
/// and so on, up to 15 minutes: 26 to 51 minutes in all, for which a model may be away.
pub const DEFAULT_RETRIES: u32 = 10;

/// A handler and what it is for.
///
/// `#[mail_handler]` writes one; this is the same by hand. Whatever is wrong in it is found at start, together with
/// everything else that is wrong, so that building one never fails.
///
/// ```
/// use std::time::Duration;
///
/// use openmail_agent::handler::{Mail, Reply};
/// use openmail_agent::router::Route;
///
/// async fn invoices(mail: Mail) -> Reply {
///     Reply::text(format!("We look into {:?}.", mail.subject()))
/// }
///
/// let route = Route::new("invoices", invoices)
///     .description("Answers questions about invoices.")
///     .inbox("billing@acme.openmail.sh")
///     .subject("*invoice*")
///     .timeout(Duration::from_secs(60))
///     .retries(2);
/// assert_eq!(route.name(), "invoices");
/// ```
#[derive(Clone)]
#[must_use = "a route does nothing until it is given to a runtime"]
pub struct Route {
    pub(super) name: String,
    pub(super) service: BoxedHandler,
    pub(super) needs: Needs,
    pub(super) description: Option<String>,
    pub(super) inboxes: Vec<String>,
    pub(super) external_ids: Vec<String>,
    pub(super) pods: Vec<String>,
    pub(super) events: Vec<EventKind>,
    pub(super) from: Vec<String>,
    pub(super) subject: Vec<String>,
    pub(super) fallback: bool,
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) concurrency: Option<usize>,
}

impl Route {
    /// A handler for every mail of every inbox, under a name of its own.
    ///
    /// The name is part of what makes a reply unique: two handlers of a runtime cannot share one, and a handler that is
    /// renamed while a mail waits for its next try may answer that mail a second time.
    pub fn new<H, Arguments>(name: impl Into<String>, handler: H) -> Self
    where
        H: Handler<Arguments>,
    {
        Self {
            name: name.into(),
            service: handler::boxed(handler),
            needs: H::needs(),
            description: None,
            inboxes: Vec::new(),
            external_ids: Vec::new(),
            pods: Vec::new(),
            events: Vec::new(),
            from: Vec::new(),
            subject: Vec::new(),
            fallback: false,
            timeout: DEFAULT_TIMEOUT,
            retries: DEFAULT_RETRIES,
            concurrency: None,
        }
    }

    /// Says in a sentence what the handler does, for the log at start.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Serves this inbox only: its id, its address, or `$name` for a name that the configuration binds to one of these.
    ///
    /// Call it again for a further inbox.
    pub fn inbox(mut self, inbox: impl Into<String>) -> Self {
        self.inboxes.push(inbox.into());
        self
    }

    /// Serves only the inboxes with this external id, which is your own name for an inbox.
    ///
    /// Call it again for a further one.
    pub fn external_id(mut self, external_id: impl Into<String>) -> Self {
        self.external_ids.push(external_id.into());
        self
    }

    /// Serves only the inboxes of this pod, those that join it later among them.
    ///
    /// Call it again for a further pod.
    pub fn pod(mut self, pod_id: impl Into<String>) -> Self {
        self.pods.push(pod_id.into());
        self
    }

    /// Serves events of this kind instead of mail.
    ///
    /// Call it again for a further kind.
    pub fn event(mut self, kind: impl Into<EventKind>) -> Self {
        self.events.push(kind.into());
        self
    }

    /// Takes only mail from senders that fit a pattern: `example.com` is a domain, `*.example.com` what is beneath it,
    /// `ada@example.com` an address, `billing-*@example.com` some addresses.
    ///
    /// Call it again for a further pattern; one of them must fit. See [the patterns](crate::router#patterns).
    pub fn from(mut self, pattern: impl Into<String>) -> Self {
        self.from.push(pattern.into());
        self
    }

    /// Takes only mail whose whole subject fits a pattern, such as `*invoice*`, whatever `Re:` or `Fwd:` is in front of it.
    ///
    /// Call it again for a further pattern; one of them must fit. See [the patterns](crate::router#patterns).
    pub fn subject(mut self, pattern: impl Into<String>) -> Self {
        self.subject.push(pattern.into());
        self
    }

    /// Takes only what no other handler takes.
    pub fn fallback(mut self) -> Self {
        self.fallback = true;
        self
    }

    /// How long one try may take, [`DEFAULT_TIMEOUT`] if not said. A handler that takes longer has failed.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often a mail is tried again after the first failure, [`DEFAULT_RETRIES`] if not said; after that it is a dead
    /// letter. `0` means one try and no more. Until then, later mail of the same conversation waits.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How many mails the handler works on at once, over all inboxes. Not bounded by itself if not said.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.concurrency = Some(most);
        self
    }

    /// Puts a tower layer around the handler; the one put last is outermost.
    ///
    /// An error of the layer's own is a failure of the handler, so that the mail is tried again.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<BoxedHandler>,
        L::Service: Service<Context, Response = Outcome, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        self.service = handler::layered(self.service, &layer);
        self
    }

    /// The handler's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it serves an inbox by this name, which the configuration binds.
    pub(crate) fn uses_name(&self, name: &str) -> bool {
        let mut names = self.inboxes.iter().filter_map(|inbox| inbox.trim().strip_prefix('$'));
        names.any(|used| used.eq_ignore_ascii_case(name))
    }

    /// The inboxes, the external ids and the pods it names.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn named(&self) -> [&[String]; 3] {
        [&self.inboxes, &self.external_ids, &self.pods]
    }

    /// The kinds of events it takes.
    pub(super) fn kinds(&self) -> &[EventKind] {
        match self.events.as_slice() {
            [] => &[EventKind::MESSAGE_RECEIVED],
            kinds => kinds,
        }
    }

    pub(super) fn is_filtered(&self) -> bool {
        !self.from.is_empty() || !self.subject.is_empty()
    }
}

/// Patterns and addresses are shown by their number only.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("name", &self.name)
            .field("events", &self.kinds())
            .field("inboxes", &self.inboxes.len())
            .field("external_ids", &self.external_ids)
            .field("pods", &self.pods)
            .field("patterns", &(self.from.len() + self.subject.len()))
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}
