//! Signals: the first stops cleanly, the second at once.

use std::time::Duration;

use tracing::{info, warn};

use crate::handler;

use super::{RunningRuntime, StartError};

/// How long a program has to end by itself whose handlers did not.
const LINGER: Duration = Duration::from_secs(5);

/// The same where it was told to end at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Waits until the process is told to stop: by SIGTERM, or by Ctrl-C.
///
/// [`Runtime::run`](super::Runtime::run) and [`RunningRuntime::run_until_signal`] do this by themselves; for a program that has its own
/// way to stop. Signals are caught from then on: wait for one more while stopping, and end at once when it comes.
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
        result = running.ended() => {
            leave(running.has_dropped().then_some(LINGER), if result.is_ok() { 0 } else { 1 });
            return Ok(result?);
        }
        () = signals.next() => {}
    }
    info!("stopping at once: what was not finished is handled after the restart");
    running.kill().await;
    leave(Some(AT_ONCE), 0);
    Ok(())
}

/// Ends the process where it does not end by itself: on one more signal, and after so long.
///
/// A handler can be dropped, but not what it began on a blocking thread, nor one that blocks the thread it runs on: either keeps
/// tokio's runtime from being dropped, and so `main` from its end. Nothing is lost: what is owed is in the store.
fn leave(after: Option<Duration>, code: i32) {
    let wait = async move {
        let again = async {
            match Signals::listen() {
                Ok(mut signals) => signals.next().await,
                Err(_) => std::future::pending().await,
            }
        };
        let patience = async {
            match after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = again => {}
            () = patience => {}
        }
        warn!(
            "ending the process although something in it runs on: a handler that blocks its thread, or work that it began on another"
        );
        std::process::exit(code);
    };
    // A thread of its own, since the others may all be blocked. Where there can be none, whoever waits kills the process.
    let _ = std::thread::Builder::new().name("openmail-leave".into()).spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(wait);
        }
    });
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
