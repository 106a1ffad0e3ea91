use openmail_agent::prelude::*;

async fn support(_mail: Mail, _number: u32) {}

fn main() {
    let _ = Route::new("support", support);
}
