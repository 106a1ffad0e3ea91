use std::{collections::BTreeSet, time::Duration};

use crate::model::Drift;

/// What the builder decided, and the addresses that the listeners got.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    pub(crate) smtp: String,
    pub(crate) storage_url: String,
    pub(crate) storage_secret: String,
    pub(crate) key: String,
    pub(crate) domain: String,
    pub(crate) plan: String,
    pub(crate) burst: u32,
    pub(crate) daily: u32,
    pub(crate) account_daily: Option<u32>,
    pub(crate) cold: u32,
    pub(crate) cold_domain: Option<u32>,
    pub(crate) cold_account: Cap,
    pub(crate) creations: u32,
    pub(crate) account_requests: Option<u32>,
    pub(crate) ping_every: Duration,
    pub(crate) pong_within: Duration,
    pub(crate) webhook_timeout: Duration,
    pub(crate) relay: Option<String>,
    pub(crate) drifts: BTreeSet<Drift>,
}

/// What the account may write to new people on a day.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cap {
    ByPlan,
    /// None = no cap.
    Fixed(Option<u32>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            smtp: String::new(),
            storage_url: String::new(),
            storage_secret: super::ids::webhook_secret(),
            key: "om_sandbox".into(),
            domain: "sandbox.openmail.test".into(),
            plan: "pro".into(),
            burst: 10,
            daily: 200,
            account_daily: None,
            cold: 20,
            cold_domain: None,
            cold_account: Cap::ByPlan,
            creations: 100,
            account_requests: Some(1000),
            ping_every: Duration::from_secs(30),
            pong_within: Duration::from_secs(10),
            webhook_timeout: Duration::from_secs(15),
            relay: None,
            drifts: BTreeSet::new(),
        }
    }
}
