//! Signals: the first stops cleanly, the second at once.

use tracing::info;

use crate::handler;

use super::RunningRuntime;

/// Waits until the process is told to stop: by SIGTERM, or by Ctrl-C.
///
/// [`Runtime::run`](super::Runtime::run) does this by itself; for a program that runs a
/// [`RunningRuntime`] beside other things.
///
/// # Errors
///
/// When the signals cannot be listened to.
///
/// # Cancel safety
///
/// A signal that comes after the future was dropped is missed.
pub async fn stop_signal() -> std::io::Result<()> {
    Signals::listen()?.next().await;
    Ok(())
}

/// Runs until the process is told to stop, or the runtime ends by itself.
pub(super) async fn run_until_signalled(mut running: RunningRuntime) -> handler::Result<()> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        result = running.ended() => return Ok(result?),
        () = signals.next() => {}
    }
    info!("stopping: running handlers finish, the rest stays in the store; signal again to stop at once");
    running.shutdown();
    tokio::select! {
        result = running.ended() => return Ok(result?),
        () = signals.next() => {}
    }
    info!("stopping at once: what was not finished is handled after the restart");
    running.kill().await;
    Ok(())
}

/// SIGTERM and Ctrl-C, listened to from the start so that none is missed in between.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a way to be told to stop, the process runs on.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
