//! Missing variables, missing state, duplicate or unreachable handlers, an unknown inbox, a bad key: all are reported together,
//! before the first mail, each with what to do.

use openmail_agent::handler::{Mail, Reply, State};
use openmail_agent::model::Secret;
use openmail_agent::router::Route;
use openmail_agent::runtime::{Runtime, RuntimeErrorKind, StoreLocation};
use openmail_agent::store::sqlite::SqliteStore;
use openmail_agent::transport::websocket::StopReason;
use openmail_sandbox::Scope;

use crate::bench::{Bench, elsewhere, soon};
use crate::process::Process;

struct KnowledgeBase;

fn handler(name: &str) -> Route {
    Route::new(name, async |_: Mail| {})
}

/// Starts what cannot start, and tells what was said about it.
async fn problems(bench: &Bench, runtime: Runtime) -> Vec<String> {
    let error = runtime.start().await.expect_err("it cannot start");
    let counts = bench.sandbox.counts();
    assert_eq!((counts.sockets_opened, counts.subscriptions, counts.sends_accepted), (0, 0, 0), "{counts:?}");
    for problem in error.problems() {
        assert!(error.to_string().contains(&format!("\n  - {problem}")), "{error}");
    }
    error.problems().to_vec()
}

fn assert_named(problems: &[String], expected: &[&str]) {
    for words in expected {
        let named = problems.iter().filter(|problem| problem.contains(words)).count();
        assert_eq!(named, 1, "{words:?} in {problems:#?}");
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_reported_together() {
    let bench = Bench::start().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = bench.config();
    config.api_key = Secret::new("om_revoked");
    config.webhook_addr = Some(taken.local_addr().unwrap());
    config.webhook_secrets = vec![Secret::new("whsec_1")];
    config.store = StoreLocation::Sqlite(bench.store_path().join("no/such/folder/agent.db"));
    let needy =
        Route::new("needy", async |_: Mail, _: State<std::sync::Arc<KnowledgeBase>>| {}).subject("*x*");
    let routes = [
        handler("twice"),
        handler("twice").inbox("inb_1"),
        needy,
        handler("misspelt").event("mesage.received"),
    ];
    let problems = problems(&bench, Runtime::new(config).handlers(routes)).await;
    let port = taken.local_addr().unwrap().to_string();
    assert_named(
        &problems,
        &["OPENMAIL_API_KEY", "`twice`", "KnowledgeBase", "mesage.received", &port, "no/such/folder"],
    );
}

#[tokio::test]
async fn inboxes_that_are_not_there_are_reported_together() {
    let bench = Bench::start().await;
    let routes = [
        handler("one").inbox("inb_nowhere"),
        handler("two").inbox("$unbound"),
        handler("three").pod("pod_nowhere"),
    ];
    let reported = problems(&bench, bench.runtime().handlers(routes)).await;
    assert!(reported.iter().any(|problem| problem.contains("inb_nowhere")), "{reported:#?}");
    assert!(reported.iter().any(|problem| problem.contains("OPENMAIL_INBOX_UNBOUND")), "{reported:#?}");

    let mut config = bench.config();
    config.inbox = Some("nobody@acme.example".to_owned());
    let reported = problems(&bench, Runtime::new(config).handlers([handler("agent")])).await;
    assert_named(&reported, &["nobody@acme.example"]);
}

#[tokio::test]
async fn a_handler_for_an_inbox_that_this_process_does_not_serve_is_told_why() {
    let bench = Bench::start().await;
    let other = bench.sandbox.create_inbox("other");
    let mut config = bench.config();
    config.inbox = Some(bench.inbox.id.to_string());
    let routes = [handler("agent"), handler("elsewhere").inbox(other.id.to_string())];
    let reported = problems(&bench, Runtime::new(config).handlers(routes)).await;
    assert_named(&reported, &["OPENMAIL_INBOX_ID"]);
    for words in [other.id.as_str(), bench.inbox.id.as_str(), "`elsewhere`"] {
        assert!(reported[0].contains(words), "{words} is missing in {reported:#?}");
    }
}

#[tokio::test]
async fn handlers_that_want_the_same_or_never_get_anything_are_reported() {
    let bench = Bench::start().await;
    let routes = [handler("first"), handler("second"), handler("late").fallback()];
    let reported = problems(&bench, bench.runtime().handlers(routes)).await;
    assert!(
        reported.iter().any(|problem| problem.contains("`first`") && problem.contains("`second`")),
        "{reported:#?}"
    );
    assert!(reported.iter().any(|problem| problem.contains("`late`")), "{reported:#?}");
    assert_eq!(problems(&bench, bench.runtime()).await.len(), 1, "no handlers at all");
}

#[tokio::test]
async fn a_store_that_another_process_has_open_is_reported() {
    let bench = Bench::start().await;
    let running = bench.run(async |_: Mail| {}).await;
    let error = bench.runtime().handlers([handler("agent")]).start().await.expect_err("it cannot start");
    assert_named(error.problems(), &["agent.db"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_store_that_was_used_with_another_service_is_reported_and_left_alone() {
    let bench = Bench::start().await;
    let running = bench.run(async |_: Mail| Reply::text("re")).await;
    running.stop().await.unwrap();
    let service = "SELECT value FROM bookmarks WHERE name = 'service'";
    assert_eq!(bench.rows(service, 1).await, ["this machine"]);
    let next = Bench::start().await;
    let mut config = next.config();
    config.store = StoreLocation::Sqlite(bench.store_path());
    let runtime = Runtime::new(config).handlers([handler("agent")]);
    runtime.start().await.expect("a sandbox has another port each time").stop().await.unwrap();

    let other = Bench::start().await;
    let elsewhere = elsewhere(&other.sandbox, bench.config());
    let reported = problems(&other, Runtime::new(elsewhere.clone()).handlers([handler("agent")])).await;
    assert_named(&reported, &["first used with the service on this machine"]);
    assert!(reported[0].contains(&format!("`{}`", elsewhere.base_url)), "{reported:?}");
    let reported = problems(&other, Runtime::new(elsewhere.clone())).await;
    assert_named(&reported, &["first used with the service on this machine", "handlers"]);
    let store = SqliteStore::open(bench.store_path()).await.unwrap();
    let handed_over = Runtime::new(elsewhere.clone()).store(std::sync::Arc::new(store));
    let reported = problems(&other, handed_over.handlers([handler("agent")])).await;
    assert_named(&reported, &["first used with the service on this machine"]);

    let advice = reported[0].split('`').find(|words| words.starts_with("DELETE")).unwrap();
    let file = rusqlite::Connection::open(bench.store_path()).unwrap();
    assert_eq!(file.execute(advice, ()).unwrap(), 1);
    let running = Runtime::new(elsewhere.clone()).handlers([handler("agent")]).start().await.unwrap();
    running.stop().await.unwrap();
    assert_eq!(bench.rows(service, 1).await, [elsewhere.base_url]);
}

#[tokio::test]
async fn a_start_that_fails_does_not_bind_the_store_to_its_service() {
    let bench = Bench::start().await;
    let mut config = bench.config();
    config.api_key = Secret::new("om_revoked");
    problems(&bench, Runtime::new(config).handlers([handler("agent")])).await;
    let config = elsewhere(&bench.sandbox, bench.config());
    let running = Runtime::new(config).handlers([handler("agent")]).start().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_says_all_that_is_wrong_with_its_environment_and_exits() {
    let ended = Process::with(&[
        ("OPENMAIL_BASE_URL", "api.openmail.sh"),
        ("OPENMAIL_ADDRESS", "support at acme"),
        ("OPENMAIL_WEBHOOK_ADDR", "everywhere:3000"),
        ("OPENMAIL_STORE", "mysql://localhost"),
        ("OPENMAIL_ALLOWED_SENDERS", "corp.example, not an address"),
    ])
    .ended()
    .await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    for variable in [
        "OPENMAIL_API_KEY is not set",
        "OPENMAIL_BASE_URL is not usable",
        "OPENMAIL_ADDRESS cannot be used",
        "OPENMAIL_WEBHOOK_ADDR cannot be used",
        "OPENMAIL_WEBHOOK_SECRET is not",
        "OPENMAIL_STORE cannot be used: use `sqlite:agent.db`, `postgres://user:password@host/database` or `memory`",
        "OPENMAIL_ALLOWED_SENDERS cannot be used: `not an address`",
    ] {
        assert!(ended.log.contains(variable), "{variable}:\n{}", ended.log);
    }
}

#[tokio::test]
async fn a_process_with_a_key_that_is_refused_says_so_and_exits() {
    let bench = Bench::start().await;
    let ended = Process::start(&bench, &[("OPENMAIL_API_KEY", "om_revoked_0815")]).ended().await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(ended.log.contains("does not accept OPENMAIL_API_KEY"), "{}", ended.log);
    assert!(!ended.log.contains("om_revoked_0815"), "{}", ended.log);
    assert_eq!(bench.sandbox.counts().sockets_opened, 0);
}

#[tokio::test]
async fn a_key_that_is_revoked_later_ends_the_runtime_which_tells_everyone_who_asks() {
    let bench = Bench::start().await;
    let key = bench.sandbox.create_key(Scope::Account);
    let mut config = bench.config();
    config.api_key = Secret::new(&key.token);
    let running = bench.start_ready(Runtime::new(config).handlers([handler("agent")])).await;
    assert!(bench.sandbox.revoke_key(&key.id));
    let refused = RuntimeErrorKind::SocketRefused(StopReason::KeyRefused);
    let (one, other) = tokio::join!(soon(running.ended()), soon(running.ended()));
    for verdict in [one, other, soon(running.ready()).await, running.stop().await] {
        assert_eq!(*verdict.unwrap_err().kind(), refused);
    }
}
