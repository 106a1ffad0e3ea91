//! Every key, in every form.

use openmail_agent::prelude::*;

/// Answers
/// everybody.
///
/// At length.
#[mail_handler(
    inbox = ["$support", "inb_1", "support@acme.openmail.sh"],
    event = "message.received",
    from = ["example.com", "*@example.org"],
    subject = "{*invoice*,[Bill] 3/4?}",
    timeout = "1h 30m",
    retries = 0,
    concurrency = 4,
)]
pub(crate) async fn one(_mail: Mail) -> Result<Option<Reply>> {
    Ok(None)
}

/// Takes the rest of a user's mail.
#[mail_handler(external_id = "user_1", fallback)]
pub(crate) async fn two() -> &'static str {
    "Hello"
}

/// Told of pods.
#[mail_handler(pod = "pod_1", event = ["pod.suspended", "pod.reactivated", "pod.renamed"])]
pub(crate) async fn three(_event: Option<Lifecycle>) {}

/// Has an unusual name.
#[mail_handler()]
pub(crate) async fn r#type(State(_words): State<Vec<String>>, mut _memory: Memory<u32>) -> String {
    String::new()
}

#[test]
fn handlers_are_collected_in_order_under_their_names() {
    let routes = handlers![one, two, three, r#type,];
    let names: Vec<_> = routes.iter().map(Route::name).collect();
    assert_eq!(names, ["one", "two", "three", "type"]);
}
