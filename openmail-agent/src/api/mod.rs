//! The REST client: every call of the contract, one attempt each.
