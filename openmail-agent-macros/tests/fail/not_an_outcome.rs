use openmail_agent::prelude::*;

#[mail_handler]
async fn support(_mail: Mail) -> u32 {
    7
}

fn main() {
    let _ = handlers![support];
}
