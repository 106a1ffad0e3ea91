use std::{sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::connection;
use crate::shared::Shared;

/// Clients beyond these wait until one leaves.
const CLIENTS_AT_MOST: usize = 100;
/// How long to wait when the system has no more sockets to give.
const BREATH: Duration = Duration::from_millis(100);

/// Accepts mail clients until the sandbox stops.
pub(crate) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CLIENTS_AT_MOST));
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.ok();
            (place, accept(&listener).await)
        };
        tokio::select! {
            () = shared.stopped.cancelled() => return,
            (place, stream) = accepted => {
                let client = connection::serve(shared.clone(), stream);
                shared.tasks.spawn(async move {
                    client.await;
                    drop(place);
                });
            }
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a mail client");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}
