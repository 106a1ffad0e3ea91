use openmail_agent::prelude::*;

#[mail_handler(inbox = "inb_1")]
pub struct Support;

fn main() {}
