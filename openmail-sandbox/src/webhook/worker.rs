use std::sync::Arc;

use super::post;
use crate::{
    shared::Shared,
    world::{DueAttempt, World},
};

/// Makes the attempts that fall due, each in a task of its own, until the sandbox stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut changes = shared.changes();
    loop {
        changes.mark_unchanged();
        let (due, next) = shared.change_quietly(World::take_due_attempts);
        for attempt in due {
            shared.tasks.spawn(attempt_once(shared.clone(), attempt));
        }
        let next_due = async {
            match next {
                Some(next) => shared.sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.stopped.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
            () = next_due => {}
        }
    }
}

async fn attempt_once(shared: Arc<Shared>, attempt: DueAttempt) {
    let outcome = tokio::select! {
        outcome = post(&shared, &attempt) => outcome,
        () = shared.stopped.cancelled() => return,
    };
    shared.change(|world| world.finish_attempt(attempt.id, attempt.url, outcome));
}
