//! The client: where a program starts.

mod builder;
mod proxy;
mod raw;
mod route;

use std::sync::Arc;

pub use builder::ClientBuilder;
pub use proxy::Proxy;
pub use raw::Raw;
use tokio::sync::watch;

use crate::{
    auth::AuthState,
    bulk::Bulk,
    call::Core,
    cards::Cards,
    drift::Drift,
    environment::Environment,
    error::Result,
    network_tokens::NetworkTokens,
    payments::Payments,
    retry::{RetryBudget, RetryPolicy},
    variables::Variables,
};

/// A client of the Card Management Platform.
///
/// Cheap to clone; clones share connections, the access token and the retry budget. Make one and keep it.
///
/// ```
/// # fn example() -> cmp::Result<()> {
/// use cmp::{Client, Environment, ServiceAccount};
///
/// let account = ServiceAccount::from_env()?;
/// let cmp = Client::builder(Environment::Sandbox).service_account(account).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client(Arc<Core>);

impl Client {
    /// Starts a client for `environment`.
    pub fn builder(environment: Environment) -> ClientBuilder {
        ClientBuilder::new(environment)
    }

    /// A client for the service account and environment that the process environment names: see
    /// [`Environment::from_env`], [`ServiceAccount::from_env`](crate::ServiceAccount::from_env), and `VGS_VAULT_ID`, which is optional.
    ///
    /// # Errors
    /// If a variable is missing or wrong; the message names it.
    pub fn from_env() -> Result<Self> {
        let builder =
            Self::builder(Environment::from_env()?).service_account(crate::ServiceAccount::from_env()?);
        match Variables::of_process().read("VGS_VAULT_ID")? {
            Some(vault) => builder.vault(vault).build(),
            None => builder.build(),
        }
    }

    /// Storing, reading, changing and deleting cards.
    #[must_use]
    pub fn cards(&self) -> Cards<'_> {
        Cards::new(&self.0)
    }

    /// Provisioning and deleting network tokens, and cryptograms for them.
    #[must_use]
    pub fn network_tokens(&self) -> NetworkTokens<'_> {
        NetworkTokens::new(&self.0)
    }

    /// What a payment needs, case by case.
    #[must_use]
    pub fn payments(&self) -> Payments<'_> {
        Payments::new(&self.0)
    }

    /// One operation for each of many cards: see [`bulk`](crate::bulk).
    pub fn bulk(&self) -> Bulk {
        Bulk::new(Arc::clone(&self.0))
    }

    /// The generated client, with this client's token, retries and deadline around it.
    #[must_use]
    pub fn raw(&self) -> Raw<'_> {
        Raw::new(&self.0)
    }

    /// The same client with another retry policy, for calls that must be quicker or may be slower.
    ///
    /// ```
    /// # fn example(cmp: &cmp::Client) {
    /// use std::time::Duration;
    /// use cmp::RetryPolicy;
    ///
    /// let at_checkout = cmp.with_retry(RetryPolicy::default().deadline(Duration::from_secs(3)));
    /// # }
    /// ```
    #[must_use]
    pub fn with_retry(&self, policy: RetryPolicy) -> Self {
        Self(Arc::new(Core { policy, ..(*self.0).clone() }))
    }

    /// Gets an access token now, so that the first call doesn't wait for it.
    ///
    /// # Errors
    /// [`ErrorKind::Authentication`](crate::ErrorKind::Authentication) if none could be had.
    pub async fn warm_up(&self) -> Result<()> {
        self.0.warm_up().await
    }

    /// The state of the access token, to read or to wait for changes of.
    #[must_use]
    pub fn auth_state(&self) -> watch::Receiver<AuthState> {
        self.0.auth.state()
    }

    /// What the service has sent so far that this version doesn't know; nothing unless the client was built with
    /// [`ClientBuilder::watch_drift`]. Clones count together.
    #[must_use]
    pub fn drift(&self) -> Drift {
        self.0.drift.as_ref().map(|watch| watch.snapshot()).unwrap_or_default()
    }

    /// The retry budget that this client's clones share.
    #[must_use]
    pub fn retry_budget(&self) -> &RetryBudget {
        &self.0.budget
    }
}
