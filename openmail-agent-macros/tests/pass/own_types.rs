//! Own arguments, results and errors.

use openmail_agent::handler::{Context, FromContext, IntoOutcome, Outcome, Rejection};
use openmail_agent::prelude::*;

struct Sender(String);

impl FromContext for Sender {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        let mail = Mail::from_context(context).await?;
        mail.from().map(|from| Self(from.to_string())).ok_or_else(|| Rejection::absent("nobody sent it"))
    }
}

struct Greeting(String);

impl IntoOutcome for Greeting {
    fn into_outcome(self) -> Outcome {
        Outcome::reply(Reply::text(self.0))
    }
}

#[mail_handler]
async fn greet(
    sender: Result<Sender, Rejection>,
) -> Result<Greeting, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Greeting(format!("Hello {}", sender?.0)))
}

#[test]
fn arguments_and_results_may_be_ones_own() {
    assert_eq!(handlers![greet].len(), 1);
}
