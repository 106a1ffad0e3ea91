use std::{
    sync::{Condvar, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// Reads that hang keep their place, so no more than this can.
const AT_ONCE: usize = 4;
const STACK: usize = 8 * 1024 * 1024;

static RUNNING: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// Runs `work` on a thread of its own, so that neither a panic nor an endless loop in it reaches the caller.
/// None if it did not come to its end in time, or found no place.
pub(super) fn guarded<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let place = Place::take(patience)?;
    let (done, result) = mpsc::sync_channel(1);
    let work = move || {
        let _place = place;
        // Nobody waits any more if it took too long.
        done.send(work()).ok();
    };
    let builder = thread::Builder::new().name("extraction".into()).stack_size(STACK);
    builder.spawn(work).ok()?;
    result.recv_timeout(patience).ok()
}

struct Place;

impl Place {
    fn take(patience: Duration) -> Option<Self> {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |running: &mut usize| *running >= AT_ONCE;
        let waited = FREED.wait_timeout_while(running, patience, full);
        let (mut running, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return None;
        }
        *running += 1;
        Some(Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        FREED.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::guarded;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_panic_and_a_hang_are_no_results_and_leave_room_for_others() {
        for _ in 0..6 {
            assert_eq!(guarded(PATIENCE, || panic!("as ordered by a test")), None::<()>);
        }
        let (release, hang) = mpsc::channel::<()>();
        assert_eq!(guarded(Duration::from_millis(1), move || hang.recv().ok()), None);
        assert_eq!(guarded(PATIENCE, || 7), Some(7));
        drop(release);
    }
}
