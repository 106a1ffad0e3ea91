/// The largest mail that is taken, in octets, as `SIZE` announces it.
pub(crate) const OCTETS_AT_MOST: usize = 25 * 1024 * 1024;

/// A mail while it comes in, after `DATA`.
#[derive(Debug)]
pub(crate) struct Data {
    octets: Vec<u8>,
    /// Only what follows CRLF can be a dot that ends or is stuffed: a bare LF begins no line.
    at_line_start: bool,
    too_large: bool,
}

impl Data {
    pub(crate) fn new() -> Self {
        Self { octets: Vec::new(), at_line_start: true, too_large: false }
    }

    /// Takes a line, or a piece of one that is very long. True once the mail is complete.
    pub(crate) fn push(&mut self, piece: &[u8]) -> bool {
        if self.at_line_start && piece == b".\r\n" {
            return true;
        }
        let unstuffed = piece.strip_prefix(b".").filter(|_| self.at_line_start).unwrap_or(piece);
        // A line can be cut between its CR and its LF.
        let ends_line = piece.ends_with(b"\r\n") || (piece == b"\n" && self.octets.ends_with(b"\r"));
        self.at_line_start = ends_line;
        if self.octets.len() + unstuffed.len() > OCTETS_AT_MOST {
            self.too_large = true;
        }
        if !self.too_large {
            self.octets.extend_from_slice(unstuffed);
        }
        false
    }

    /// The mail; none if it is larger than announced.
    pub(crate) fn into_octets(self) -> Option<Vec<u8>> {
        (!self.too_large).then_some(self.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::{Data, OCTETS_AT_MOST};

    fn read(pieces: &[&[u8]]) -> (usize, Option<Vec<u8>>) {
        let mut data = Data::new();
        let taken = pieces.iter().position(|piece| data.push(piece));
        (taken.expect("an end"), data.into_octets())
    }

    #[test]
    fn stuffed_dots_lose_one_and_a_lone_dot_ends() {
        let (taken, mail) = read(&[b"..a\r\n", b"...\r\n", b"b.\r\n", b".\r\n", b"QUIT\r\n"]);
        assert_eq!((taken, mail.unwrap().as_slice()), (3, &b".a\r\n..\r\nb.\r\n"[..]));
    }

    #[test]
    fn a_bare_line_feed_smuggles_no_end() {
        let (taken, mail) = read(&[b"a\n", b".\r\n", b"b\r\n", b".\n", b"c\r\n", b".\r\n"]);
        assert_eq!((taken, mail.unwrap().as_slice()), (5, &b"a\n.\r\nb\r\n\nc\r\n"[..]));
    }

    #[test]
    fn a_mail_beyond_the_cap_is_read_to_its_end_and_dropped() {
        let line = [&[b'a'; 1022][..], b"\r\n"].concat();
        let mut data = Data::new();
        (0..OCTETS_AT_MOST / 1024 + 1).for_each(|_| assert!(!data.push(&line)));
        assert!(data.push(b".\r\n"));
        assert_eq!(data.into_octets(), None);
    }
}
