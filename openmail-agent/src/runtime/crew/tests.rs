use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::clock::Clock;
use crate::router::Route;
use crate::runtime::Rehearsal;
use crate::store::memory::MemoryStore;
use crate::store::{LeaseRequest, Store, WorkerId};
use crate::wire::event::decode;

/// The next that is told, by a thread that nothing else waits for.
fn next<T>(told: &Receiver<T>) -> Option<T> {
    told.recv_timeout(Duration::from_secs(10)).ok()
}

/// The only thread goes on from a handler that wakes another to one that blocks; what the other ends with wakes a third.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_is_woken_runs_before_the_handler_of_the_next_event_blocks() {
    let (tell, told) = channel();
    let (open, blocked) = channel::<()>();
    let (gate, begun, blocked) = (Arc::new(Notify::new()), AtomicUsize::new(0), Mutex::new(blocked));
    let (held, begun, blocked) = (Arc::clone(&gate), Arc::new(begun), Arc::new(blocked));
    let (bounded, opener, blocker) = (tell.clone(), tell.clone(), tell);
    let routes = vec![
        Route::new("bounded", move || {
            let (held, tell, is_first) =
                (Arc::clone(&held), bounded.clone(), begun.fetch_add(1, Ordering::SeqCst) == 0);
            async move {
                if is_first {
                    held.notified().await;
                }
                tell.send(if is_first { "first" } else { "second" }).unwrap();
            }
        })
        .event("test.bounded")
        .concurrency(1),
        Route::new("opener", move || {
            gate.notify_one();
            opener.send("opener").unwrap();
            async {}
        })
        .event("test.opens"),
        Route::new("blocker", move || {
            let _ = blocked.lock().unwrap().recv();
            blocker.send("blocker").unwrap();
            async {}
        })
        .event("test.blocks"),
    ];
    let store = Arc::new(MemoryStore::new());
    let rehearsal = Rehearsal::of(routes, store.clone(), Clock::system());
    for (number, kind) in ["test.bounded", "test.bounded", "test.opens", "test.blocks"].iter().enumerate() {
        let event = format!(r#"{{"event":"{kind}","event_id":"evt_{number}"}}"#);
        rehearsal.receive(&decode(event.as_bytes(), None).unwrap()).await.unwrap();
    }
    let request = LeaseRequest::new(WorkerId("tests".into()), 4, Timestamp::now());
    let crew = Arc::new(Crew::new(Arc::clone(rehearsal.bench())));
    crew.put(store.lease(request).await.unwrap().events);
    let tasks = [(); 3].map(|()| tokio::spawn(Arc::clone(&crew).work()));

    let before = [(); 3].map(|()| next(&told));
    drop(open);
    assert_eq!(before, [Some("opener"), Some("first"), Some("second")]);
    assert_eq!(next(&told), Some("blocker"));
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(crew.in_hand(), 0);
}
