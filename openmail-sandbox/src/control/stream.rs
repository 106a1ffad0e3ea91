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
    Sse::new(stream::unfold((shared, changes), next)).keep_alive(KeepAlive::default())
}

type Watching = (Arc<Shared>, watch::Receiver<()>);

async fn next((shared, mut changes): Watching) -> Option<(Result<Event, Infallible>, Watching)> {
    tokio::select! {
        () = shared.stopped.cancelled() => return None,
        changed = changes.changed() => changed.ok()?,
    }
    tokio::time::sleep(TOGETHER).await;
    changes.mark_unchanged();
    let overview = shared.read(overview::of);
    Some((Ok(Event::default().data(overview.to_string())), (shared, changes)))
}
