use openmail_agent::prelude::*;

#[mail_handler]
async fn support(_mail: &Mail, _state: &State<u8>) {}

fn main() {
    let _ = handlers![support];
}
