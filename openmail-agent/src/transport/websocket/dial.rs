use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig as Limits;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use tower::ServiceExt;

/// The largest event that is taken.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// How long a connection may take to open, all addresses together: less than the session gives the whole dial.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How connections are opened.
#[derive(Debug, Clone)]
pub(super) struct Dialler {
    pub(super) request: Request<()>,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    /// What stands between here and the service.
    pub(super) proxy: Option<Intercept>,
}

impl Dialler {
    pub(super) async fn dial(self) -> Result<Socket, Error> {
        let stream = self.connect().await?;
        let connector = self.tls.map_or(Connector::Plain, Connector::Rustls);
        let limits = Limits::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let request = self.request.into_client_request()?;
        let (socket, _) =
            client_async_tls_with_config(request, stream, Some(limits), Some(connector)).await?;
        Ok(socket)
    }

    /// Tries both families of addresses, each address for its share of the time: one that leads nowhere does not keep the next from being tried.
    async fn connect(&self) -> io::Result<TcpStream> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        let service = self.service()?;
        let stream = match &self.proxy {
            None => connector.oneshot(service).await.map_err(io::Error::other)?,
            Some(proxy) if proxy.uri().scheme_str() == Some("http") => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), connector);
                if let Some(credentials) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(credentials.clone());
                }
                tunnel.oneshot(service).await.map_err(io::Error::other)?
            }
            Some(_) => {
                return Err(io::Error::other(
                    "the proxy that the environment names is not spoken to in plain HTTP, and the socket knows no other: \
                     name one with `http://`, or except the service from it by NO_PROXY",
                ));
            }
        };
        Ok(stream.into_inner())
    }

    /// Where the service is, as a connection without TLS names it.
    fn service(&self) -> io::Result<Uri> {
        let uri = self.request.uri();
        let (host, is_secure) = (uri.host().unwrap_or_default(), self.tls.is_some());
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let service = Uri::builder().scheme("http").authority(format!("{host}:{port}")).path_and_query("/");
        service.build().map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::client::proxy::matcher::Matcher;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_async;

    use super::*;
    use crate::model::{Chain, Secret};
    use crate::transport::websocket::WebSocketConfig;

    /// Dials a service that is only known to this proxy.
    fn dialler(proxy: &str) -> Dialler {
        let mut config = WebSocketConfig::new("http://service.invalid:8025", Secret::new("om_key"));
        config.allow_plain_http = true;
        let proxy =
            Matcher::builder().all(proxy).build().intercept(&"http://service.invalid".parse().unwrap());
        Dialler { request: config.request().unwrap(), tls: None, proxy: Some(proxy.unwrap()) }
    }

    async fn head(stream: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_a_tunnel_and_sees_no_key() {
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = proxy.local_addr().unwrap();
        let dial = tokio::spawn(dialler(&format!("http://ada:secret@{addr}")).dial());
        let (mut stream, _) = proxy.accept().await.unwrap();
        let asked = head(&mut stream).await;
        assert!(asked.starts_with("CONNECT service.invalid:8025 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Proxy-Authorization: Basic YWRhOnNlY3JldA==\r\n"), "{asked}");
        assert!(!asked.contains("om_key"), "{asked}");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        // From here on the proxy hands on what it does not look at.
        accept_async(stream).await.unwrap();
        dial.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_told_of() {
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = proxy.local_addr().unwrap();
        let dial = tokio::spawn(dialler(&format!("http://{addr}")).dial());
        let (mut stream, _) = proxy.accept().await.unwrap();
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
        let error = dial.await.unwrap().unwrap_err();
        assert!(Chain(&error).to_string().contains("proxy authorization required"), "{}", Chain(&error));
    }

    #[tokio::test]
    async fn a_proxy_of_another_kind_is_not_passed_by() {
        let error = dialler("socks5://127.0.0.1:1").dial().await.unwrap_err();
        assert!(Chain(&error).to_string().contains("NO_PROXY"), "{}", Chain(&error));
    }
}
