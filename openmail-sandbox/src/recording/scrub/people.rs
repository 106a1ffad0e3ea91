use std::collections::HashMap;

use mailparse::MailAddr;

/// Addresses and those made up for them: the same for the same, whatever their case.
#[derive(Debug, Default)]
pub(super) struct People {
    inboxes: Names,
    people: Names,
}

/// Numbers in the order in which names come first.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, usize>);

/// What says in an address that a machine writes.
const ROBOTS: [&str; 7] =
    ["noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster", "bounces"];

impl People {
    pub(super) fn learn_inbox(&mut self, address: &str) {
        self.inboxes.number(&address.to_lowercase());
    }

    /// The made-up form of one bare address.
    pub(super) fn address(&mut self, address: &str) -> String {
        let address = address.trim().to_lowercase();
        if let Some(number) = self.inboxes.known(&address) {
            return format!("inbox-{number}@agents.example.com");
        }
        let number = self.people.number(&address);
        let local = address.split('@').next().unwrap_or_default();
        let robot = ROBOTS.iter().find(|robot| local.starts_with(*robot)).copied();
        format!("{}-{number}@example.com", robot.unwrap_or("person"))
    }

    /// The made-up form of an address with or without a name; none where it is no address.
    pub(super) fn named(&mut self, text: &str) -> Option<String> {
        let MailAddr::Single(one) = mailparse::addrparse(text).ok()?.into_inner().into_iter().next()? else {
            return None;
        };
        if !one.addr.contains('@') {
            return None;
        }
        let address = self.address(&one.addr);
        let local = address.split('@').next().unwrap_or_default();
        let mut name = local.replace('-', " ");
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Some(match one.display_name {
            Some(real) if !real.trim().is_empty() => format!("{name} <{address}>"),
            _ => address,
        })
    }
}

impl Names {
    pub(super) fn number(&mut self, name: &str) -> usize {
        let next = self.0.len() + 1;
        match self.0.get(name) {
            Some(number) => *number,
            None => *self.0.entry(name.to_owned()).or_insert(next),
        }
    }

    fn known(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }
}
