use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::TryStreamExt as _;
use tokio_postgres::{Error, Row, RowStream};

use super::pool::Verb;
use super::trouble::Trouble;

/// How long to wait for what became of one statement: a little longer than the server takes at most before it says no.
const ANSWER: Duration = Duration::from_secs(35);

/// A connection that is in use. Unless it is handed back, nobody uses it again: it was left in the middle of something.
pub(super) struct Loan(Option<Object>);

impl Loan {
    pub(super) fn new(client: Object) -> Self {
        Self(Some(client))
    }

    /// Lets others have it.
    pub(super) fn hand_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}

impl Deref for Loan {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.0.as_ref().expect("it is there until it is handed back")
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut Object {
        self.0.as_mut().expect("it is there until it is handed back")
    }
}

/// A commit that is under way: unless it is known to be done, what it did is in doubt.
pub(super) struct Doubtful<'v, V: Verb>(Option<(&'v V, &'v V::Answer)>);

impl<'v, V: Verb> Doubtful<'v, V> {
    pub(super) fn new(verb: &'v V, answer: &'v V::Answer) -> Self {
        Self(Some((verb, answer)))
    }

    pub(super) fn committed(mut self) {
        self.0 = None;
    }
}

impl<V: Verb> Drop for Doubtful<'_, V> {
    fn drop(&mut self) {
        if let Some((verb, answer)) = self.0 {
            verb.doubt(answer);
        }
    }
}

/// What the database answers, unless it says nothing: a pooler, or a machine in between, may keep a connection whose server is
/// gone.
pub(super) async fn within<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Trouble::Silent),
    }
}

/// As [`within`], for all rows of an answer.
pub(super) async fn rows(
    stream: impl Future<Output = Result<RowStream, Error>>,
) -> Result<Vec<Row>, Trouble> {
    within(async { stream.await?.try_collect().await }).await
}
