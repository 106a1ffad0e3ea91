use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::api::{Client, DEFAULT_BASE_URL};
use crate::model::{Address, Chain, Secret};

use super::{SettingError, StartError};

/// What the environment says.
///
/// ```
/// # use openmail_agent::runtime::Config;
/// let config = Config::new("om_live_4f1c");
/// assert_eq!(config.base_url, "https://api.openmail.sh");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// `OPENMAIL_API_KEY`.
    pub api_key: Secret,
    /// `OPENMAIL_BASE_URL`.
    pub base_url: String,
    /// `OPENMAIL_ALLOW_PLAIN_HTTP`: lets the key travel unencrypted to another machine, such as a sandbox in the next
    /// container.
    pub allow_plain_http: bool,
    /// `OPENMAIL_INBOX_ID` or `OPENMAIL_ADDRESS`: the only inbox to serve; unset = all that the key sees. What
    /// the store has for another waits for whoever serves that.
    pub inbox: Option<String>,
    /// `OPENMAIL_WEBHOOK_SECRET`: what signs webhooks; several while one is being replaced.
    pub webhook_secrets: Vec<Secret>,
    /// `OPENMAIL_WEBHOOK_ADDR`: where to listen for webhooks.
    pub webhook_addr: Option<SocketAddr>,
    /// `OPENMAIL_STORE`. A store belongs to the service it was first used with, and a start with another is refused; all that
    /// is on this machine counts as one.
    pub store: StoreLocation,
    /// `OPENMAIL_ALLOWED_SENDERS`.
    pub allowed_senders: AllowedSenders,
    /// `OPENMAIL_INBOX_<NAME>`: what `inbox = "$name"` stands for, an id or an address, by lower-case name.
    pub bindings: BTreeMap<String, String>,
}

/// Where events and owed replies are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreLocation {
    /// `memory`: for tests; nothing survives the process.
    Memory,
    /// `sqlite:<path>`, the default with `agent.db`.
    Sqlite(PathBuf),
    /// `postgres://…`: shared by any number of processes. A secret, since the password is in it.
    Postgres(Secret),
}

impl Default for StoreLocation {
    fn default() -> Self {
        Self::Sqlite(PathBuf::from("agent.db"))
    }
}

impl FromStr for StoreLocation {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => {
                Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(Secret::new(text)))
            }
            _ => Err(SettingError::new(
                "use `sqlite:agent.db`, `postgres://user:password@host/database` or `memory`",
            )),
        }
    }
}

/// Whose mail is handled.
#[derive(Debug, Clone, Default)]
pub struct AllowedSenders(Option<Vec<Sender>>);

#[derive(Debug, Clone)]
enum Sender {
    Address(Address),
    Domain(String),
}

impl AllowedSenders {
    /// Everybody's.
    #[must_use]
    pub fn everyone() -> Self {
        Self(None)
    }

    /// Whether this one's mail is handled.
    #[must_use]
    pub fn contains(&self, sender: Option<&Address>) -> bool {
        let Some(list) = &self.0 else { return true };
        sender.is_some_and(|sender| {
            list.iter().any(|allowed| match allowed {
                Sender::Address(address) => address == sender,
                Sender::Domain(domain) => domain.eq_ignore_ascii_case(sender.domain()),
            })
        })
    }
}

impl FromStr for AllowedSenders {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_domain = |text: &str| {
            text.contains('.') && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        let parse = |entry: &str| match entry.strip_prefix('@').unwrap_or(entry) {
            domain if is_domain(domain) => Ok(Sender::Domain(domain.to_owned())),
            pattern if pattern.contains('*') => Err(SettingError::new(format!(
                "`{entry}` is a pattern: write the domain itself, such as `example.com`"
            ))),
            _ => entry
                .parse()
                .map(Sender::Address)
                .map_err(|_| SettingError::new(format!("`{entry}` is neither an address nor a domain"))),
        };
        let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() {
            // Who names nobody has hardly meant everybody.
            return Err(SettingError::new(
                "it names neither an address nor a domain: leave it out for everybody",
            ));
        }
        entries.into_iter().map(parse).collect::<Result<_, _>>().map(|list| Self(Some(list)))
    }
}

