use jiff::Timestamp;

/// The millisecond that a moment lies in: for the time now, and for what is only ordered by time.
pub(crate) fn floor_ms(moment: Timestamp) -> i64 {
    moment.as_nanosecond().div_euclid(1_000_000).try_into().unwrap_or(i64::MAX)
}

/// The first millisecond not before a moment: for what must not happen too early.
pub(crate) fn ceil_ms(moment: Timestamp) -> i64 {
    -(-moment.as_nanosecond()).div_euclid(1_000_000) as i64
}

/// The moment of a millisecond.
pub(crate) fn from_ms(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
