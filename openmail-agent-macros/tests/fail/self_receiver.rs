use openmail_agent::prelude::*;

struct Desk;

impl Desk {
    #[mail_handler]
    async fn support(&self, _mail: Mail) {}
}

fn main() {}
