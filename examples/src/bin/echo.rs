//! The smallest whole agent: it answers every mail with what the mail says.

use openmail_agent::prelude::*;
use openmail_agent_examples::{init_tracing, set_up};

/// Gives the words back.
#[mail_handler]
async fn echo(mail: Mail) -> Reply {
    Reply::text(format!("You wrote:\n\n{}", mail.new_text()))
}

#[tokio::main]
async fn main() -> Result<()> {
    init_tracing();
    set_up("echo").await?.runtime.handlers(handlers![echo]).run().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use openmail_agent::model::Message;

    #[tokio::test]
    async fn the_words_come_back() {
        let mut message = Message::new("msg_1");
        message.text = Some("Hello?".into());
        assert_eq!(echo(Mail::new(message)).await, Reply::text("You wrote:\n\nHello?"));
    }
}
