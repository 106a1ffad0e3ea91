use openmail_agent::prelude::*;

#[mail_handler]
async fn support<T: Clone>(_mail: Mail, _state: State<T>) {}

fn main() {
    let _ = handlers![support];
}
