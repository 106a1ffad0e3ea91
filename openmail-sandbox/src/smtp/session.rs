use super::{
    command::{Command, Malformed},
    data::OCTETS_AT_MOST,
};

const RECIPIENTS_AT_MOST: usize = 100;
const COMMANDS_AT_MOST: u32 = 10_000;
const MISTAKES_AT_MOST: u32 = 20;

/// Whom a mail is from and for, whatever its headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// Empty for bounces.
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
}

/// What an address is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recipient {
    Known,
    Unknown,
    /// By an ordered fault, with this status.
    Refused(u16),
}

/// What follows a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Say(String),
    /// Say it, then read the mail for this envelope.
    ReadMail(String, Envelope),
    /// Say it and hang up.
    Close(String),
}

/// One client's dialogue: commands in, replies out, without any I/O.
#[derive(Debug)]
pub(crate) struct Session {
    host: String,
    greeted: bool,
    envelope: Option<Envelope>,
    commands: u32,
    mistakes: u32,
}

impl Session {
    pub(crate) fn new(host: impl Into<String>) -> Self {
        Self { host: host.into(), greeted: false, envelope: None, commands: 0, mistakes: 0 }
    }

    pub(crate) fn banner(&self) -> String {
        format!("220 {} ESMTP OpenMail sandbox\r\n", self.host)
    }

    /// Obeys one line, without its line break. `judge` tells what an address is.
    pub(crate) fn obey(&mut self, line: &[u8], judge: impl Fn(&str) -> Recipient) -> Step {
        self.commands += 1;
        if self.commands > COMMANDS_AT_MOST {
            return Step::Close("421 4.7.0 too many commands\r\n".into());
        }
        if self.commands == 1 && is_http(line) {
            return Step::Close("554 5.7.0 this port takes mail, and no HTTP\r\n".into());
        }
        let command = std::str::from_utf8(line).map_err(|_| Malformed::Syntax).and_then(Command::parse);
        let step = match command {
            Ok(command) => self.follow(command, judge),
            Err(Malformed::Unknown) => say("502 5.5.1 command not implemented"),
            Err(Malformed::Syntax) => say("501 5.5.4 syntax error"),
            Err(Malformed::Parameter) => say("555 5.5.4 parameter not implemented"),
        };
        match step {
            Step::Say(reply) if reply.starts_with('5') => self.mistake(reply),
            step => step,
        }
    }

    fn follow(&mut self, command: Command, judge: impl Fn(&str) -> Recipient) -> Step {
        match command {
            Command::Helo => {
                self.greet();
                say(&format!("250 {}", self.host))
            }
            Command::Ehlo => {
                self.greet();
                Step::Say(self.extensions())
            }
            Command::Mail { from, size } => self.mail(from, size),
            Command::Rcpt(to) => self.rcpt(to, judge),
            Command::Data => self.data(),
            Command::Rset => {
                self.envelope = None;
                say("250 2.0.0 forgotten")
            }
            Command::Noop => say("250 2.0.0 fine"),
            Command::Vrfy => say("252 2.5.0 try and see"),
            Command::Quit => Step::Close("221 2.0.0 bye\r\n".into()),
        }
    }

    fn greet(&mut self) {
        self.greeted = true;
        self.envelope = None;
    }

    fn extensions(&self) -> String {
        format!(
            "250-{}\r\n250-PIPELINING\r\n250-SIZE {OCTETS_AT_MOST}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n",
            self.host
        )
    }

    fn mail(&mut self, from: String, size: Option<u64>) -> Step {
        if !self.greeted {
            return say("503 5.5.1 say EHLO first");
        }
        if self.envelope.is_some() {
            return say("503 5.5.1 one mail at a time: send RSET to start over");
        }
        if size.is_some_and(|size| size > OCTETS_AT_MOST as u64) {
            return say("552 5.3.4 a mail may have 25 MB");
        }
        self.envelope = Some(Envelope { from, to: Vec::new() });
        say("250 2.1.0 sender fine")
    }

