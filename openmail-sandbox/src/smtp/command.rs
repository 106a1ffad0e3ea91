/// A command of RFC 5321, as far as a receiver needs them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Helo,
    Ehlo,
    Mail {
        /// Empty for bounces.
        from: String,
        size: Option<u64>,
    },
    Rcpt(String),
    Data,
    Rset,
    Noop,
    Vrfy,
    Quit,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    Unknown,
    Syntax,
    Parameter,
}

impl Command {
    pub(crate) fn parse(line: &str) -> Result<Self, Malformed> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match verb.to_ascii_uppercase().as_str() {
            "HELO" if !rest.is_empty() => Ok(Self::Helo),
            "EHLO" if !rest.is_empty() => Ok(Self::Ehlo),
            "HELO" | "EHLO" => Err(Malformed::Syntax),
            "MAIL" => {
                let (from, parameters) = path(rest, "FROM:").ok_or(Malformed::Syntax)?;
                Ok(Self::Mail { from, size: mail_parameters(&parameters)? })
            }
            "RCPT" => match path(rest, "TO:").ok_or(Malformed::Syntax)? {
                (to, _) if to.is_empty() => Err(Malformed::Syntax),
                (to, parameters) if parameters.is_empty() => Ok(Self::Rcpt(to)),
                _ => Err(Malformed::Parameter),
            },
            "DATA" => Ok(Self::Data),
            "RSET" => Ok(Self::Rset),
            "NOOP" => Ok(Self::Noop),
            "VRFY" => Ok(Self::Vrfy),
            "QUIT" => Ok(Self::Quit),
            _ => Err(Malformed::Unknown),
        }
    }
}

/// The address in `FROM:<address> …`, without its source route, and what follows it.
fn path(rest: &str, keyword: &str) -> Option<(String, String)> {
    let head = rest.get(..keyword.len()).filter(|head| head.eq_ignore_ascii_case(keyword))?;
    let path = rest[head.len()..].trim_start().strip_prefix('<')?;
    let (path, parameters) = path.split_once('>')?;
    let address = match path.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => path,
    };
    let plain = !address.contains(|c: char| c.is_whitespace() || c.is_control() || c == '<');
    plain.then(|| (address.to_owned(), parameters.trim().to_owned()))
}

/// The announced size. Everything that the listener does not advertise is refused (RFC 5321, 4.1.1.11).
fn mail_parameters(parameters: &str) -> Result<Option<u64>, Malformed> {
    let mut size = None;
    for parameter in parameters.split_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
            ("SIZE", octets) => size = Some(octets.parse().map_err(|_| Malformed::Parameter)?),
            ("BODY", "7BIT" | "8BITMIME") | ("SMTPUTF8", "") => {}
            _ => return Err(Malformed::Parameter),
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::{Command, Malformed};

    #[test]
    fn paths_are_read_as_programs_write_them() {
        for line in
            ["MAIL FROM:<a@b.example>", "mail from: <a@b.example>", "MAIL FROM:<@relay.example:a@b.example>"]
        {
            let from = "a@b.example".to_owned();
            assert_eq!(Command::parse(line), Ok(Command::Mail { from, size: None }), "{line}");
        }
        assert_eq!(Command::parse("MAIL FROM:<>"), Ok(Command::Mail { from: String::new(), size: None }));
        assert_eq!(Command::parse("RCPT TO:<é@b.example>"), Ok(Command::Rcpt("é@b.example".into())));
    }

    #[test]
    fn only_parameters_that_were_advertised_pass() {
        let sized = Command::parse("MAIL FROM:<a@b.example> SIZE=12 BODY=8bitmime SMTPUTF8");
        assert_eq!(sized, Ok(Command::Mail { from: "a@b.example".into(), size: Some(12) }));
        assert_eq!(Command::parse("MAIL FROM:<a@b.example> RET=HDRS"), Err(Malformed::Parameter));
        assert_eq!(Command::parse("RCPT TO:<a@b.example> NOTIFY=NEVER"), Err(Malformed::Parameter));
    }

    #[test]
    fn what_is_no_path_is_a_syntax_error() {
        for line in
            ["MAIL", "MAIL FROM:", "MAIL FROM:a@b.example", "RCPT TO:<>", "RCPT TO:<a b@c.example>", "EHLO"]
        {
            assert_eq!(Command::parse(line), Err(Malformed::Syntax), "{line}");
        }
        assert_eq!(Command::parse("STARTTLS"), Err(Malformed::Unknown));
    }
}
