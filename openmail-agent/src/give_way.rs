use std::future::poll_fn;
use std::task::Poll;

/// Lets what else is ready run first, on this thread or another.
///
/// Tokio's own way of yielding comes back when its thread has nothing else to do, which is never where a handler blocks it;
/// and what a task has woken last waits for its thread alone, so that a handler must not begin to block behind it.
pub(crate) async fn give_way() {
    let mut gave_way = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