impl Config {
    /// The defaults around a key: every inbox it sees, no webhook, the store in `agent.db`.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self {
            api_key: api_key.into(),
            base_url: DEFAULT_BASE_URL.to_owned(),
            allow_plain_http: false,
            inbox: None,
            webhook_secrets: Vec::new(),
            webhook_addr: None,
            store: StoreLocation::default(),
            allowed_senders: AllowedSenders::everyone(),
            bindings: BTreeMap::new(),
        }
    }

    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// Every variable that is missing or malformed, together, each with what to do.
    pub fn from_env() -> Result<Self, StartError> {
        Self::unless_wrong(Self::read_env())
    }

    /// Reads variables from somewhere else than the environment.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Config::from_env).
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, StartError> {
        Self::unless_wrong(Self::read(vars))
    }

    pub(super) fn read_env() -> (Self, Vec<String>) {
        // What is not UTF-8 becomes something that no setting can be, and is reported as such.
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self::read(std::env::vars_os().map(|(name, value)| (text(name), text(value))))
    }

    pub(super) fn read(vars: impl IntoIterator<Item = (String, String)>) -> (Self, Vec<String>) {
        let vars = vars
            .into_iter()
            .filter(|(name, value)| name.starts_with("OPENMAIL_") && !value.trim().is_empty());
        let mut reading = Reading { vars: vars.collect(), problems: Vec::new() };
        let config = reading.config();
        (config, reading.problems)
    }

    fn unless_wrong((config, problems): (Self, Vec<String>)) -> Result<Self, StartError> {
        if problems.is_empty() { Ok(config) } else { Err(StartError::new(problems)) }
    }
}

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
const MISTAKEN: [(&str, &str); 4] = [
    ("OPENMAIL_INBOX", "OPENMAIL_ADDRESS or OPENMAIL_INBOX_ID"),
    ("OPENMAIL_KEY", "OPENMAIL_API_KEY"),
    ("OPENMAIL_URL", "OPENMAIL_BASE_URL"),
    ("OPENMAIL_WEBHOOK_ADDRESS", "OPENMAIL_WEBHOOK_ADDR"),
];

/// Variables being read, and what is wrong with them.
struct Reading {
    vars: HashMap<String, String>,
    problems: Vec<String>,
}

