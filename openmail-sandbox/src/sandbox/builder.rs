use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::Sandbox;
use crate::{
    model::Drift,
    world::{Cap, Settings},
};

/// Decides how a sandbox differs from the service's own defaults.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    pub(super) addr: SocketAddr,
    pub(super) smtp_addr: SocketAddr,
    pub(super) settings: Settings,
}

impl Builder {
    pub(super) fn new() -> Self {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { addr, smtp_addr: addr, settings: Settings::default() }
    }

    /// Where to listen. Default: a free port of 127.0.0.1.
    pub fn addr(mut self, addr: SocketAddr) -> Self {
        self.addr = addr;
        self
    }

    /// Where to take mail over SMTP. Default: a free port of 127.0.0.1.
    pub fn smtp_addr(mut self, addr: SocketAddr) -> Self {
        self.smtp_addr = addr;
        self
    }

    /// Hands what agents send to the SMTP server at this address (`smtp://host:port`, `smtps://user:password@host`),
    /// except to inboxes of the sandbox itself: it gets there anyway. What the server does not take now is tried again after 5 s, 30 s,
    /// 2, 10 and 60 minutes of sandbox time; what it never will take has failed, and addresses that it does not know are suppressed.
    /// Default: no relay.
    pub fn relay(mut self, url: impl Into<String>) -> Self {
        self.settings.relay = Some(url.into());
        self
    }

    /// The account-wide API key. Default: `om_sandbox`. Under that one, which every web page knows, agents reach the
    /// sandbox by an IP address, `localhost` or a name that no public DNS has; under another, by any name.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.settings.key = key.into();
        self
    }

    /// The domain of new inboxes. Default: `sandbox.openmail.test`.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.domain = domain.into().to_lowercase();
        self
    }

    /// The plan: on `free`, `replyTo` must be an inbox of the account, and fewer new people can be written to. Default: `pro`.
    pub fn plan(mut self, plan: impl Into<String>) -> Self {
        self.settings.plan = plan.into();
        self
    }

    /// Sends per inbox in a sliding minute. Default: 10.
    pub fn burst(mut self, sends: u32) -> Self {
        self.settings.burst = sends;
        self
    }

    /// Sends per inbox on a UTC day. Default: 200.
    pub fn daily(mut self, sends: u32) -> Self {
        self.settings.daily = sends;
        self
    }

    /// Sends of the whole account on a UTC day; none = no limit. Default: none, since the service does not say.
    pub fn account_daily(mut self, sends: impl Into<Option<u32>>) -> Self {
        self.settings.account_daily = sends.into();
        self
    }

    /// New recipients per inbox on a UTC day, in its first 30 days: people who never wrote to it and were never written to by it.
    /// An older inbox may write to as many as it may send. Default: 20.
    pub fn cold(mut self, recipients: u32) -> Self {
        self.settings.cold = recipients;
        self
    }

    /// New recipients of the sending domain on a UTC day; none = no cap. Default: none, as on the service's shared domain. A
    /// custom domain begins with 20.
    pub fn cold_domain(mut self, recipients: impl Into<Option<u32>>) -> Self {
        self.settings.cold_domain = recipients.into();
        self
    }

    /// New recipients of the whole account on a UTC day; none = no cap. Default: 150 and after 30 days 500; on the plan `free` 30
    /// and 100; on `enterprise` none.
    pub fn cold_account(mut self, recipients: impl Into<Option<u32>>) -> Self {
        self.settings.cold_account = Cap::Fixed(recipients.into());
        self
    }

    /// Inboxes made over REST on a UTC day. Default: 100.
    pub fn creations(mut self, inboxes: u32) -> Self {
        self.settings.creations = inboxes;
        self
    }

    /// API requests of the account in a sliding minute; none = no limit. Default: 1,000.
    pub fn account_requests(mut self, requests: impl Into<Option<u32>>) -> Self {
        self.settings.account_requests = requests.into();
        self
    }

    /// How often sockets are pinged, and how long a pong may take, in real time. Default: 30 s and 10 s.
    pub fn socket_ping(mut self, every: Duration, pong_within: Duration) -> Self {
        self.settings.ping_every = every;
        self.settings.pong_within = pong_within;
        self
    }

    /// How long a webhook may take to answer, in real time. Default: 15 s.
    pub fn webhook_timeout(mut self, timeout: Duration) -> Self {
        self.settings.webhook_timeout = timeout;
        self
    }

    /// Makes it a deployment that differs from the contract in this way.
    pub fn drift(mut self, drift: Drift) -> Self {
        self.settings.drifts.insert(drift);
        self
    }

    /// Starts the sandbox on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If an address cannot be bound, the relay's is none, or the client for webhooks cannot be set up.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        Sandbox::launch(self).await
    }
}

/// Why a sandbox could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be bound.
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The address of the relay is none.
    Relay(Box<dyn std::error::Error + Send + Sync>),
    /// The HTTP client for webhooks cannot be set up.
    WebhookClient(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { addr, .. } => {
                write!(f, "cannot listen on {addr}: choose another address, or port 0 for a free one")
            }
            Self::Relay(_) => {
                f.write_str("cannot use the relay: give an address such as smtp://127.0.0.1:25")
            }
            Self::WebhookClient(_) => f.write_str("cannot set up the client for webhooks"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } => Some(source),
            Self::Relay(source) | Self::WebhookClient(source) => Some(source.as_ref()),
        }
    }
}
