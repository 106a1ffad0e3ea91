//! TLS as every connection of the runtime uses it: rustls on ring, trusting what the operating system trusts.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::{Error, ErrorKind};

/// The configuration for a connection to the service, without ALPN.
///
/// No process-wide provider is installed, so that the program around the runtime keeps its own choice.
///
/// # Errors
///
/// [`Configuration`](ErrorKind::Configuration) when the system has no certificates to trust, as a container without
/// the `ca-certificates` package.
pub fn client_config() -> Result<Arc<ClientConfig>, Error> {
    let builder = versions(&provider())?;
    let config = builder.with_platform_verifier().map_err(|error| {
        Error::local(
            ErrorKind::Configuration,
            "the system has no certificates to trust: install its `ca-certificates` package",
        )
        .because(error)
    })?;
    Ok(Arc::new(config.with_no_client_auth()))
}

/// A configuration that trusts nobody, for a client that speaks plain HTTP to its own machine.
pub(super) fn distrusting_config() -> Result<Arc<ClientConfig>, Error> {
    let config = versions(&provider())?.with_root_certificates(rustls::RootCertStore::empty());
    Ok(Arc::new(config.with_no_client_auth()))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn versions(
    provider: &Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::local(ErrorKind::Configuration, "TLS cannot be set up").because(error))
}
