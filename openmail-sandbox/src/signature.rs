//! Keyed hashes: of webhook bodies and of storage addresses.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The hex HMAC-SHA256 of `"{timestamp}.{body}"`, as `X-Signature` carries it.
pub(crate) fn sign(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut message = format!("{timestamp}.").into_bytes();
    message.extend_from_slice(body);
    keyed_hash(secret, &message)
}

/// Whether `signature` is that of `message`, in constant time.
pub(crate) fn is_signed(secret: &str, message: &[u8], signature: &str) -> bool {
    keyed_hash(secret, message).as_bytes().ct_eq(signature.as_bytes()).into()
}

pub(crate) fn keyed_hash(secret: &str, message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}
