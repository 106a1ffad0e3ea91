//! Real mail out: what agents send, handed to an SMTP server.

use std::sync::Arc;

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor, address::Envelope, transport::smtp::Error,
};

use crate::{
    mime,
    model::{RelayOutcome, Sent},
    shared::Shared,
    world::World,
};

/// The way to the server.
pub(crate) type Transport = AsyncSmtpTransport<Tokio1Executor>;

pub(crate) fn transport(url: &str) -> Result<Transport, Error> {
    Ok(Transport::from_url(url)?.build())
}

/// Hands over what is sent, one mail after the other, and again what was not taken yet, until the sandbox stops.
pub(crate) async fn run(shared: Arc<Shared>, transport: Transport) {
    let mut changes = shared.changes();
    loop {
        changes.mark_unchanged();
        let (handover, due) = shared.change_quietly(World::take_handover);
        let step = async {
            match (handover, due) {
                (Some((handover, sent)), _) => {
                    let outcome = hand_over(&transport, &sent, &handover.recipients).await;
                    shared.change(|world| world.finish_handover(&handover, outcome));
                    true
                }
                (None, due) => {
                    let due = async {
                        match due {
                            Some(due) => shared.sleep_until(due).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        changed = changes.changed() => changed.is_ok(),
                        () = due => true,
                    }
                }
            }
        };
        tokio::select! {
            () = shared.stopped.cancelled() => return,
            alive = step => if !alive { return },
        }
    }
}

async fn hand_over(transport: &Transport, sent: &Sent, recipients: &[String]) -> RelayOutcome {
    let Some((envelope, text)) = envelope(sent, recipients).zip(mime::compose(sent)) else {
        return RelayOutcome::Refused { status: None };
    };
    match transport.send_raw(&envelope, &text).await {
        Ok(_) => RelayOutcome::Taken,
        Err(error) => {
            let status = error.status().map(u16::from);
            // What the server said can name addresses.
            tracing::warn!(message_id = sent.message_id, status, "the relay did not take a mail");
            if error.is_permanent() || error.is_client() {
                RelayOutcome::Refused { status }
            } else {
                RelayOutcome::Deferred { status }
            }
        }
    }
}

fn envelope(sent: &Sent, recipients: &[String]) -> Option<Envelope> {
    let from = sent.from.rsplit_once('<').map_or(sent.from.as_str(), |(_, rest)| rest.trim_end_matches('>'));
    let to: Result<Vec<Address>, _> = recipients.iter().map(|address| address.parse()).collect();
    Envelope::new(Some(from.parse().ok()?), to.ok()?).ok()
}
