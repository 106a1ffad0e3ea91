//! The checks of a start: what can be wrong is found here, and all of it is reported.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::api::{self, Client, Retry};
use crate::backoff::Backoff;
use crate::model::{Chain, Inbox, KeyScope};
use crate::router::{Route, Router, RouterFacts, StartProblem};
use crate::store::Store;

use super::{Config, Runtime, StoreLocation};

pub(super) fn client(runtime: &Runtime, problems: &mut Vec<String>) -> Option<Client> {
    let client = Client::builder(runtime.config.api_key.clone()).base_url(&runtime.config.base_url).and_then(
        |builder| {
            let builder = match runtime.requests_per_minute {
                Some(most) => builder.requests_per_minute(most),
                None => builder,
            };
            match runtime.config.allow_plain_http {
                true => builder.allow_plain_http().build(),
                false => builder.build(),
            }
        },
    );
    client.map_err(|error| problems.push(error.to_string())).ok()
}

/// The pauses between the tries of a service that is not there yet.
const SERVICE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(4));

/// The longest a start waits because the service says so.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often the service is asked before it counts as not there.
const TRIES: u32 = 5;

/// The inboxes of the account as far as the key sees them, and the only one that is served, where one is asked for.
pub(super) struct Inboxes {
    pub(super) all: Vec<Inbox>,
    pub(super) only: Option<Inbox>,
}

impl Inboxes {
    /// The ones that are served.
    pub(super) fn served(&self) -> &[Inbox] {
        self.only.as_ref().map_or(&self.all, std::slice::from_ref)
    }
}

/// Lists the inboxes. A service that fails for a moment is asked again; one that refuses is not.
pub(super) async fn inboxes(
    client: &Client,
    wanted: Option<&str>,
    problems: &mut Vec<String>,
) -> Option<Inboxes> {
    let all = match answered(client, Client::all_inboxes).await {
        Ok(all) => all,
        Err(error) => {
            problems.push(unlisted(&error));
            return None;
        }
    };
    let Some(wanted) = wanted else {
        let only = match &all[..] {
            [one] if is_key_of(client, one).await => Some(one.clone()),
            _ => None,
        };
        return Some(Inboxes { all, only });
    };
    let is_it = |inbox: &&Inbox| {
        inbox.id.as_str() == wanted
            || inbox.address.as_ref().is_some_and(|address| address.as_str().eq_ignore_ascii_case(wanted))
    };
    let only = all.iter().find(is_it).cloned();
    if only.is_none() {
        problems.push(format!(
            "the key sees no inbox `{wanted}`: correct OPENMAIL_INBOX_ID or OPENMAIL_ADDRESS, or leave both unset to serve every inbox"
        ));
    }
    only.map(|only| Inboxes { all, only: Some(only) })
}

/// Whether the key is this inbox's alone: what the store may hold of others is then for whoever has their keys.
async fn is_key_of(client: &Client, inbox: &Inbox) -> bool {
    match answered(client, Client::me).await {
        Ok(me) => me.scope == KeyScope::Inbox(inbox.id.clone()),
        Err(error) => {
            warn!(error = %Chain(&error), "the service does not tell what the key is for: it is taken for one that sees every inbox");
            false
        }
    }
}

/// What the service answers; where it fails for a moment, it is asked again.
async fn answered<'c, T, Answer: Future<Output = api::Result<T>>>(
    client: &'c Client,
    ask: impl Fn(&'c Client) -> Answer,
) -> api::Result<T> {
    for failures in 0.. {
        let error = match ask(client).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let wait = match error.retry() {
            Retry::Now => SERVICE.ceiling(failures),
            Retry::After(wait) if wait <= LONGEST_WAIT => wait.max(SERVICE.ceiling(failures)),
            _ => return Err(error),
        };
        if failures + 1 >= TRIES {
            return Err(error);
        }
        warn!(error = %Chain(&error), "the service does not answer; trying again");
        tokio::time::sleep(wait).await;
    }
    unreachable!("the tries are counted")
}

fn unlisted(error: &crate::api::Error) -> String {
    use crate::api::ErrorKind;
    match error.kind() {
        ErrorKind::Unauthorized => {
            "the service does not accept OPENMAIL_API_KEY: create a new key in the OpenMail console"
                .to_owned()
        }
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Proxy => format!(
            "the inboxes cannot be listed where OPENMAIL_BASE_URL says, or else at the service's own address: {}",
            Chain(error)
        ),
        _ => format!("the inboxes cannot be listed: {}", Chain(error)),
    }
}

/// The names that are bound to an inbox and used by no handler.
fn unnamed<'a>(config: &'a Config, routes: &[Route]) -> Vec<&'a str> {
    let bound = config.bindings.keys().map(String::as_str);
    bound.filter(|name| !routes.iter().any(|route| route.uses_name(name))).collect()
}

/// The table of handlers. Where the inboxes are not known, what depends on them is not held against the handlers.
pub(super) fn router(
    runtime: &mut Runtime,
    inboxes: Option<&Inboxes>,
    problems: &mut Vec<String>,
) -> Option<Router> {
    let routes = std::mem::take(&mut runtime.routes);
    let all = inboxes.map_or(&[][..], |inboxes| &inboxes.all);
    let only = inboxes.and_then(|inboxes| inboxes.only.as_ref()).map(|only| &only.id);
    for name in unnamed(&runtime.config, &routes) {
        warn!(
            "an inbox is bound to the name `{name}` (OPENMAIL_INBOX_{}), and no handler says `inbox = \"${name}\"`; \
             to serve one inbox only, set OPENMAIL_INBOX_ID or OPENMAIL_ADDRESS",
            name.to_ascii_uppercase()
        );
    }
    let facts = RouterFacts::new(all, &runtime.config.bindings, &runtime.states).serving_only(only);
    let found = match Router::build(routes, &facts) {
        Ok(router) => return Some(router),
        Err(found) => found,
    };
    let is_known = |problem: &StartProblem| inboxes.is_some() || !problem.is_about_inboxes();
    problems.extend(found.iter().filter(|problem| is_known(problem)).map(ToString::to_string));
    None
}

pub(super) async fn store(
    given: Option<&Arc<dyn Store>>,
    location: &StoreLocation,
    problems: &mut Vec<String>,
) -> Option<Arc<dyn Store>> {
    if let Some(store) = given {
        return Some(Arc::clone(store));
    }
    match location {
        StoreLocation::Memory => Some(Arc::new(crate::store::memory::MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        StoreLocation::Sqlite(path) => match crate::store::sqlite::SqliteStore::open(path).await {
            Ok(store) => Some(Arc::new(store)),
            Err(error) => {
                let error = crate::handler::Error::from(error);
                problems.push(format!("the store `{}` cannot be opened: {error}", path.display()));
                None
            }
        },
        #[cfg(feature = "postgres")]
        StoreLocation::Postgres(url) => {
            match crate::store::postgres::PostgresStore::open(url.expose()).await {
                Ok(store) => Some(Arc::new(store)),
                Err(error) => {
                    let error = crate::handler::Error::from(error);
                    problems.push(format!("the store in Postgres cannot be opened: {error}"));
                    None
                }
            }
        }
        #[cfg(not(feature = "postgres"))]
        StoreLocation::Postgres(_) => {
            problems.push("a Postgres store needs the feature `postgres` of openmail-agent".to_owned());
            None
        }
        #[cfg(not(feature = "sqlite"))]
        StoreLocation::Sqlite(_) => {
            problems.push("a SQLite store needs the feature `sqlite` of openmail-agent".to_owned());
            None
        }
    }
}
