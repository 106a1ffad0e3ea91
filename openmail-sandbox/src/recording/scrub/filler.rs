use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

/// Where letters come from that say nothing.
const LETTERS: &[u8] =
    b"loremipsumdolorsitametconsecteturadipiscingelitseddoeiusmodtemporincididuntutlaboreet\
doloremagnaaliquautenimadminimveniamquisnostrudexercitationullamcolaborisnisiutaliquipexeacommodoconsequat";

/// So many texts are told apart; what comes later begins like one of them.
const APART: usize = 200_000;

/// Letters for texts: the same text gets the same, so that a quote still quotes, and no other has a part in it.
#[derive(Debug, Default)]
pub(super) struct Filler {
    hasher: RandomState,
    numbers: HashMap<u64, usize>,
}

/// The letters for one text.
#[derive(Debug)]
pub(super) struct Letters(usize);

impl Filler {
    pub(super) fn letters(&mut self, text: &str) -> Letters {
        let number = self.numbers.len() % APART;
        let hash = self.hasher.hash_one(text.trim());
        let number = match self.numbers.get(&hash) {
            Some(number) => *number,
            None if self.numbers.len() < APART => *self.numbers.entry(hash).or_insert(number),
            None => number,
        };
        Letters(number.wrapping_mul(7))
    }
}

impl Letters {
    /// A character of the same kind: letter, capital, digit, mark or space.
    pub(super) fn like(&mut self, c: char) -> Option<char> {
        Some(match c {
            'a'..='z' => self.next(),
            'A'..='Z' => self.next().to_ascii_uppercase(),
            '0'..='9' => self.digit(),
            '\n' | '\r' | '\t' | ' '..='~' => c,
            _ if c.is_uppercase() => 'Ä',
            _ if c.is_lowercase() => 'ä',
            _ if c.is_alphabetic() => '字',
            _ if c.is_numeric() => self.digit(),
            _ if c.is_whitespace() => c,
            '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '–' | '—' | '…' | '•' => c,
            // What cannot be seen can carry words all the same.
            _ if c.is_control() || is_invisible(c) => return None,
            _ => '·',
        })
    }

    fn next(&mut self) -> char {
        self.0 += 1;
        char::from(LETTERS[self.0 % LETTERS.len()])
    }

    fn digit(&mut self) -> char {
        char::from(b'0' + (u8::try_from(u32::from(self.next()) % 10).unwrap_or_default()))
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
}