impl Reading {
    fn config(&mut self) -> Config {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Config, StartError> {
        Config::from_vars(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_key_is_all_it_takes() {
        let config = read(&[("OPENMAIL_API_KEY", " om_1 \n"), ("OPENMAIL_STORE", "")]).unwrap();
        assert_eq!(config.api_key, Secret::new("om_1"));
        assert_eq!(config.store, StoreLocation::default());
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let error = read(&[
            ("OPENMAIL_BASE_URL", "nonsense"),
            ("OPENMAIL_ADDRESS", "not an address"),
            ("OPENMAIL_WEBHOOK_ADDR", "0.0.0.0"),
            ("OPENMAIL_STORE", "mysql://"),
            ("OPENMAIL_ALLOWED_SENDERS", "a b"),
        ])
        .unwrap_err();
        let text = error.to_string();
        for name in ["API_KEY", "BASE_URL", "ADDRESS", "WEBHOOK_ADDR", "STORE", "ALLOWED_SENDERS"] {
            assert!(text.contains(&format!("OPENMAIL_{name}")), "{name} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_database_is_a_store_and_its_password_a_secret() {
        let config =
            read(&[("OPENMAIL_API_KEY", "k"), ("OPENMAIL_STORE", "postgres://u:hunter2@db/mail")]).unwrap();
        assert_eq!(config.store, StoreLocation::Postgres(Secret::new("postgres://u:hunter2@db/mail")));
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn an_address_without_a_secret_is_a_problem() {
        assert!(read(&[("OPENMAIL_API_KEY", "om_1"), ("OPENMAIL_WEBHOOK_ADDR", "127.0.0.1:0")]).is_err());
    }

    #[test]
    fn several_secrets_are_taken_while_one_is_replaced() {
        let config = read(&[("OPENMAIL_API_KEY", "om_1"), ("OPENMAIL_WEBHOOK_SECRET", "old, new,")]).unwrap();
        assert_eq!(config.webhook_secrets, [Secret::new("old"), Secret::new("new")]);
    }

    #[test]
    fn names_are_bound_by_variables() {
        let config = read(&[
            ("OPENMAIL_API_KEY", "k"),
            ("OPENMAIL_INBOX_SUPPORT", "inb_1"),
            ("OPENMAIL_INBOX_ID", "inb_2"),
        ]);
        let config = config.unwrap();
        assert_eq!(config.bindings.get("support").map(String::as_str), Some("inb_1"));
        assert_eq!((config.bindings.len(), config.inbox.as_deref()), (1, Some("inb_2")));
    }

    #[test]
    fn a_switch_is_on_or_off_and_nothing_else() {
        let plain = |value| {
            let url = ("OPENMAIL_BASE_URL", "http://sandbox:8025");
            read(&[("OPENMAIL_API_KEY", "k"), url, ("OPENMAIL_ALLOW_PLAIN_HTTP", value)])
        };
        for on in ["1", "true", "Yes", " on "] {
            assert!(plain(on).unwrap().allow_plain_http, "{on}");
        }
        for off in ["0", "no", "", "maybe"] {
            assert!(plain(off).unwrap_err().to_string().contains("OPENMAIL_ALLOW_PLAIN_HTTP"), "{off}");
        }
        let unclear = read(&[("OPENMAIL_API_KEY", "k"), ("OPENMAIL_ALLOW_PLAIN_HTTP", "maybe")]);
        assert!(unclear.unwrap_err().to_string().contains("neither on nor off"));
    }

    #[test]
    fn an_allowed_sender_is_an_address_or_a_domain_and_no_pattern() {
        let allowed: AllowedSenders = "ada@example.com, @acme.example, Else.example".parse().unwrap();
        let is_allowed = |sender: &str| allowed.contains(Some(&sender.parse().unwrap()));
        assert!(
            ["ada@example.com", "a@acme.example", "b@else.example"].iter().all(|sender| is_allowed(sender))
        );
        assert!(!is_allowed("eve@example.com") && !is_allowed("a@mail.acme.example"));
        for wrong in
            ["*.example.com", "*@example.com", "https://example.com", "example.com:25", "example", " , "]
        {
            assert!(wrong.parse::<AllowedSenders>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_variable_that_is_misspelt_is_a_problem_and_one_of_ones_own_is_none() {
        let with = |name| read(&[("OPENMAIL_API_KEY", "k"), (name, "example.com")]);
        let problem = with("OPENMAIL_ALOWED_SENDERS").unwrap_err().to_string();
        assert!(problem.contains("OPENMAIL_ALLOWED_SENDERS"), "{problem}");
        for (mistaken, meant) in MISTAKEN {
            let problem = with(mistaken).unwrap_err().to_string();
            assert!(problem.contains(&format!("did you mean {meant}?")), "{problem}");
        }
        for own in ["OPENMAIL_INBOX_IDS", "OPENMAIL_MODEL", "OPENMAIL_ALLOWED_SENDERS"] {
            with(own).unwrap();
        }
    }

    #[test]
    fn the_key_stays_out_of_debug() {
        assert!(!format!("{:?}", Config::new("om_live_secret")).contains("om_live_secret"));
    }
}
