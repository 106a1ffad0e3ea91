use openmail_agent::prelude::*;

#[mail_handler(event = "message.recieved")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
