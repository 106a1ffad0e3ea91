use std::time::Duration;

use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::store::Bookmark;

use super::{Intake, Readiness};

/// How long until it is looked again whether a store that failed takes events.
const PROBE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
/// What is written to see whether anything can be.
const PROBED: &str = "probe";

/// Has readiness say whether events can be recorded, for as long as it is polled.
///
/// From the first event that could not be recorded on, the store is tried with a bookmark of no meaning: nobody sends events to
/// a process that is not ready, so none would show that the trouble has passed.
///
/// # Cancel safety
///
/// Dropping the future loses nothing.
pub(crate) async fn report_recording(intake: &Intake, readiness: &Readiness) {
    let mut records = intake.records();
    // The sender lives in the intake, so waiting cannot fail.
    while records.wait_for(|records| !records).await.is_ok() {
        warn!("the store does not take events: not ready until it does");
        readiness.set_records(false);
        for failures in 0.. {
            tokio::time::sleep(PROBE.with_half_jitter(failures)).await;
            let now = intake.clock().now().to_string();
            if intake.take(Vec::new(), Some(Bookmark::new(PROBED, now))).await.is_ok() {
                break;
            }
        }
        info!("the store takes events again");
        readiness.set_records(true);
    }
}
