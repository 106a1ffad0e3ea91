use super::*;
use crate::api::ClientBuilder;
use crate::model::Secret;

fn client(set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = Client::builder(Secret::new("om_test")).base_url("http://127.0.0.1:9").unwrap();
    set(builder).build().unwrap()
}

#[test]
fn a_reservation_outlasts_every_attempt() {
    assert_eq!(reservation(&client(|builder| builder)), Duration::from_secs(600));
    let patient = client(|builder| builder.timeout(Duration::from_secs(3_600)));
    assert!(reservation(&patient) >= Duration::from_secs(3_600 + 100 + 300));
}
