use openmail_agent::prelude::*;

#[mail_handler]
async fn support(_mail: impl FromContext) {}

fn main() {
    let _ = handlers![support];
}
