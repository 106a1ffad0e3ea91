//! Headers of webhooks: only what was signed passes, however it is spelt.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use openmail_agent::model::Secret;
use openmail_agent::wire::signature::{sign, verify};

fuzz_target!(|input: (&[u8], &[u8], &[u8])| {
    let (timestamp, signature, body) = input;
    let secrets = [Secret::new("whsec_old"), Secret::new("whsec_new")];
    let now = Timestamp::from_second(1_771_927_500).expect("a moment in 2026");
    assert!(verify(&secrets, Some(timestamp), Some(signature), body, now).is_err(), "nobody signed this");
    let signed = sign(&secrets[1], now, body);
    let seconds = now.as_second().to_string();
    assert_eq!(verify(&secrets, Some(seconds.as_bytes()), Some(signed.as_bytes()), body, now), Ok(()));
});
