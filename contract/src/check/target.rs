//! The service that is checked: the simulator, a service at a URL, or an environment of VGS.

use std::{future::Future, pin::Pin};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use cmp_simulator::{Scope, ServiceAccount, Settings, Simulator};

/// One token endpoint serves both environments of VGS.
const VGS_TOKEN_URL: &str = "https://auth.verygoodsecurity.com/auth/realms/vgs/protocol/openid-connect/token";

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Environment {
    Sandbox,
    Live,
}

/// An address with the account to use there.
pub(crate) struct Place {
    pub(crate) base_url: String,
    pub(crate) token_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) simulator: Option<Simulator>,
}

pub(crate) type Start = Box<dyn Fn(Settings) -> Boxed<'static, Result<Place>> + Send + Sync>;

pub(crate) enum Target {
    /// A fresh simulator for each check, set up as the check wants it.
    Simulator(Start),
    Service {
        name: String,
        base_url: String,
        token_url: String,
        client_id: String,
        client_secret: String,
    },
}

impl Target {
    pub(crate) fn simulator() -> Self {
        Self::Simulator(Box::new(|settings| Box::pin(simulated(settings))))
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Simulator(_) => "the simulator".to_owned(),
            Self::Service { name, .. } => name.clone(),
        }
    }

    pub(crate) async fn place(&self, set_up: fn(&mut Settings)) -> Result<Place> {
        match self {
            Self::Simulator(start) => {
                let mut settings = Settings::default();
                settings.accounts = accounts();
                set_up(&mut settings);
                start(settings).await
            }
            Self::Service { base_url, token_url, client_id, client_secret, .. } => Ok(Place {
                base_url: base_url.clone(),
                token_url: token_url.clone(),
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                simulator: None,
            }),
        }
    }

    pub(crate) fn url(base_url: &str, token_url: Option<&str>) -> Result<Self> {
        let base_url = base_url.trim_end_matches('/');
        refuse_plain_http(base_url)?;
        let token_url =
            token_url.map_or_else(|| format!("{base_url}{}", cmp_simulator::TOKEN_PATH), str::to_owned);
        refuse_plain_http(&token_url)?;
        Self::service(base_url.to_owned(), base_url.to_owned(), token_url)
    }

    pub(crate) fn environment(environment: Environment, knows_that_it_is_live: bool) -> Result<Self> {
        let (name, base_url) = match environment {
            Environment::Sandbox => ("the sandbox", "https://sandbox.vgsapi.com"),
            Environment::Live => ("live", "https://vgsapi.com"),
        };
        ensure!(
            environment != Environment::Live || knows_that_it_is_live,
            "the checks store and delete cards: against live only with --i-know-this-is-live"
        );
        Self::service(name.to_owned(), base_url.to_owned(), VGS_TOKEN_URL.to_owned())
    }

    fn service(name: String, base_url: String, token_url: String) -> Result<Self> {
        // A CI passes a missing secret as an empty variable.
        let variable = |name: &str| {
            std::env::var(name)
                .ok()
                .filter(|value| !value.is_empty())
                .with_context(|| format!("{name} is not set"))
        };
        let (client_id, client_secret) = (variable("VGS_CLIENT_ID")?, variable("VGS_CLIENT_SECRET")?);
        Ok(Self::Service { name, base_url, token_url, client_id, client_secret })
    }
}

fn refuse_plain_http(url: &str) -> Result<()> {
    let url = reqwest::Url::parse(url).context("not a URL")?;
    ensure!(url.username().is_empty() && url.password().is_none(), "a URL must not hold credentials");
    ensure!(url.scheme() == "https" || is_loopback(&url), "plain http is for loopback alone");
    Ok(())
}

/// Returns `true` if the host of a URL is this machine.
pub(crate) fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    matches!(host, "localhost" | "[::1]")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

pub(crate) async fn simulated(mut settings: Settings) -> Result<Place> {
    // Duplicate detection is off in a new account. The contract has responses for it, and these are checked too.
    settings.duplicate_detection = true;
    let simulator = Simulator::builder().settings(settings).start().await?;
    Ok(Place {
        base_url: simulator.url().to_owned(),
        token_url: simulator.token_url(),
        client_id: simulator.client_id().to_owned(),
        client_secret: simulator.client_secret().to_owned(),
        simulator: Some(simulator),
    })
}

/// Returns an account with every scope, and for each scope an account without it. All have the same secret.
fn accounts() -> Vec<ServiceAccount> {
    let without = |missing: Scope| {
        ServiceAccount::new(account_without(missing), SIMULATED_SECRET)
            .scopes(Scope::ALL.into_iter().filter(move |scope| *scope != missing))
    };
    let all = ServiceAccount::new("AC-simulator", SIMULATED_SECRET);
    std::iter::once(all).chain(Scope::ALL.map(without)).collect()
}

const SIMULATED_SECRET: &str = "simulator-client-secret";

pub(crate) fn account_without(scope: Scope) -> String {
    format!("AC-without-{}", scope.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_and_plain_http_are_refused() {
        let refusal =
            |target: Result<Target>| target.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refusal(Target::environment(Environment::Live, false)).contains("--i-know-this-is-live"));
        assert!(refusal(Target::url("http://example.com", None)).contains("plain http"));
        assert!(refusal(Target::url("http://127.evil.example", None)).contains("plain http"));
        assert!(refusal(Target::url("https://a:b@example.com", None)).contains("credentials"));
        assert!(refuse_plain_http("http://127.0.0.1:8080").is_ok());
    }
}
