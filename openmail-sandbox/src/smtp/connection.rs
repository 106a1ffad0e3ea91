use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::{
    data::Data,
    session::{Envelope, Recipient, Session, Step},
};
use crate::{extraction, mime, model::Fault, shared::Shared, world::World};

/// How long a client may say nothing, in real time (RFC 5321, 4.5.3.2.7).
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Beyond what any command with its parameters takes.
const COMMAND_AT_MOST: u64 = 2048;
/// Lines of a mail are read in pieces of this size, however long they are.
const PIECE_AT_MOST: u64 = 16 * 1024;

/// Serves one client until it leaves, errs too often or falls silent.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let (reader, writer) = stream.into_split();
    let connection =
        Connection { shared: shared.clone(), reader: BufReader::new(reader), writer: BufWriter::new(writer) };
    tokio::select! {
        // A client that vanishes has said all it wanted to.
        ended = connection.run() => drop(ended),
        () = shared.stopped.cancelled() => {}
    }
}

struct Connection {
    shared: Arc<Shared>,
    reader: BufReader<OwnedReadHalf>,
    writer: BufWriter<OwnedWriteHalf>,
}

impl Connection {
    async fn run(mut self) -> io::Result<()> {
        let mut session = Session::new(self.shared.read(|world| world.settings.domain.clone()));
        self.say(&session.banner()).await?;
        loop {
            let Some(line) = self.command().await? else {
                return self.hang_up("500 5.5.2 line too long\r\n").await;
            };
            let shared = self.shared.clone();
            match session.obey(&line, |address| shared.change(|world| judge(world, address))) {
                Step::Say(reply) => self.say(&reply).await?,
                Step::Close(reply) => return self.hang_up(&reply).await,
                Step::ReadMail(reply, envelope) => {
                    self.say(&reply).await?;
                    let data = self.data().await?;
                    let verdict = self.receive(data, envelope).await;
                    self.say(&verdict).await?;
                }
            }
        }
    }

    /// The next line without its break; none if it is too long.
    async fn command(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = self.piece(COMMAND_AT_MOST).await?;
        if line.pop() != Some(b'\n') {
            return Ok(None);
        }
        line.pop_if(|last| *last == b'\r');
        Ok(Some(line))
    }

    async fn data(&mut self) -> io::Result<Data> {
        let mut data = Data::new();
        loop {
            let piece = self.piece(PIECE_AT_MOST).await?;
            if data.push(&piece) {
                return Ok(data);
            }
        }
    }

    async fn receive(&self, data: Data, envelope: Envelope) -> String {
        let Some(octets) = data.into_octets() else { return "552 5.3.4 a mail may have 25 MB\r\n".into() };
        let Some(mail) = mime::read(&octets, Some(&envelope.from)) else {
            return "554 5.6.0 this is no mail: it needs headers\r\n".into();
        };
        let mail = mail.deliver_to(envelope.to);
        extraction::extract_all(&mail.attachments).await;
        let delivered = self.shared.change(|world| world.receive(&mail));
        if delivered.is_empty() {
            // A sender that is kept out is not told so.
            return "250 2.0.0 accepted\r\n".into();
        }
        let ids: Vec<_> = delivered.iter().map(|one| one.message_id.as_str()).collect();
        format!("250 2.0.0 delivered as {}\r\n", ids.join(" "))
    }

    /// Up to the next line break, but no more than this.
    async fn piece(&mut self, at_most: u64) -> io::Result<Vec<u8>> {
        if self.reader.buffer().is_empty() {
            // Replies to pipelined commands leave together, once the client waits for them.
            self.writer.flush().await?;
        }
        let mut piece = Vec::new();
        let mut limited = (&mut self.reader).take(at_most);
        match timeout(PATIENCE, limited.read_until(b'\n', &mut piece)).await?? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(piece),
        }
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        self.writer.write_all(reply.as_bytes()).await
    }

    async fn hang_up(&mut self, reply: &str) -> io::Result<()> {
        self.say(reply).await?;
        self.writer.shutdown().await
    }
}

fn judge(world: &mut World, address: &str) -> Recipient {
    let ordered = world.faults.take(|fault| match fault {
        // Anything else would be no refusal, and confuse whoever asked.
        Fault::RefuseMail { status: status @ 400..=599 } => Some(*status),
        _ => None,
    });
    match ordered {
        Some(status) => Recipient::Refused(status),
        None if world.inbox_by_address(address).is_some() => Recipient::Known,
        None => Recipient::Unknown,
    }
}
