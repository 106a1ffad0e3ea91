//! Signals: the first stops cleanly, the second at once.

use tracing::info;

use crate::handler;

use super::{RunningRuntime, StartError};

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

/// Starts and runs until the process is told to stop, or the runtime ends by itself.
///
/// Signals are listened to before anything else: whoever stops a process that is still starting gets the same exit code.
pub(super) async fn run_until_signalled(
    starting: impl Future<Output = Result<RunningRuntime, StartError>>,
) -> handler::Result<()> {
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        started = starting => started?,
        () = signals.next() => {
            info!("told to stop before it had started");
            return Ok(());
        }
    };
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

/// SIGTERM and Ctrl-C; one that comes while the other is being dealt with is not missed.
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
