//! Where webhooks are taken.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::Config;

/// A bound socket for webhooks, if the settings ask for one; served once everything else is in place.
#[derive(Default)]
pub(super) struct Listener(Option<(TcpListener, SocketAddr)>);

impl Listener {
    /// Binds the address the settings name.
    pub(super) async fn bind(config: &Config, problems: &mut Vec<String>) -> Self {
        let Some(wanted) = config.webhook_addr else { return Self::default() };
        if cfg!(not(feature = "webhook")) {
            problems.push("taking webhooks needs the feature `webhook` of openmail-agent".to_owned());
            return Self::default();
        }
        if config.webhook_secrets.is_empty() {
            problems.push(
                "webhooks are to be taken, but there is no secret to verify them with: set OPENMAIL_WEBHOOK_SECRET"
                    .to_owned(),
            );
            return Self::default();
        }
        match TcpListener::bind(wanted).await.and_then(|socket| Ok((socket.local_addr()?, socket))) {
            Ok((addr, socket)) => Self(Some((socket, addr))),
            Err(error) => {
                problems.push(format!(
                    "webhooks cannot be taken on {wanted}: {error}; set OPENMAIL_WEBHOOK_ADDR to a free address"
                ));
                Self::default()
            }
        }
    }

    /// Where it listens, with the port that was picked.
    pub(super) fn addr(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(|(_, addr)| *addr)
    }

    #[cfg(feature = "webhook")]
    pub(super) fn into_socket(self) -> Option<TcpListener> {
        self.0.map(|(socket, _)| socket)
    }
}
