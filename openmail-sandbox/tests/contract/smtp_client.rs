use openmail_sandbox::Sandbox;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::client::PATIENCE;

/// A mail client that says exactly what it is told to.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn stream(&mut self) -> &mut BufReader<TcpStream> {
        &mut self.0
    }

    pub(crate) async fn greeted(sandbox: &Sandbox) -> Self {
        let mut client = Self::connected(sandbox).await;
        assert_eq!(client.say("EHLO test\r\n").await.0, 250);
        client
    }

    /// Has read the banner, and said nothing yet.
    pub(crate) async fn connected(sandbox: &Sandbox) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(sandbox.smtp_addr()).await.unwrap()));
        assert_eq!(client.reply().await.0, 220);
        client
    }

    pub(crate) async fn say(&mut self, text: &str) -> (u16, String) {
        self.write(text.as_bytes()).await;
        self.reply().await
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) {
        self.0.write_all(octets).await.unwrap();
    }

    pub(crate) async fn reply(&mut self) -> (u16, String) {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("a reply in time").unwrap();
            text += &line;
            if line.get(3..4) != Some("-") {
                return (line[..3].parse().unwrap(), text);
            }
        }
    }

    pub(crate) async fn mail(&mut self, from: &str, to: &[&str], text: &str) -> (u16, String) {
        assert_eq!(self.say(&format!("MAIL FROM:<{from}>\r\n")).await.0, 250);
        for address in to {
            assert_eq!(self.say(&format!("RCPT TO:<{address}>\r\n")).await.0, 250);
        }
        assert_eq!(self.say("DATA\r\n").await.0, 354);
        self.say(&format!("{}\r\n.\r\n", text.replace('\n', "\r\n"))).await
    }
}