    fn rcpt(&mut self, to: String, judge: impl Fn(&str) -> Recipient) -> Step {
        let Some(envelope) = &mut self.envelope else { return say("503 5.5.1 say MAIL FROM first") };
        match judge(&to) {
            Recipient::Known => {}
            Recipient::Unknown => return say("550 5.1.1 no inbox of this sandbox has that address"),
            Recipient::Refused(status) => return say(&format!("{status} refused by an ordered fault")),
        }
        if envelope.to.len() >= RECIPIENTS_AT_MOST {
            return say("452 4.5.3 too many recipients");
        }
        envelope.to.push(to);
        say("250 2.1.5 recipient fine")
    }

    fn data(&mut self) -> Step {
        match self.envelope.take_if(|envelope| !envelope.to.is_empty()) {
            Some(envelope) => Step::ReadMail("354 end with a dot on a line of its own\r\n".into(), envelope),
            None => say("503 5.5.1 say RCPT TO first"),
        }
    }

    fn mistake(&mut self, reply: String) -> Step {
        self.mistakes += 1;
        if self.mistakes < MISTAKES_AT_MOST {
            Step::Say(reply)
        } else {
            Step::Close("421 4.7.0 too many mistakes\r\n".into())
        }
    }
}

/// Whether this is how a request of a browser begins: a web page chooses what follows in it, which may be a mail.
fn is_http(line: &[u8]) -> bool {
    line.rsplit(|octet| *octet == b' ').next().is_some_and(|last| last.starts_with(b"HTTP/"))
}

fn say(reply: &str) -> Step {
    Step::Say(format!("{reply}\r\n"))
}

#[cfg(test)]
mod tests {
    use super::{Envelope, Recipient, Session, Step};

    fn run(session: &mut Session, line: &str) -> String {
        let judge = |address: &str| {
            if address == "help@sandbox.test" { Recipient::Known } else { Recipient::Unknown }
        };
        match session.obey(line.as_bytes(), judge) {
            Step::Say(reply) | Step::Close(reply) | Step::ReadMail(reply, _) => reply[..3].to_owned(),
        }
    }

    #[test]
    fn commands_come_in_their_order() {
        let mut session = Session::new("sandbox.test");
        for (line, code) in [
            ("MAIL FROM:<a@b.example>", "503"),
            ("EHLO me", "250"),
            ("DATA", "503"),
            ("RCPT TO:<help@sandbox.test>", "503"),
            ("MAIL FROM:<a@b.example>", "250"),
            ("MAIL FROM:<a@b.example>", "503"),
            ("DATA", "503"),
            ("RCPT TO:<nobody@sandbox.test>", "550"),
            ("RCPT TO:<help@sandbox.test>", "250"),
            ("DATA", "354"),
            ("DATA", "503"),
            ("QUIT", "221"),
        ] {
            assert_eq!(run(&mut session, line), code, "{line}");
        }
    }

    #[test]
    fn the_envelope_is_the_senders_and_reset_forgets_it() {
        let mut session = Session::new("sandbox.test");
        for line in
            ["EHLO me", "MAIL FROM:<x@y.example>", "RSET", "MAIL FROM:<>", "RCPT TO:<help@sandbox.test>"]
        {
            assert_eq!(run(&mut session, line), "250", "{line}");
        }
        let Step::ReadMail(_, envelope) = session.obey(b"DATA", |_| Recipient::Known) else {
            panic!("no mail is read")
        };
        assert_eq!(envelope, Envelope { from: String::new(), to: vec!["help@sandbox.test".into()] });
    }

    #[test]
    fn a_mail_announced_too_large_and_a_client_that_only_errs_are_refused() {
        let mut session = Session::new("sandbox.test");
        run(&mut session, "EHLO me");
        assert_eq!(run(&mut session, "MAIL FROM:<a@b.example> SIZE=26214401"), "552");
        let replies: Vec<_> = (0..19).map(|_| run(&mut session, "WHAT")).collect();
        assert_eq!((replies[0].as_str(), replies[18].as_str()), ("502", "421"));
    }
}
