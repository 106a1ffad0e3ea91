use openmail_agent::prelude::*;

#[mail_handler]
async fn support(_mail: Mail, _number: u32, _attempt: Attempt) {}

fn main() {
    let _ = handlers![support];
}
