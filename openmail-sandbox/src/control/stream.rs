use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use tokio::sync::watch;

use super::overview;
use crate::shared::Shared;

/// Changes that come closer together than this are shown together.
const TOGETHER: Duration = Duration::from_millis(60);

/// The overview, now and after every change.
pub(crate) async fn open(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changes = shared.changes();
    changes.mark_changed();
    let first = Watching { shared, changes, wait: Duration::ZERO };
    Sse::new(stream::unfold(first, next)).keep_alive(KeepAlive::default())
}

struct Watching {
    shared: Arc<Shared>,
    changes: watch::Receiver<()>,
    /// Nobody who has just come waits for what may change next.
    wait: Duration,
}

async fn next(mut watching: Watching) -> Option<(Result<Event, Infallible>, Watching)> {
    tokio::select! {
        () = watching.shared.stopped.cancelled() => return None,
        changed = watching.changes.changed() => changed.ok()?,
    }
    tokio::time::sleep(watching.wait).await;
    watching.wait = TOGETHER;
    watching.changes.mark_unchanged();
    let overview = watching.shared.read(overview::of);
    Some((Ok(Event::default().data(overview.to_string())), watching))
}
