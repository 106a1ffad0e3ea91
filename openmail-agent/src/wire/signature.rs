//! The signature on a webhook: HMAC-SHA256 over `"{timestamp}.{raw body}"`, in hex.

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::model::Secret;

/// How far a timestamp may be from now, in either direction.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);

/// Checks that a body was signed with one of the secrets, not long ago.
///
/// `timestamp` and `signature` are the values of the headers `X-Timestamp` and `X-Signature`. The signature is hex in either
/// case, with or without `sha256=` in front. Every secret is tried, in constant time, whether or not one has matched.
///
/// ```
/// # use openmail_agent::model::Secret;
/// # use openmail_agent::wire::signature::{SignatureError, sign, verify};
/// let secrets = [Secret::new("whsec_new"), Secret::new("whsec_old")];
/// let now = "2026-02-24T10:05:00Z".parse()?;
/// let signature = sign(&secrets[1], now, b"{}");
/// let timestamp = now.as_second().to_string();
/// assert_eq!(verify(&secrets, Some(timestamp.as_bytes()), Some(signature.as_bytes()), b"{}", now), Ok(()));
/// assert_eq!(verify(&secrets, None, None, b"{}", now), Err(SignatureError::MissingTimestamp));
/// # Ok::<(), jiff::Error>(())
/// ```
///
/// # Errors
///
/// The first reason that was found to refuse it.
pub fn verify(
    secrets: &[Secret],
    timestamp: Option<&[u8]>,
    signature: Option<&[u8]>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    Claim::read(timestamp, signature, now)?.verify(secrets, body)
}

/// What the headers of a webhook claim: well-formed and recent, so that its body is worth reading.
#[derive(Debug)]
pub struct Claim<'a> {
    timestamp: &'a [u8],
    signature: [u8; 32],
}

impl<'a> Claim<'a> {
    /// Checks what can be checked without the body.
    ///
    /// # Errors
    ///
    /// Everything but a [`Mismatch`](SignatureError::Mismatch).
    pub fn read(
        timestamp: Option<&'a [u8]>,
        signature: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Self, SignatureError> {
        let timestamp = timestamp.ok_or(SignatureError::MissingTimestamp)?.trim_ascii();
        let signature = signature.ok_or(SignatureError::MissingSignature)?.trim_ascii();
        let signed_at = parse_timestamp(timestamp).ok_or(SignatureError::MalformedTimestamp)?;
        let signature = parse_signature(signature).ok_or(SignatureError::MalformedSignature)?;
        if now.as_second().abs_diff(signed_at) > WINDOW.as_secs() {
            return Err(SignatureError::Stale);
        }
        Ok(Self { timestamp, signature })
    }

    /// Checks that one of the secrets made the signature.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](SignatureError::Mismatch) when none did.
    pub fn verify(&self, secrets: &[Secret], body: &[u8]) -> Result<(), SignatureError> {
        let matched = secrets
            .iter()
            .map(|secret| mac(secret, self.timestamp, body).ct_eq(&self.signature))
            .fold(Choice::from(0), |matched, this| matched | this);
        if matched.into() { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

/// Signs a body as the service does: the value of `X-Signature` beside this `X-Timestamp`.
#[must_use]
pub fn sign(secret: &Secret, timestamp: Timestamp, body: &[u8]) -> String {
    hex::encode(mac(secret, timestamp.as_second().to_string().as_bytes(), body))
}

fn mac(secret: &Secret, timestamp: &[u8], body: &[u8]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("a key of any length is a key");
    mac.update(timestamp);
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

fn parse_timestamp(text: &[u8]) -> Option<i64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn parse_signature(text: &[u8]) -> Option<[u8; 32]> {
    let hex = text.strip_prefix(b"sha256=").unwrap_or(text);
    let mut claimed = [0; 32];
    hex::decode_to_slice(hex, &mut claimed).ok()?;
    Some(claimed)
}

/// Why a body is not taken for the service's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no `X-Timestamp`.
    MissingTimestamp,
    /// There is no `X-Signature`.
    MissingSignature,
    /// The timestamp is not a number of seconds.
    MalformedTimestamp,
    /// The signature is not 64 hex digits.
    MalformedSignature,
    /// The timestamp is more than [`WINDOW`] away: an old request played again, or a clock that is wrong.
    Stale,
    /// None of the secrets made this signature.
    Mismatch,
}

impl SignatureError {
    /// The reason as one word, for a program.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingTimestamp => "missing_timestamp",
            Self::MissingSignature => "missing_signature",
            Self::MalformedTimestamp => "malformed_timestamp",
            Self::MalformedSignature => "malformed_signature",
            Self::Stale => "stale_timestamp",
            Self::Mismatch => "signature_mismatch",
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingTimestamp => "the header X-Timestamp is missing",
            Self::MissingSignature => "the header X-Signature is missing",
            Self::MalformedTimestamp => "the header X-Timestamp is not a number of seconds since 1970",
            Self::MalformedSignature => "the header X-Signature is not 64 hex digits",
            Self::Stale => "the timestamp is more than 5 minutes away: check that the clock is right",
            Self::Mismatch => {
                "no secret made this signature: check that the webhook secret is the current one"
            }
        })
    }
}

impl std::error::Error for SignatureError {}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
    const BODY: &[u8] = br#"{"event":"message.received"}"#;

