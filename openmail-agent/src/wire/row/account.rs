use serde::Deserialize;

use crate::model::{ApiKey, KeyScope, Me, NewApiKey, Page, Pod};
use crate::wire::lenient::{Flag, Object, Text, object, read};
use crate::wire::{DecodeError, DecodeErrorKind};

use super::list::Rows;

/// Reads whom a key belongs to.
///
/// # Errors
///
/// When it is no JSON object.
pub(crate) fn me(body: &[u8]) -> Result<Me, DecodeError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        #[serde(default, borrow)]
        customer_id: Text<'a>,
        #[serde(default, borrow)]
        plan: Text<'a>,
        #[serde(default, borrow)]
        api_key_scope: Option<&'a serde_json::value::RawValue>,
    }
    let row: Row<'_> = object(body)?;
    Ok(Me {
        customer_id: row.customer_id.id(),
        plan: row.plan.id(),
        scope: row.api_key_scope.map_or(KeyScope::Unknown, |raw| scope(raw.get())),
    })
}

/// `"account"`, or an object with the pod and the inbox, the narrower of which counts.
fn scope(json: &str) -> KeyScope {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        #[serde(default, borrow)]
        pod_id: Text<'a>,
        #[serde(default, borrow)]
        inbox_id: Text<'a>,
    }
    match serde_json::from_str::<Object<Row<'_>>>(json) {
        Ok(Object(Some(row))) => narrowest(row.pod_id, row.inbox_id),
        _ if json.trim_matches('"').eq_ignore_ascii_case("account") => KeyScope::Account,
        _ => KeyScope::Unknown,
    }
}

fn narrowest(pod_id: Text<'_>, inbox_id: Text<'_>) -> KeyScope {
    match (inbox_id.id(), pod_id.id()) {
        (Some(inbox), _) => KeyScope::Inbox(inbox),
        (None, Some(pod)) => KeyScope::Pod(pod),
        (None, None) => KeyScope::Account,
    }
}

/// Reads an API key that was just made, with its token.
///
/// # Errors
///
/// When it is no JSON object, or has no id or no token.
pub(crate) fn new_api_key(body: &[u8]) -> Result<NewApiKey, DecodeError> {
    let mut row: ApiKeyRow<'_> = object(body)?;
    let token = std::mem::take(&mut row.token).secret();
    let key = row.into_key().ok_or(DecodeErrorKind::Missing("id"))?;
    Ok(NewApiKey { key, token: token.ok_or(DecodeErrorKind::Missing("token"))? })
}

/// Reads a list of API keys. A row without an id is counted, not taken.
///
/// # Errors
///
/// When it is no list.
pub(crate) fn api_keys(body: &[u8]) -> Result<Page<ApiKey>, DecodeError> {
    read(body, |body| {
        let rows: Rows<ApiKeyRow<'_>> = serde_json::from_slice(body)?;
        Ok(rows.into_page(ApiKeyRow::into_key))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiKeyRow<'a> {
    #[serde(default, borrow)]
    id: Text<'a>,
    #[serde(default, borrow)]
    name: Text<'a>,
    #[serde(default, borrow)]
    pod_id: Text<'a>,
    #[serde(default, borrow)]
    inbox_id: Text<'a>,
    #[serde(default, borrow)]
    token: Text<'a>,
    #[serde(default, borrow)]
    token_prefix: Text<'a>,
    #[serde(default, borrow)]
    last4: Text<'a>,
    #[serde(default, borrow)]
    created_at: Text<'a>,
    #[serde(default, borrow)]
    last_used_at: Text<'a>,
}

impl ApiKeyRow<'_> {
    fn into_key(self) -> Option<ApiKey> {
        Some(ApiKey {
            id: self.id.id()?,
            name: self.name.id(),
            scope: narrowest(self.pod_id, self.inbox_id),
            token_prefix: self.token_prefix.id(),
            last4: self.last4.id(),
            created_at: self.created_at.timestamp(),
            last_used_at: self.last_used_at.timestamp(),
        })
    }
}

/// Reads a pod.
///
/// # Errors
///
/// When it is no JSON object or has no id.
pub(crate) fn pod(body: &[u8]) -> Result<Pod, DecodeError> {
    read(body, |body| {
        let row: PodRow<'_> = object(body)?;
        row.into_pod().ok_or_else(|| DecodeErrorKind::Missing("id").into())
    })
}

/// Reads a list of pods. A row without an id is counted, not taken.
///
/// # Errors
///
/// When it is no list.
pub(crate) fn pods(body: &[u8]) -> Result<Page<Pod>, DecodeError> {
    read(body, |body| {
        let rows: Rows<PodRow<'_>> = serde_json::from_slice(body)?;
        Ok(rows.into_page(PodRow::into_pod))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodRow<'a> {
    #[serde(default, borrow)]
    id: Text<'a>,
    #[serde(default, borrow)]
    client_id: Text<'a>,
    #[serde(default, borrow)]
    name: Text<'a>,
    #[serde(default)]
    is_default: Flag,
    #[serde(default, borrow)]
    created_at: Text<'a>,
}

impl PodRow<'_> {
    fn into_pod(self) -> Option<Pod> {
        Some(Pod {
            id: self.id.id()?,
            client_id: self.client_id.id(),
            name: self.name.id(),
            is_default: self.is_default.0.unwrap_or(false),
            created_at: self.created_at.timestamp(),
        })
    }
}
