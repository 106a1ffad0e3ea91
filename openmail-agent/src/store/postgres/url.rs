use std::num::NonZeroU16;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use crate::store::{StoreError, StoreErrorKind};

/// The schema that everything lies in, unless the URL names another.
const SCHEMA: &str = "openmail_agent";

/// How many connections a process has at most, unless the URL says otherwise. Poolers commonly allow 15 for all processes.
const CONNECTIONS: NonZeroU16 = NonZeroU16::new(10).expect("ten is not zero");

/// What a connection URL says.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) config: Config,
    pub(super) schema: String,
    pub(super) trust: Trust,
    pub(super) connections: NonZeroU16,
}

/// Whose certificate is taken, where the connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// Anybody's, as `sslmode=prefer` and `sslmode=require` have always meant.
    Anyone,
    /// One that the operating system trusts, made out to the host.
    System,
    /// One that an authority in this file signed, made out to the host.
    Authority(PathBuf),
}

impl Location {
    /// Reads `postgres://user:password@host:port/database?…`. Beside what every client knows, `schema` is the schema to use,
    /// `max_connections` how many connections there may be, and `sslmode` may be `verify-ca` or `verify-full`, which are the same here, with `sslrootcert`.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut schema, mut verify, mut authority, mut mode) = (SCHEMA.to_owned(), false, None, None);
        let (mut connections, mut others, mut is_system) = (CONNECTIONS, Vec::new(), false);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode_str(value).decode_utf8_lossy();
            match (name, &*decoded) {
                ("schema", name) => schema = name.to_owned(),
                ("max_connections", count) => {
                    let meant = "`max_connections` must be a number from 1 to 65535";
                    connections = count.parse().map_err(|_| unusable(meant))?;
                }
                ("sslrootcert", "system") => is_system = true,
                ("sslrootcert", path) => authority = Some(PathBuf::from(path)),
                ("sslmode", "verify-ca" | "verify-full") => (verify, mode) = (true, Some(SslMode::Require)),
                ("sslmode", "allow") => mode = Some(SslMode::Prefer),
                _ => others.push(pair),
            }
        }
        if is_system {
            // Whoever asks to make sure of the server must not be given a connection on which nobody can.
            if others.iter().any(|pair| pair.starts_with("sslmode=")) || mode == Some(SslMode::Prefer) {
                return Err(unusable("`sslrootcert=system` goes with `sslmode=verify-full` only"));
            }
            (verify, mode) = (true, Some(SslMode::Require));
        }
        if schema.is_empty() || schema.len() > 63 || schema.contains('\0') {
            return Err(unusable("`schema` must be a name of at most 63 bytes"));
        }
        let mut config: Config = format!("{base}?{}", others.join("&")).parse().map_err(unusable)?;
        mode.map(|mode| config.ssl_mode(mode));
        if !others.iter().any(|pair| pair.starts_with("target_session_attrs=")) {
            // After a failover the name may lead to the server before for a while, which may only be read.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_application_name().is_none() {
            config.application_name("openmail-agent");
        }
        let trust = match authority {
            Some(path) => Trust::Authority(path),
            None if verify => Trust::System,
            None => Trust::Anyone,
        };
        Ok(Self { config, schema, trust, connections })
    }

    /// The schema's name as SQL.
    pub(super) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema.replace('"', "\"\""))
    }
}

fn unusable(reason: impl Into<crate::model::BoxError>) -> StoreError {
    let reason = reason.into();
    StoreError::because(
        StoreErrorKind::Configuration,
        format!("the connection URL cannot be used (postgres://user:password@host/database): {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_schema_and_trust() {
        let location =
            Location::parse("postgres://u:p@db:5433/mail?schema=agents%20a&sslmode=verify-full").unwrap();
        assert_eq!((location.schema.as_str(), &location.trust), ("agents a", &Trust::System));
        assert_eq!(location.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(location.config.get_ports(), [5433]);
        let plain = Location::parse("postgres://db/mail?sslmode=disable").unwrap();
        assert_eq!((plain.schema.as_str(), plain.trust), ("openmail_agent", Trust::Anyone));
        assert_eq!(plain.config.get_ssl_mode(), SslMode::Disable);
        let system = Location::parse("postgres://db/mail?sslrootcert=system").unwrap();
        assert_eq!((system.config.get_ssl_mode(), system.trust), (SslMode::Require, Trust::System));
        for weaker in ["disable", "allow", "prefer", "require"] {
            let url = format!("postgres://db/mail?sslrootcert=system&sslmode={weaker}");
            assert!(Location::parse(&url).is_err(), "{weaker}");
        }
        let own = Location::parse("postgres://db/mail?sslmode=require&sslrootcert=%2Fca.pem").unwrap();
        assert_eq!(own.trust, Trust::Authority("/ca.pem".into()));
    }

    #[test]
    fn a_url_says_how_many_connections_there_may_be() {
        let connections = |url: &str| Location::parse(url).map(|location| location.connections.get());
        assert_eq!(connections("postgres://db/mail?max_connections=3&schema=a").unwrap(), 3);
        assert!(connections("postgres://db/mail").unwrap() < 15);
        for count in ["0", "-1", "many", "", "65536"] {
            let url = format!("postgres://db/mail?max_connections={count}");
            let error = connections(&url).unwrap_err();
            assert!(format!("{error:?}").contains("a number from 1 to 65535"), "{error:?}");
        }
    }

    #[test]
    fn a_server_must_take_writes_unless_the_url_says_otherwise() {
        let wanted = |url| Location::parse(url).unwrap().config.get_target_session_attrs();
        assert_eq!(wanted("postgres://db/mail"), TargetSessionAttrs::ReadWrite);
        assert_eq!(wanted("postgres://db/mail?target_session_attrs=any"), TargetSessionAttrs::Any);
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_the_password() {
        for url in [
            "postgres://u:hunter2@db:port/mail",
            "postgres://u:hunter2@db/mail?nonsense=1",
            "postgres://u:hunter2@db?schema=",
        ] {
            let error = format!("{:?}", Location::parse(url).unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_schema_with_a_quote_in_it_stays_a_name() {
        let location = Location::parse("postgres://db/mail?schema=a%22b").unwrap();
        assert_eq!(location.quoted_schema(), "\"a\"\"b\"");
    }
}
