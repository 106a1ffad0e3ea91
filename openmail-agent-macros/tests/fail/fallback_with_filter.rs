use openmail_agent::prelude::*;

#[mail_handler(subject = "*invoice*", fallback)]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
