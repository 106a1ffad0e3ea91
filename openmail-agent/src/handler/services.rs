use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::api::{Client, Conversation};
use crate::clock::Clock;
use crate::limit::{LoopLimits, Loops, Quotas};
use crate::model::{Message, MessageId, ThreadId};
use crate::outbox::Outbox;
use crate::store::Store;

use super::Thread;

/// What the handlers of a runtime share.
pub(crate) struct Services {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Clock,
    pub(crate) quotas: Quotas,
    /// Who was answered how often of late.
    loops: Mutex<Loops>,
    /// Cancelled when the runtime is told to stop: handlers that listen finish early, those that wait do not start.
    pub(crate) stopping: CancellationToken,
    /// Which mail of a conversation the handler of another of its mails may see.
    visible: Box<dyn Fn(&Message) -> bool + Send + Sync>,
}

impl Services {
    /// With no reply counted, and nobody told to stop.
    pub(crate) fn new(
        client: Client,
        store: Arc<dyn Store>,
        clock: Clock,
        quotas: Quotas,
        loop_limits: LoopLimits,
        visible: impl Fn(&Message) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            client,
            outbox: Outbox::new(Arc::clone(&store)),
            store,
            clock,
            quotas,
            loops: Mutex::new(Loops::new(loop_limits)),
            stopping: CancellationToken::new(),
            visible: Box::new(visible),
        }
    }

    pub(super) fn loops(&self) -> MutexGuard<'_, Loops> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A conversation as the handler of one of its mails may see it.
    pub(crate) fn thread(&self, id: ThreadId, mut read: Conversation, at_hand: Option<&MessageId>) -> Thread {
        read.messages.retain(|message| Some(&message.id) == at_hand || (self.visible)(message));
        Thread::read(id, read)
    }
}
