use std::{ops::ControlFlow, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::protocol;
use crate::{
    shared::Shared,
    world::{Caller, Frame, Opening},
};

/// How long a closing socket waits for the client's own close frame.
const CLOSING: Duration = Duration::from_secs(1);

/// Serves one socket until it ends, for whatever reason.
pub(crate) async fn run(shared: Arc<Shared>, socket: WebSocket, caller: Caller) {
    let opening = shared.change(|world| world.open_connection(caller));
    let id = opening.id;
    Connection::new(shared.clone(), socket, &opening).serve(opening).await;
    shared.change(|world| world.close_connection(id));
}

struct Connection {
    id: u64,
    shared: Arc<Shared>,
    socket: WebSocket,
    cut: CancellationToken,
    ping: Interval,
    pong_within: Duration,
    pong_due: Option<Instant>,
}

impl Connection {
    fn new(shared: Arc<Shared>, socket: WebSocket, opening: &Opening) -> Self {
        let (every, pong_within) =
            shared.read(|world| (world.settings.ping_every, world.settings.pong_within));
        let mut ping = interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { id: opening.id, shared, socket, cut: opening.cut.clone(), ping, pong_within, pong_due: None }
    }

    /// Returning drops the socket, which is how a connection is cut without a close frame.
    async fn serve(mut self, mut opening: Opening) {
        let mut changes = self.shared.changes();
        loop {
            changes.mark_unchanged();
            let frozen = self.shared.read(|world| world.faults.is_frozen());
            // Nobody misses a pong that could not be read.
            self.pong_due = self.pong_due.filter(|_| !frozen);
            let pong_due = self.pong_due.unwrap_or_else(Instant::now);
            let step = tokio::select! {
                biased;
                () = self.cut.cancelled() => ControlFlow::Break(()),
                () = self.shared.stopped.cancelled() => self.close(1001, "Server going away").await,
                // Before anything is read or written, so that a freeze holds from the moment it is ordered.
                _ = changes.changed() => ControlFlow::Continue(()),
                frame = opening.frames.recv(), if !frozen => match frame {
                    Some(frame) => self.write(frame).await,
                    None => ControlFlow::Break(()),
                },
                message = self.socket.recv(), if !frozen => match message {
                    Some(Ok(message)) => self.read(message).await,
                    _ => ControlFlow::Break(()),
                },
                () = sleep_until(pong_due), if self.pong_due.is_some() => ControlFlow::Break(()),
                _ = self.ping.tick(), if !frozen => self.ping().await,
            };
            if step.is_break() {
                return;
            }
        }
    }

    async fn write(&mut self, frame: Frame) -> ControlFlow<()> {
        match frame {
            Frame::Text(text) => self.send(Message::Text(text.into())).await,
            Frame::Event { at, transport, body } => {
                self.send(Message::Text(body.into())).await?;
                self.shared.change(|world| world.finish_frame(at, transport));
                ControlFlow::Continue(())
            }
            Frame::Binary(bytes) => self.send(Message::Binary(bytes)).await,
            Frame::Close { code, reason } => self.close(code, &reason).await,
        }
    }

    async fn read(&mut self, message: Message) -> ControlFlow<()> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => "binary messages are not understood".into(),
            Message::Pong(_) => {
                self.pong_due = None;
                return ControlFlow::Continue(());
            }
            Message::Ping(_) => return ControlFlow::Continue(()),
            Message::Close(_) => return self.drain().await,
        };
        let id = self.id;
        let within_budget = self.shared.change(|world| {
            world.log_message(id, &text);
            let within = world.count_client_message(id);
            if within {
                protocol::obey(world, id, &text);
            }
            within
        });
        if within_budget {
            ControlFlow::Continue(())
        } else {
            self.write(Frame::error("Rate limit exceeded")).await?;
            self.close(4029, "Too many messages").await
        }
    }

    async fn ping(&mut self) -> ControlFlow<()> {
        self.pong_due.get_or_insert(Instant::now() + self.pong_within);
        self.send(Message::Ping(bytes::Bytes::new())).await
    }

    /// Closes with a code, and reads on for a moment so that the client gets to see it.
    async fn close(&mut self, code: u16, reason: &str) -> ControlFlow<()> {
        let frame = CloseFrame { code, reason: reason.into() };
        self.send(Message::Close(Some(frame))).await?;
        self.drain().await
    }

    /// Reads what is left, which is also what sends the answer to a client's close frame.
    async fn drain(&mut self) -> ControlFlow<()> {
        let drained = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        // Whether the client goes on in time or not, the connection ends here.
        timeout(CLOSING, drained).await.ok();
        ControlFlow::Break(())
    }

    /// A client that reads nothing holds this up, but not the cut, and for no longer than a pong may take.
    async fn send(&mut self, message: Message) -> ControlFlow<()> {
        tokio::select! {
            biased;
            () = self.cut.cancelled() => ControlFlow::Break(()),
            sent = timeout(self.pong_within, self.socket.send(message)) => match sent {
                Ok(Ok(())) => ControlFlow::Continue(()),
                Ok(Err(_)) | Err(_) => ControlFlow::Break(()),
            },
        }
    }
}
