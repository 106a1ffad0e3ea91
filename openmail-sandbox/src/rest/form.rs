use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use super::fields::{Fields, essence};
use crate::{model::Attachment, world::Refusal};

/// What the attachments of one mail may have together.
const ATTACHED_AT_MOST: usize = 25 * 1024 * 1024;

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
    let mut fields = Map::new();
    let mut attachments = Vec::new();
    let mut attached = 0;
    let malformed = |error: axum::extract::multipart::MultipartError| match error.status().as_u16() {
        413 => too_large(),
        _ => Refusal::bad_request(error.body_text()),
    };
    while let Some(part) = multipart.next_field().await.map_err(malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name != "attachments" {
            let text = part.text().await.map_err(malformed)?;
            add(&mut fields, name, text)?;
            continue;
        }
        let filename = part.file_name().unwrap_or("attachment").to_owned();
        let content_type = part.content_type().unwrap_or("application/octet-stream").to_owned();
        let bytes = part.bytes().await.map_err(malformed)?;
        attached += bytes.len();
        if attached > ATTACHED_AT_MOST {
            return Err(too_large());
        }
        attachments.push(Attachment::new(filename, content_type, bytes));
    }
    Ok((Fields::new(fields), attachments))
}

/// Gives a part the type its field has in JSON. `cc` is repeated, or one JSON array.
fn add(fields: &mut Map<String, Value>, name: String, text: String) -> Result<(), Refusal> {
    let value = match (name.as_str(), text.as_str()) {
        ("includeQuote", "true") => Value::Bool(true),
        ("includeQuote", "false") => Value::Bool(false),
        ("cc", array) if array.starts_with('[') => {
            serde_json::from_str(array).map_err(|_| Refusal::bad_request("body/cc is not valid JSON"))?
        }
        ("cc", _) => {
            let mut addresses = match fields.remove("cc") {
                Some(Value::Array(addresses)) => addresses,
                _ => Vec::new(),
            };
            addresses.push(Value::String(text));
            Value::Array(addresses)
        }
        _ => Value::String(text),
    };
    match fields.insert(name, value) {
        Some(_) => Err(Refusal::bad_request("a field was given twice")),
        None => Ok(()),
    }
}

fn too_large() -> Refusal {
    Refusal::new(413, "payload_too_large", "Attachments may have 25 MB in all")
}
