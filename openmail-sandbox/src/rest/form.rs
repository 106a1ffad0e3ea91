use axum::extract::{
    FromRequest, Multipart, Request,
    multipart::{Field, MultipartError},
};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, map::Entry};

use super::fields::{Fields, bad, essence};
use crate::{model::Attachment, world::Refusal};

/// What a mail may have in all.
const OCTETS_AT_MOST: usize = 25 * 1024 * 1024;

/// A send's body, in either of its forms.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) headers: HeaderMap,
    pub(crate) fields: Fields,
    pub(crate) attachments: Vec<Attachment>,
}

impl Form {
    pub(crate) async fn read(request: Request) -> Result<Self, Refusal> {
        let headers = request.headers().clone();
        if essence(&headers) == "multipart/form-data" {
            let multipart = Multipart::from_request(request, &()).await;
            let multipart = multipart.map_err(|error| Refusal::bad_request(error.body_text()))?;
            let (fields, attachments) = read_parts(multipart).await?;
            return Ok(Self { headers, fields, attachments });
        }
        let body = Bytes::from_request(request, &()).await;
        let body = body.map_err(|error| Refusal::new(413, "payload_too_large", error.body_text()))?;
        let fields = Fields::parse(&headers, &body)?;
        Ok(Self { headers, fields, attachments: Vec::new() })
    }
}

async fn read_parts(mut multipart: Multipart) -> Result<(Fields, Vec<Attachment>), Refusal> {
    let mut parts = Parts::default();
    while let Some(part) = multipart.next_field().await.map_err(malformed)? {
        parts.take(part).await?;
    }
    Ok((Fields::new(parts.fields), parts.attachments))
}

#[derive(Default)]
struct Parts {
    fields: Map<String, Value>,
    attachments: Vec<Attachment>,
    octets: usize,
}

impl Parts {
    async fn take(&mut self, part: Field<'_>) -> Result<(), Refusal> {
        let name = part.name().filter(|name| !name.is_empty()).map(str::to_owned);
        let name = name.ok_or_else(|| Refusal::bad_request("body has a part without a name"))?;
        let filename = part.file_name().map(str::to_owned);
        let content_type = part.content_type().unwrap_or("application/octet-stream").to_owned();
        let content = part.bytes().await.map_err(malformed)?;
        self.octets += content.len();
        if self.octets > OCTETS_AT_MOST {
            return Err(too_large());
        }
        match (name.as_str(), filename) {
            ("attachments", Some(filename)) => {
                let filename = if filename.is_empty() { "attachment".to_owned() } else { filename };
                self.attachments.push(Attachment::new(filename, content_type, content));
                Ok(())
            }
            ("attachments", None) => Err(bad("attachments", "must hold files")),
            // No type that the contract gives a field; under a name that it does not list it is counted and ignored.
            (_, Some(_)) => add(&mut self.fields, name, Value::Null),
            (_, None) => {
                let text = String::from_utf8(content.to_vec()).map_err(|_| bad(&name, "is not UTF-8"))?;
                add(&mut self.fields, name, Value::String(text))
            }
        }
    }
}

/// Gives a part the type its field has in JSON. `cc` is repeated, or one JSON array.
fn add(fields: &mut Map<String, Value>, name: String, value: Value) -> Result<(), Refusal> {
    let value = match (name.as_str(), value.as_str()) {
        ("includeQuote", Some("true")) => Value::Bool(true),
        ("includeQuote", Some("false")) => Value::Bool(false),
        ("cc", Some(array)) if array.trim_start().starts_with('[') => {
            serde_json::from_str(array).map_err(|_| bad("cc", "is not valid JSON"))?
        }
        ("cc", Some(_)) => {
            let mut addresses = match fields.remove("cc") {
                Some(Value::Array(addresses)) => addresses,
                _ => Vec::new(),
            };
            addresses.push(value);
            Value::Array(addresses)
        }
        _ => value,
    };
    match fields.entry(name) {
        Entry::Occupied(field) => Err(bad(field.key(), "was given twice")),
        Entry::Vacant(field) => {
            field.insert(value);
            Ok(())
        }
    }
}

fn malformed(error: MultipartError) -> Refusal {
    match error.status().as_u16() {
        413 => too_large(),
        _ => Refusal::bad_request(error.body_text()),
    }
}

fn too_large() -> Refusal {
    Refusal::new(413, "payload_too_large", "A mail may have 25 MB in all")
}