    fn now() -> Timestamp {
        "2026-02-24T10:05:00Z".parse().unwrap()
    }

    fn check(timestamp: &str, signature: &str) -> Result<(), SignatureError> {
        let secrets = [Secret::new("new"), Secret::new("old")];
        verify(&secrets, Some(timestamp.as_bytes()), Some(signature.as_bytes()), BODY, now())
    }

    fn signed(secret: &str, seconds_away: i64) -> (String, String) {
        let at = Timestamp::from_second(now().as_second() + seconds_away).unwrap();
        (at.as_second().to_string(), sign(&Secret::new(secret), at, BODY))
    }

    #[test]
    fn the_signature_is_the_documented_one() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(sign(&Secret::new("key"), at, b"{}"), KNOWN);
    }

    #[test]
    fn every_secret_counts_in_any_spelling_of_hex() {
        for secret in ["new", "old"] {
            let (timestamp, signature) = signed(secret, 0);
            assert_eq!(check(&timestamp, &signature), Ok(()));
            assert_eq!(check(&timestamp, &signature.to_uppercase()), Ok(()));
            assert_eq!(check(&timestamp, &format!(" sha256={signature} ")), Ok(()));
        }
    }

    #[test]
    fn the_clock_may_be_five_minutes_off_and_no_more() {
        for (away, expected) in [
            (300, Ok(())),
            (-300, Ok(())),
            (301, Err(SignatureError::Stale)),
            (-301, Err(SignatureError::Stale)),
        ] {
            let (timestamp, signature) = signed("new", away);
            assert_eq!(check(&timestamp, &signature), expected, "{away} s away");
        }
    }

    #[test]
    fn a_foreign_secret_another_body_or_another_time_is_a_mismatch() {
        let (timestamp, signature) = signed("foreign", 0);
        assert_eq!(check(&timestamp, &signature), Err(SignatureError::Mismatch));
        let (_, signature) = signed("new", 1);
        assert_eq!(check(&timestamp, &signature), Err(SignatureError::Mismatch));
        let signature = sign(&Secret::new("new"), now(), b"another body");
        assert_eq!(check(&timestamp, &signature), Err(SignatureError::Mismatch));
        let (timestamp, signature) = signed("new", 0);
        assert_eq!(
            verify(&[], Some(timestamp.as_bytes()), Some(signature.as_bytes()), BODY, now()),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let (timestamp, signature) = signed("new", 0);
        for bad in ["", "-5", "1e9", "1700000000.5", "99999999999999999999"] {
            assert_eq!(check(bad, &signature), Err(SignatureError::MalformedTimestamp), "{bad:?}");
        }
        let longer = format!("{signature}00");
        for bad in ["", "sha256=", "zz", &signature[..62], &longer, &signature.replace(char::is_numeric, "ä")]
        {
            assert_eq!(check(&timestamp, bad), Err(SignatureError::MalformedSignature), "{bad:?}");
        }
        let none = verify(&[], Some(b"1700000000"), None, BODY, now());
        assert_eq!(none, Err(SignatureError::MissingSignature));
    }

    #[test]
    fn a_time_from_the_end_of_the_world_is_stale() {
        let huge = i64::MAX.to_string();
        assert_eq!(check(&huge, &"0".repeat(64)), Err(SignatureError::Stale));
    }
}
