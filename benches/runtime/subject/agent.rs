//! The runtime, with every promise kept.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use openmail_agent::handler::{Handler, Mail, Reply};
use openmail_agent::limit::Quotas;
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{Config, Runtime};
use openmail_agent::store::Store;
use tokio::sync::Notify;

use super::store;
use crate::sample;

/// Handles this many events, and says so when all are settled.
pub(super) async fn socket(url: &str, path: &str, count: usize) {
    let (handled, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counted, last) = (Arc::clone(&handled), Arc::clone(&all));
    let handler = move |_: Mail| {
        if counted.fetch_add(1, Ordering::Relaxed) + 1 == count {
            last.notify_one();
        }
        async {}
    };
    let store = store::open(path).await;
    let running = runtime(url, &store, handler).start().await.expect("it starts");
    all.notified().await;
    settled(&*store, count).await;
    super::done();
    assert_eq!(handled.load(Ordering::Relaxed), count, "each is handled once");
    drop(running);
}

/// Takes webhooks until it is killed.
pub(super) async fn webhooks(url: &str, path: &str) {
    let store = store::open(path).await;
    let mut config = config(url);
    config.webhook_secrets = vec![Secret::new(sample::SECRET)];
    config.webhook_addr = Some(([127, 0, 0, 1], 0).into());
    let route = Route::new("bench", async |_: Mail| {});
    let runtime = Runtime::new(config).store(Arc::clone(&store)).trust_events().handlers([route]);
    let running = runtime.start().await.expect("it starts");
    running.ready().await.expect("it goes on");
    println!("{}", running.webhook_addr().expect("it listens"));
    pending().await
}

/// Answers every mail until it is killed.
pub(super) async fn replies(url: &str, path: &str) {
    let store = store::open(path).await;
    let runtime = runtime(url, &store, async |_: Mail| Reply::text("Thank you."));
    let _running = runtime.quotas(Quotas::new(u32::MAX, u32::MAX)).start().await.expect("it starts");
    pending().await
}

/// Tells how many seconds pass until it has subscribed.
pub(super) async fn start(url: &str, path: &str) {
    let start = Instant::now();
    let store = store::open(path).await;
    let running = runtime(url, &store, async |_: Mail| {}).start().await.expect("it starts");
    running.ready().await.expect("it goes on");
    println!("{}", start.elapsed().as_secs_f64());
}

/// A runtime with one handler on every inbox, which reads no rows.
pub(super) fn runtime<H: Handler<A>, A>(url: &str, store: &Arc<dyn Store>, handler: H) -> Runtime {
    let route = Route::new("bench", handler);
    // The service's ceiling of requests a minute would be measured otherwise.
    let runtime = Runtime::new(config(url)).requests_per_minute(u32::MAX);
    runtime.store(Arc::clone(store)).trust_events().handlers([route])
}

fn config(url: &str) -> Config {
    let mut config = Config::new("om_bench");
    config.base_url = url.to_owned();
    config
}

async fn settled(store: &dyn Store, count: usize) {
    while store.census().await.expect("the store counts").done < count as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
