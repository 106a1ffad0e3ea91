use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::api::DEFAULT_BASE_URL;
use crate::model::Secret;

use super::environment::Reading;
use super::{AllowedSenders, SettingError, StartError};

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
        Reading::of(vars).config()
    }

    fn unless_wrong((config, problems): (Self, Vec<String>)) -> Result<Self, StartError> {
        if problems.is_empty() { Ok(config) } else { Err(StartError::new(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::environment::MISTAKEN;

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
