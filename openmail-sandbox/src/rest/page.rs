use std::collections::HashMap;

use axum::{extract::Query, response::Response};
use serde_json::{Value, json};

use super::error;
use crate::world::{Refusal, World};

const DEFAULT: usize = 50;
const MOST: usize = 100;

/// The query parameters of a request.
pub(crate) type Params = Query<HashMap<String, String>>;

/// `limit` and `offset`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    limit: usize,
    offset: usize,
}

impl Page {
    pub(crate) fn of(params: &Params) -> Result<Self, Refusal> {
        let limit = number(params, "limit")?.unwrap_or(DEFAULT).clamp(1, MOST);
        Ok(Self { limit, offset: number(params, "offset")?.unwrap_or(0) })
    }

    /// This page of so many rows, under the name that this deployment gives lists.
    pub(crate) fn answer<T>(
        self,
        world: &World,
        resource: &str,
        total: usize,
        rows: impl IntoIterator<Item = T>,
        row: impl FnMut(T) -> Value,
    ) -> Response {
        let page: Vec<_> = rows.into_iter().skip(self.offset).take(self.limit).map(row).collect();
        let mut body = json!({"total": total});
        body[world.list_field(resource)] = json!(page);
        error::json(http::StatusCode::OK, &body)
    }
}

fn number(params: &Params, name: &str) -> Result<Option<usize>, Refusal> {
    let parsed = params.get(name).map(|text| text.parse::<usize>()).transpose();
    parsed.map_err(|_| Refusal::bad_request(format!("querystring/{name} must be a whole number, 0 or more")))
}
