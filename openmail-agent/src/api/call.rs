use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use reqwest::multipart::Form;
use reqwest::{RequestBuilder, Response};
use serde::Serialize;

use super::error::{from_answer, from_decode, from_transport};
use super::{Client, Error, ErrorKind, Result, path};
use crate::wire::DecodeError;

/// The most that is read of an answer in JSON.
const ANSWER_CAP: usize = 32 * 1024 * 1024;

/// The most that is read of an answer that tells of an error.
const ERROR_CAP: usize = 64 * 1024;

/// One attempt at one call.
pub(super) struct Call {
    client: Client,
    request: RequestBuilder,
}

impl Client {
    pub(super) fn call(&self, method: Method, segments: &[&str]) -> Result<Call> {
        let inner = self.inner();
        let url = path::resource(&inner.base, segments)?;
        let request = inner.http.request(method, url).timeout(inner.timeout);
        let request = request.header(AUTHORIZATION, inner.authorization.clone());
        Ok(Call { client: self.clone(), request })
    }

    pub(super) fn get(&self, segments: &[&str]) -> Result<Call> {
        self.call(Method::GET, segments)
    }

    pub(super) fn post(&self, segments: &[&str]) -> Result<Call> {
        self.call(Method::POST, segments)
    }

    pub(super) fn patch(&self, segments: &[&str]) -> Result<Call> {
        self.call(Method::PATCH, segments)
    }

    pub(super) fn delete(&self, segments: &[&str]) -> Result<Call> {
        self.call(Method::DELETE, segments)
    }
}

impl Call {
    pub(super) fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|request| request.query(query))
    }

    pub(super) fn json<T: Serialize + ?Sized>(self, body: &T) -> Self {
        self.map(|request| request.json(body))
    }

    pub(super) fn multipart(self, form: Form) -> Self {
        self.map(|request| request.multipart(form))
    }

    pub(super) fn header(self, name: &'static str, value: &str) -> Self {
        self.map(|request| request.header(name, value))
    }

    pub(super) fn timeout(self, timeout: Duration) -> Self {
        self.map(|request| request.timeout(timeout))
    }

    /// Sends it and reads the answer with `decode`.
    pub(super) async fn answer<T>(self, decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>) -> Result<T> {
        self.turn().await;
        self.answer_now(decode).await
    }

    /// Waits until it may leave, and counts it.
    pub(super) async fn turn(&self) {
        self.client.inner().budget.spend().await;
    }

    /// As [`answer`](Self::answer), once its [turn](Self::turn) has come.
    pub(super) async fn answer_now<T>(
        self,
        decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T> {
        let (status, body) = self.bytes().await?;
        decode(&body).map_err(|error| from_decode(error, status))
    }

    /// Sends it; what a success says does not matter.
    pub(super) async fn done(self) -> Result<()> {
        self.turn().await;
        self.bytes().await.map(drop)
    }

    fn map(mut self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        self.request = change(self.request);
        self
    }

    async fn bytes(self) -> Result<(u16, Bytes)> {
        let response = self.client.inner().send(self.request).await?;
        let mut response = successful(response, self.client.inner().timeout).await?;
        let body = read_capped(&mut response, ANSWER_CAP).await?;
        Ok((response.status().as_u16(), body))
    }
}

/// The response when it is 2xx, the error it tells of otherwise.
pub(super) async fn successful(mut response: Response, limit: Duration) -> Result<Response> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    // The status alone decides where the body is cut off, too long or too slow; but a refusal whose words were lost on the way may have
    // said that it is one for now.
    let body = match tokio::time::timeout(limit, read_prefix(&mut response, ERROR_CAP)).await {
        Ok(Err(error)) if matches!(status, 400 | 403..=428 | 430..=499) => {
            return Err(from_transport(error).with_status(status));
        }
        body => body.ok().and_then(Result::ok).unwrap_or_default(),
    };
    Err(from_answer(status, response.headers(), &body, Timestamp::now()))
}

async fn read_capped(response: &mut Response, cap: usize) -> Result<Bytes> {
    let mut body = BytesMut::new();
    let status = response.status().as_u16();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| from_transport(error).with_status(status))?
    {
        if body.len() + chunk.len() > cap {
            let message = format!("the answer exceeds {} MB", cap / (1024 * 1024));
            return Err(Error::local(ErrorKind::TooLarge, message).with_status(status));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn read_prefix(response: &mut Response, cap: usize) -> reqwest::Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(cap - body.len())]);
        if body.len() == cap {
            break;
        }
    }
    Ok(body.freeze())
}
