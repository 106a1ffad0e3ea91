use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a server of webhooks did.
pub(crate) struct Served {
    pub(crate) a_second: f64,
    pub(crate) p99: Duration,
}

/// Posts all of it over so many connections, each waiting for its answer before it asks again.
pub(crate) async fn webhooks(addr: &str, requests: &[Bytes], connections: usize) -> Served {
    let share = requests.len().div_ceil(connections);
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(addr).await.expect("the server listens");
        stream.set_nodelay(true).expect("the socket takes options");
        streams.push(stream);
    }
    let start = Instant::now();
    let shares = streams.into_iter().zip(requests.chunks(share)).map(|(stream, share)| post(stream, share));
    let mut times: Vec<_> = join_all(shares).await.into_iter().flatten().collect();
    let a_second = times.len() as f64 / start.elapsed().as_secs_f64();
    times.sort_unstable();
    Served { a_second, p99: times[times.len() * 99 / 100] }
}

async fn post(mut stream: TcpStream, requests: &[Bytes]) -> Vec<Duration> {
    let mut times = Vec::with_capacity(requests.len());
    let mut answer = Vec::with_capacity(4096);
    for request in requests {
        let start = Instant::now();
        stream.write_all(request).await.expect("the request is taken");
        answer.clear();
        while !answer.ends_with(b"}") {
            let read = stream.read_buf(&mut answer).await.expect("an answer comes");
            assert!(read > 0, "the server hung up");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        times.push(start.elapsed());
    }
    times
}
