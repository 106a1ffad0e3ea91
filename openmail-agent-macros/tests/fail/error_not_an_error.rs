use openmail_agent::prelude::*;

#[mail_handler]
async fn support(_mail: Mail) -> Result<Reply, u32> {
    Err(7)
}

fn main() {
    let _ = handlers![support];
}
