//! Signals: the first stops cleanly, the second at once.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use crate::handler;

use super::supervise::LAST_WORDS;
use super::{RunningRuntime, RuntimeError, StartError};

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
    grace: Duration,
) -> handler::Result<()> {
    let mut watchman = Watchman::post(grace.saturating_add(LAST_WORDS).saturating_add(LINGER))?;
    let running = tokio::select! {
        started = starting => started?,
        () = watchman.signal() => {
            info!("told to stop before it had started");
            return Ok(());
        }
    };
    tokio::select! {
        result = running.ended() => {
            if running.has_dropped() {
                watchman.dismiss(None, code(&result));
            }
            return Ok(result?);
        }
        () = watchman.signal() => {}
    }
    info!("stopping: running handlers finish, the rest stays in the store; signal again to stop at once");
    running.shutdown();
    tokio::select! {
        result = running.ended() => {
            watchman.dismiss(running.has_dropped().then_some(LINGER), code(&result));
            return Ok(result?);
        }
        () = watchman.signal() => {}
    }
    info!("stopping at once: what was not finished is handled after the restart");
    running.kill().await;
    Ok(())
}

/// What the process ends with.
fn code(result: &Result<(), RuntimeError>) -> i32 {
    if result.is_ok() { 0 } else { 1 }
}

/// Hears signals, and ends the process where it does not end by itself, on a thread of its own.
///
/// A handler that blocks its thread may block the only one there is: then nobody else would hear. It cannot be dropped either, nor can
/// what a handler began on a blocking thread, and both keep tokio's runtime from being dropped, and so `main` from its end. Nothing is
/// lost: what is owed is in the store.
///
/// It goes when it is dropped before a signal came: the program may run another.
struct Watchman {
    heard: mpsc::Receiver<()>,
    dismissed: oneshot::Sender<Leave>,
}

/// How the process is to end: after so long, if at all by itself, and with this code.
#[derive(Debug, Clone, Copy)]
struct Leave {
    after: Option<Duration>,
    code: i32,
}

impl Watchman {
    /// The process ends on the second signal, and so long after the first, unless the watchman is dismissed before.
    fn post(patience: Duration) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _entered = runtime.enter();
            Signals::listen()?
        };
        let (hear, heard) = mpsc::channel(2);
        let (dismissed, mut dismissal) = oneshot::channel();
        let watch = async move {
            let first = tokio::select! {
                () = signals.next() => None,
                leave = &mut dismissal => Some(leave),
            };
            let leave = match first {
                Some(leave) => leave,
                None => {
                    let _ = hear.try_send(());
                    tokio::select! {
                        () = signals.next() => {
                            let _ = hear.try_send(());
                            Ok(Leave { after: Some(AT_ONCE), code: 0 })
                        }
                        leave = dismissal => leave,
                        () = tokio::time::sleep(patience) => Ok(Leave { after: Some(Duration::ZERO), code: 0 }),
                    }
                }
            };
            let Ok(Leave { after, code }) = leave else { return };
            let lingered = async {
                match after {
                    Some(after) => tokio::time::sleep(after).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = signals.next() => {}
                () = lingered => {}
            }
            warn!(
                "ending the process although something in it runs on: a handler that blocks its thread, or work that it began on another"
            );
            std::process::exit(code);
        };
        std::thread::Builder::new().name("openmail-signals".into()).spawn(move || runtime.block_on(watch))?;
        Ok(Self { heard, dismissed })
    }

    /// Waits for the next signal.
    async fn signal(&mut self) {
        // It watches for as long as the process lives.
        let _ = self.heard.recv().await;
    }

    /// All has come to its end: the process ends so much later, if at all, or on one more signal.
    fn dismiss(self, after: Option<Duration>, code: i32) {
        let _ = self.dismissed.send(Leave { after, code });
    }
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
