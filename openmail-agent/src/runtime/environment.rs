//! The settings, read from variables.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::str::FromStr;

use crate::api::{Client, DEFAULT_BASE_URL};
use crate::model::{Address, Chain, Secret};

use super::Config;

/// How the variables begin that bind names to inboxes.
const BINDING: &str = "OPENMAIL_INBOX_";

/// All that are read, here and by the sandbox.
const READ: [&str; 12] = [
    "OPENMAIL_ADDRESS",
    "OPENMAIL_ALLOWED_SENDERS",
    "OPENMAIL_ALLOW_PLAIN_HTTP",
    "OPENMAIL_API_KEY",
    "OPENMAIL_BASE_URL",
    "OPENMAIL_INBOX_ID",
    "OPENMAIL_SANDBOX_ADDR",
    "OPENMAIL_SANDBOX_KEY",
    "OPENMAIL_SANDBOX_SMTP_ADDR",
    "OPENMAIL_STORE",
    "OPENMAIL_WEBHOOK_ADDR",
    "OPENMAIL_WEBHOOK_SECRET",
];

/// What is written in place of one that is read, and is further from it than a slip.
pub(super) const MISTAKEN: [(&str, &str); 4] = [
    ("OPENMAIL_INBOX", "OPENMAIL_ADDRESS or OPENMAIL_INBOX_ID"),
    ("OPENMAIL_KEY", "OPENMAIL_API_KEY"),
    ("OPENMAIL_URL", "OPENMAIL_BASE_URL"),
    ("OPENMAIL_WEBHOOK_ADDRESS", "OPENMAIL_WEBHOOK_ADDR"),
];

/// Variables being read, and what is wrong with them.
pub(super) struct Reading {
    vars: HashMap<String, String>,
    problems: Vec<String>,
}

impl Reading {
    pub(super) fn of(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let vars = vars
            .into_iter()
            .filter(|(name, value)| name.starts_with("OPENMAIL_") && !value.trim().is_empty());
        Self { vars: vars.collect(), problems: Vec::new() }
    }

    /// The settings, and everything that is wrong with them.
    pub(super) fn config(mut self) -> (Config, Vec<String>) {
        let config = self.read();
        (config, self.problems)
    }

    fn read(&mut self) -> Config {
        self.misspelt();
        let api_key = self.vars.get("OPENMAIL_API_KEY").cloned().unwrap_or_default();
        if api_key.is_empty() {
            self.problem(
                "OPENMAIL_API_KEY is not set: create a key in the OpenMail console and put it there, \
                 or run `openmail-sandbox` and use what it prints",
            );
        } else if api_key.trim().chars().any(|c| !c.is_ascii_graphic()) {
            self.problem("OPENMAIL_API_KEY has characters that no key has: copy it again");
        }
        let webhook_secrets = self.webhook_secrets();
        Config {
            api_key: Secret::new(&api_key),
            base_url: self.base_url(),
            allow_plain_http: self.is_set("OPENMAIL_ALLOW_PLAIN_HTTP"),
            inbox: self.inbox(),
            webhook_addr: self.webhook_addr(&webhook_secrets),
            webhook_secrets,
            store: self.parsed("OPENMAIL_STORE").unwrap_or_default(),
            allowed_senders: self.parsed("OPENMAIL_ALLOWED_SENDERS").unwrap_or_default(),
            bindings: self.bindings(),
        }
    }

    /// A variable that nobody reads is anybody's own, unless it is a slip away from one that is read: a list of allowed senders that
    /// is ignored lets everybody in.
    fn misspelt(&mut self) {
        const SLIP: usize = 2;
        let meant = |name: &str| {
            let mistaken = MISTAKEN.iter().find(|(mistaken, _)| *mistaken == name).map(|(_, meant)| *meant);
            let is_slip = |known: &&&str| strsim::damerau_levenshtein(known, name) <= SLIP;
            let may_be_slip = !READ.contains(&name) && !name.starts_with(BINDING);
            mistaken.or_else(|| READ.iter().filter(|_| may_be_slip).find(is_slip).copied())
        };
        let slips = self.vars.keys().filter_map(|name| {
            Some(format!("{name} is nothing that is read: did you mean {}?", meant(name)?))
        });
        let mut slips: Vec<_> = slips.collect();
        slips.sort_unstable();
        self.problems.extend(slips);
    }

    fn base_url(&mut self) -> String {
        let Some(url) =
            self.vars.get("OPENMAIL_BASE_URL").map(|url| url.trim().trim_end_matches('/').to_owned())
        else {
            return DEFAULT_BASE_URL.to_owned();
        };
        let is_plain_allowed = self.switch("OPENMAIL_ALLOW_PLAIN_HTTP").unwrap_or_default();
        let client = Client::builder(Secret::new("unused")).base_url(&url).and_then(|builder| {
            if is_plain_allowed { builder.allow_plain_http().build() } else { builder.build() }
        });
        if let Err(error) = client {
            self.problem(format!("OPENMAIL_BASE_URL is not usable: {}", Chain(&error)));
        }
        url
    }

    /// Whether a switch is on; one that says neither is a problem.
    fn is_set(&mut self, name: &str) -> bool {
        let is_set = self.switch(name);
        if is_set.is_none() {
            self.problem(format!("{name} is neither on nor off: set it to `1`, or leave it out"));
        }
        is_set.unwrap_or_default()
    }

    fn switch(&self, name: &str) -> Option<bool> {
        match self.vars.get(name).map(|value| value.trim().to_ascii_lowercase()).as_deref() {
            Some("1" | "true" | "yes" | "on") => Some(true),
            None | Some("0" | "false" | "no" | "off") => Some(false),
            Some(_) => None,
        }
    }

    fn inbox(&mut self) -> Option<String> {
        let id = self.vars.get("OPENMAIL_INBOX_ID").map(|id| id.trim().to_owned());
        let address = self.parsed::<Address>("OPENMAIL_ADDRESS").map(|address| address.to_string());
        id.or(address)
    }

    fn webhook_secrets(&self) -> Vec<Secret> {
        let list = self.vars.get("OPENMAIL_WEBHOOK_SECRET").map(String::as_str).unwrap_or_default();
        list.split(',').map(Secret::new).filter(|secret| !secret.is_empty()).collect()
    }

    fn webhook_addr(&mut self, secrets: &[Secret]) -> Option<SocketAddr> {
        if secrets.is_empty() && self.vars.contains_key("OPENMAIL_WEBHOOK_ADDR") {
            self.problem(
                "OPENMAIL_WEBHOOK_ADDR is set but OPENMAIL_WEBHOOK_SECRET is not: without it anybody could send mail to your agent",
            );
        }
        let addr = self.vars.get("OPENMAIL_WEBHOOK_ADDR")?;
        let parsed = addr.trim().parse().ok();
        if parsed.is_none() {
            self.problem(
                "OPENMAIL_WEBHOOK_ADDR cannot be used: it takes an IP address and a port, such as `0.0.0.0:3000`",
            );
        }
        parsed
    }

    fn bindings(&self) -> BTreeMap<String, String> {
        let bound = self.vars.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix(BINDING).filter(|name| *name != "ID")?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        bound.collect()
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.vars.get(name)?;
        match value.trim().parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                let problem = format!("{name} cannot be used: {error}");
                self.problem(problem);
                None
            }
        }
    }

    fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }
}
