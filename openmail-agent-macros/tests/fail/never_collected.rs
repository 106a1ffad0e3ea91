#![deny(dead_code)]

use openmail_agent::prelude::*;

#[mail_handler]
async fn support(_mail: Mail) {}

fn main() {
    let _: Vec<Route> = handlers![];
}
