use std::ops::RangeInclusive;

use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use crate::world::{Refusal, is_email};

/// A request body, whose fields are taken out one by one, each checked as the contract has it.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn new(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    pub(crate) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        if essence(headers) != "application/json" {
            return Err(Refusal::bad_request("Content-Type must be application/json"));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refusal::bad_request("body must be an object")),
            Err(_) => Err(Refusal::bad_request("body is not valid JSON")),
        }
    }

    /// A string within these lengths, in characters. Null is not a string.
    pub(crate) fn text(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<String>, Refusal> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if length.contains(&text.chars().count()) => Ok(Some(text)),
            Some(Value::String(_)) => Err(bad(name, "has a length out of bounds")),
            Some(_) => Err(bad(name, "must be a string")),
        }
    }

    /// The same, with null allowed: `Some(None)`.
    pub(crate) fn nullable_text(
        &mut self,
        name: &str,
        max: usize,
    ) -> Result<Option<Option<String>>, Refusal> {
        match self.0.get(name) {
            Some(Value::Null) => {
                self.0.remove(name);
                Ok(Some(None))
            }
            _ => self.text(name, 0..=max).map(|text| text.map(Some)),
        }
    }

    pub(crate) fn required_text(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<String, Refusal> {
        self.text(name, length)?.ok_or_else(|| bad(name, "is required"))
    }

    pub(crate) fn email(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.text(name, 0..=usize::MAX)? {
            Some(address) if !is_email(&address) => Err(bad(name, "must be an email address")),
            address => Ok(address),
        }
    }

    pub(crate) fn emails(&mut self, name: &str) -> Result<Vec<String>, Refusal> {
        let Some(value) = self.0.remove(name) else { return Ok(Vec::new()) };
        let Value::Array(values) = value else { return Err(bad(name, "must be an array")) };
        let addresses = values.into_iter().map(|value| match value {
            Value::String(address) if is_email(&address) => Ok(address),
            _ => Err(bad(name, "must hold email addresses")),
        });
        addresses.collect()
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(bad(name, "must be a boolean")),
        }
    }

    /// For bodies with `additionalProperties: false`.
    pub(crate) fn refuse_unknown(self) -> Result<(), Refusal> {
        match self.0.keys().next() {
            Some(name) => Err(bad(name, "is not a known field")),
            None => Ok(()),
        }
    }

    /// For bodies whose other fields are ignored: how many there are.
    pub(crate) fn unknown(self) -> u64 {
        self.0.len() as u64
    }
}

/// The media type of a request, without its parameters.
pub(super) fn essence(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What is wrong with a field, as the service words it.
pub(crate) fn bad(name: &str, what: &str) -> Refusal {
    Refusal::bad_request(format!("body/{name} {what}"))
}
