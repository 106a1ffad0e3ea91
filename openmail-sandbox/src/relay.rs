//! Real mail out: what agents send, handed to an SMTP server.

use std::sync::Arc;

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor, address::Envelope, transport::smtp::Error,
};

use crate::{mime, model::Sent, shared::Shared, world::World};

/// The way to the server.
pub(crate) type Transport = AsyncSmtpTransport<Tokio1Executor>;

pub(crate) fn transport(url: &str) -> Result<Transport, Error> {
    Ok(Transport::from_url(url)?.build())
}

/// Hands over what is sent, one after the other and each once, until the sandbox stops.
pub(crate) async fn run(shared: Arc<Shared>, transport: Transport) {
    let mut changes = shared.changes();
    loop {
        changes.mark_unchanged();
        let next = shared.change_quietly(World::next_to_relay);
        let step = async {
            match next {
                Some((at, sent, recipients)) => {
                    let taken = hand_over(&transport, &sent, &recipients).await;
                    shared.change(|world| world.finish_relay(at, taken));
                    true
                }
                None => changes.changed().await.is_ok(),
            }
        };
        tokio::select! {
            () = shared.stopped.cancelled() => return,
            alive = step => if !alive { return },
        }
    }
}

async fn hand_over(transport: &Transport, sent: &Sent, recipients: &[String]) -> bool {
    let Some((envelope, text)) = envelope(sent, recipients).zip(mime::compose(sent)) else { return false };
    match transport.send_raw(&envelope, &text).await {
        Ok(_) => true,
        Err(error) => {
            // What the server said can name addresses.
            let code = error.status().map(u16::from);
            tracing::warn!(message_id = sent.message_id, code, "the relay did not take a mail");
            false
        }
    }
}

fn envelope(sent: &Sent, recipients: &[String]) -> Option<Envelope> {
    let from = sent.from.rsplit_once('<').map_or(sent.from.as_str(), |(_, rest)| rest.trim_end_matches('>'));
    let to: Result<Vec<Address>, _> = recipients.iter().map(|address| address.parse()).collect();
    Envelope::new(Some(from.parse().ok()?), to.ok()?).ok()
}
