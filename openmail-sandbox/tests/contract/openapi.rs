//! The service's own contract, where it lies beside the repository, and what it says of a request or an answer.

use std::{cell::RefCell, collections::BTreeSet, path::PathBuf};

use openmail_sandbox::Sandbox;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::client::{Answer, Rest};

/// Fields that are described, and rightly missing at times.
const OPTIONAL: [&str; 2] = ["webhookSecret", "bodyHtml"];

pub(crate) struct Contract(Value);

impl Contract {
    /// None, and loudly so, where the file is not there.
    pub(crate) fn load() -> Option<Self> {
        let named = std::env::var_os("OPENMAIL_CONTRACT").map(PathBuf::from);
        let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/openapi.json");
        let path = named.unwrap_or(beside);
        match std::fs::read(&path) {
            Ok(bytes) => Some(Self(serde_json::from_slice(&bytes).expect("the contract is JSON"))),
            Err(error) => {
                eprintln!(
                    "SKIPPED: the contract is not tested, because {} is not there ({error})",
                    path.display()
                );
                None
            }
        }
    }

    /// Every operation: its id, method, path and description.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, Method, &str, &Value)> {
        let paths = self.0["paths"].as_object().expect("paths").iter();
        paths.flat_map(|(path, methods)| {
            methods.as_object().expect("methods").iter().map(move |(method, operation)| {
                let method = method.to_uppercase().parse().expect("a method");
                (operation["operationId"].as_str().expect("an id"), method, path.as_str(), operation)
            })
        })
    }

    fn operation(&self, id: &str) -> (Method, &str, &Value) {
        let found = self.operations().find(|(one, ..)| *one == id);
        let (_, method, path, operation) = found.unwrap_or_else(|| panic!("{id} is not in the contract"));
        (method, path, operation)
    }

    pub(crate) fn request_schema<'a>(&'a self, operation: &'a Value) -> Option<&'a Value> {
        operation.pointer("/requestBody/content/application~1json/schema")
    }

    pub(crate) fn form_schema<'a>(&'a self, operation: &'a Value) -> Option<&'a Value> {
        operation.pointer("/requestBody/content/multipart~1form-data/schema")
    }

    /// Everything in a value that its schema does not allow, and everything described that is missing.
    pub(crate) fn breaches(&self, schema: &Value, value: &Value, complete: bool) -> Vec<String> {
        let mut found = Vec::new();
        self.check(schema, value, complete, "", &mut found);
        found
    }

    fn check(&self, schema: &Value, value: &Value, complete: bool, at: &str, found: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.trim_start_matches('#');
            return self.check(self.0.pointer(pointer).expect("a schema"), value, complete, at, found);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(part, value, complete, at, found);
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        let mut say = |what: &str| found.push(format!("{at}: {what}"));
        if !has_type(schema["type"].as_str(), value) {
            say(&format!("is no {}, but {value}", schema["type"]));
        }
        if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
            say("is none of the values allowed");
        }
        if let Some(text) = value.as_str() {
            let length = text.chars().count() as u64;
            if schema["minLength"].as_u64().is_some_and(|least| length < least)
                || schema["maxLength"].as_u64().is_some_and(|most| length > most)
            {
                say("has a length out of bounds");
            }
            if !has_format(schema["format"].as_str(), text) {
                say(&format!("is no {}", schema["format"]));
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(&schema["items"], item, complete, &format!("{at}/{index}"), found);
        }
        if let Some(fields) = value.as_object() {
            self.check_fields(schema, fields, complete, at, found);
        }
    }

    fn check_fields(
        &self,
        schema: &Value,
        fields: &serde_json::Map<String, Value>,
        complete: bool,
        at: &str,
        found: &mut Vec<String>,
    ) {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in required.filter(|name| !fields.contains_key(*name)) {
            found.push(format!("{at}/{name}: is missing"));
        }
        let Some(described) = schema["properties"].as_object() else { return };
        for (name, schema) in described {
            match fields.get(name) {
                Some(value) => self.check(schema, value, complete, &format!("{at}/{name}"), found),
                None if complete && !OPTIONAL.contains(&name.as_str()) => {
                    found.push(format!("{at}/{name}: is described and missing"));
                }
                None => {}
            }
        }
        if schema["additionalProperties"] == false {
            let unknown = fields.keys().filter(|name| !described.contains_key(*name));
            found.extend(unknown.map(|name| format!("{at}/{name}: is not described")));
        }
    }
}

fn has_type(kind: Option<&str>, value: &Value) -> bool {
    match kind {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some(other) => panic!("the contract has a type that is not looked at: {other}"),
        None => true,
    }
}

fn has_format(format: Option<&str>, text: &str) -> bool {
    match format {
        Some("email") => {
            text.split_once('@').is_some_and(|(_, domain)| domain.contains('.')) && !text.contains(' ')
        }
        Some("date-time") => text.parse::<jiff::Timestamp>().is_ok() && text.ends_with('Z'),
        Some("binary") | None => true,
        Some(other) => panic!("the contract has a format that is not looked at: {other}"),
    }
}

/// A client that holds every request and every answer to the contract.
pub(crate) struct Checked<'a> {
    contract: &'a Contract,
    rest: Rest,
    seen: &'a RefCell<BTreeSet<(String, u16)>>,
}

impl<'a> Checked<'a> {
    pub(crate) fn with_key(
        contract: &'a Contract,
        sandbox: &Sandbox,
        key: &str,
        seen: &'a RefCell<BTreeSet<(String, u16)>>,
    ) -> Self {
        Self { contract, rest: Rest::with_key(sandbox, key), seen }
    }

    /// Calls an operation with the parameters of its path, in their order, and a query where the last begins with `?`.
    pub(crate) async fn call(&self, id: &str, path: &[&str], body: Option<Value>, status: u16) -> Value {
        self.call_as(id, path, body, status, |request| request).await
    }

    pub(crate) async fn call_as(
        &self,
        id: &str,
        path: &[&str],
        body: Option<Value>,
        status: u16,
        furnish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Value {
        let (method, template, operation) = self.contract.operation(id);
        if let (Some(body), true) = (&body, status < 400) {
            let schema =
                self.contract.request_schema(operation).unwrap_or_else(|| panic!("{id} takes no body"));
            assert_eq!(
                self.contract.breaches(schema, body, false),
                Vec::<String>::new(),
                "the test's own {id}"
            );
        }
        let request = self.rest.request(method, &fill(template, path));
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = Answer::of(furnish(request).send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{id}: {}", answer.text);
        self.seen.borrow_mut().insert((id.to_owned(), status));
        let described = &operation["responses"][status.to_string()];
        assert!(
            described.is_object(),
            "{id} answers {status}, which the contract does not have: {}",
            answer.text
        );
        match described.pointer("/content/application~1json/schema") {
            Some(schema) => {
                let breaches = self.contract.breaches(schema, &answer.body, true);
                assert_eq!(breaches, Vec::<String>::new(), "{id} {status}: {}", answer.text);
            }
            None => assert_eq!(answer.text, "", "{id} {status}"),
        }
        answer.body
    }
}

fn fill(template: &str, path: &[&str]) -> String {
    let mut values = path.iter();
    let segments = template.split('/').map(|segment| match segment.starts_with('{') {
        true => *values.next().expect("a value for each parameter"),
        false => segment,
    });
    let filled = segments.collect::<Vec<_>>().join("/");
    filled + values.next().copied().unwrap_or_default()
}
