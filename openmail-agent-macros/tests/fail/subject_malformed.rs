use openmail_agent::prelude::*;

#[mail_handler(subject = "{invoice,bill")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
