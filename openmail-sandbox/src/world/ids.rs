use rand::Rng;

/// A new opaque id such as `msg_4c8d…`.
pub(crate) fn id(prefix: &str) -> String {
    format!("{prefix}_{}", hexadecimal::<8>())
}

/// A new webhook secret.
pub(crate) fn webhook_secret() -> String {
    format!("whsec_{}", hexadecimal::<24>())
}

/// A new API key.
pub(crate) fn token() -> String {
    format!("om_{}", hexadecimal::<24>())
}

pub(crate) fn hexadecimal<const BYTES: usize>() -> String {
    hex::encode(rand::rng().random::<[u8; BYTES]>())
}
