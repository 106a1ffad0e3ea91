use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::lenient::{Number, Object, Text, read};

/// What an error answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FailureRow {
    /// The code to decide by, such as `recipient_suppressed`.
    pub code: Option<String>,
    /// The service's words.
    pub message: Option<String>,
    /// For a suppressed recipient: `bounce`, `complaint` or `unsub`.
    pub cause: Option<String>,
    /// For a limit: `inbox`, `domain` or `customer`.
    pub scope: Option<String>,
    /// For a limit: how many it allows.
    pub limit: Option<u64>,
    /// For a limit: when it ends.
    pub resets_at: Option<Timestamp>,
}

/// Reads an error answer; `None` when it is no JSON object, which is then not the service's own.
#[must_use]
pub(crate) fn failure(body: &[u8]) -> Option<FailureRow> {
    read(body, |body| {
        let Object(row) = serde_json::from_slice::<Object<Row<'_>>>(body)?;
        Ok(row.map(|row| {
            // One level of nesting is read and no more, so that nobody chooses how deep this goes.
            let inner = row.error.and_then(|raw| serde_json::from_str::<Object<Row<'_>>>(raw.get()).ok()?.0);
            let outer = row.into_failure();
            inner.map(Row::into_failure).unwrap_or_default().or(outer)
        }))
    })
    .ok()
    .flatten()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    code: Text<'a>,
    #[serde(default, borrow)]
    message: Text<'a>,
    #[serde(default, borrow)]
    r#type: Text<'a>,
    #[serde(default, borrow)]
    scope: Text<'a>,
    #[serde(default)]
    limit: Number,
    #[serde(default, borrow)]
    resets_at: Text<'a>,
    #[serde(default, borrow, rename = "resets_at")]
    resets_at_snake: Text<'a>,
}

impl Row<'_> {
    fn into_failure(self) -> FailureRow {
        let error = self.error.and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok());
        let error = error.unwrap_or_default().id::<String>();
        let code: Option<String> = self.code.id();
        FailureRow {
            // Web frameworks put the status' name into `error`, and then the code is in `code`.
            code: [error.clone(), code].into_iter().flatten().find(|text| is_code(text)),
            message: self.message.id().or(error),
            cause: self.r#type.id(),
            scope: self.scope.id(),
            limit: self.limit.0,
            resets_at: self.resets_at.timestamp().or(self.resets_at_snake.timestamp()),
        }
    }
}

impl FailureRow {
    fn or(self, other: Self) -> Self {
        Self {
            code: self.code.or(other.code),
            message: self.message.or(other.message),
            cause: self.cause.or(other.cause),
            scope: self.scope.or(other.scope),
            limit: self.limit.or(other.limit),
            resets_at: self.resets_at.or(other.resets_at),
        }
    }
}

/// Codes are written `like_this`; "Too Many Requests" is none.
fn is_code(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
