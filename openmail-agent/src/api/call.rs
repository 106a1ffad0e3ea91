use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use reqwest::multipart::Form;
use reqwest::{RequestBuilder, Response};
use serde::Serialize;

use super::error::{from_answer, from_decode, from_transport};
use super::room::Room;
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

    /// As [`answer`](Self::answer), for answers that may be large and are kept: what one takes in memory beyond a little is taken of `room`,
    /// or of what is free.
    ///
    /// # Errors
    ///
    /// How many bytes there must be room for, where it is not free: ask again once it is.
    pub(super) async fn answer_in<T>(
        self,
        room: Room,
        decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<Result<(T, Room), usize>> {
        self.turn().await;
        let client = self.client.clone();
        let mut response = self.response().await?;
        let announced = announced(&response);
        let (mut room, mut needed) = (room, 0);
        let mut may_grow_to = |length: usize| {
            if room.holds(length) {
                return true;
            }
            // Where nothing says how large it will be, it is likely to be no more than twice as large as it is.
            needed = announced.unwrap_or((2 * length).min(ANSWER_CAP));
            room = Room::default();
            let more = client.inner().space.now(needed);
            more.map(|more| room = more).is_some()
        };
        let Some(body) = read_capped(&mut response, ANSWER_CAP, &mut may_grow_to).await? else {
            return Ok(Err(needed));
        };
        room.shrink_to(body.len());
        let read = decode(&body).map_err(|error| from_decode(error, response.status().as_u16()))?;
        Ok(Ok((read, room)))
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
        let mut response = self.response().await?;
        let body = read_capped(&mut response, ANSWER_CAP, |_| true).await?;
        Ok((response.status().as_u16(), body.unwrap_or_default()))
    }

    async fn response(self) -> Result<Response> {
        let response = self.client.inner().send(self.request).await?;
        successful(response, self.client.inner().timeout).await
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

/// How long the answer is, where it says so.
fn announced(response: &Response) -> Option<usize> {
    response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX))
}

/// Reads the answer as long as it may grow; `None` where it may not. One that says that it is too large is not begun with.
async fn read_capped(
    response: &mut Response,
    cap: usize,
    mut may_grow_to: impl FnMut(usize) -> bool,
) -> Result<Option<Bytes>> {
    let mut body = BytesMut::new();
    let status = response.status().as_u16();
    let too_large = || {
        let message = format!("the answer exceeds {} MB", cap / (1024 * 1024));
        Error::local(ErrorKind::TooLarge, message).with_status(status)
    };
    if announced(response).is_some_and(|length| length > cap) {
        return Err(too_large());
    }
    while let Some(chunk) =
        response.chunk().await.map_err(|error| from_transport(error).with_status(status))?
    {
        let length = body.len() + chunk.len();
        if length > cap {
            return Err(too_large());
        }
        if !may_grow_to(length) {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
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
