//! The client: where a program starts.

mod builder;
mod proxy;

use std::{future::Future, sync::Arc};

pub use builder::ClientBuilder;
use cmp_generated::{ByteStream, ResponseValue};
pub use proxy::Proxy;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::watch;

use crate::{
    auth::AuthState,
    bulk::Bulk,
    call::{AnswerHead, Body, Core, OnAnswer, with_body},
    cards::Cards,
    drift::Drift,
    environment::{Environment, Variables},
    error::Result,
    network_tokens::NetworkTokens,
    operation::Operation,
    payments::Payments,
    retry::{RetryBudget, RetryPolicy},
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

    /// The same client, which also shows `hook` the status and headers of each answer, good or bad. The hook runs inside
    /// the call: it must be quick and must not panic.
    ///
    /// ```
    /// # async fn example(cmp: &cmp::Client, id: &cmp::CardId) -> cmp::Result<()> {
    /// let cmp = cmp.on_answer(|answer| {
    ///     if let Some(left) = answer.headers.get("x-ratelimit-remaining") {
    ///         println!("{}: {left:?} requests left", answer.operation);
    ///     }
    /// });
    /// let card = cmp.cards().get(id).await?;
    /// # drop(card);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_answer(&self, hook: impl Fn(&AnswerHead<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Core { on_answer: Some(OnAnswer(Arc::new(hook))), ..(*self.0).clone() }))
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

/// A body whose trace id is not looked for.
#[derive(Deserialize)]
#[serde(transparent)]
struct Untraced<T>(T);

impl<T: DeserializeOwned> Body for Untraced<T> {}

/// The way past the facade: generated operations and types, with token, retries, deadline and errors as everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a>(&'a Core);

impl<'a> Raw<'a> {
    pub(crate) fn new(core: &'a Core) -> Self {
        Self(core)
    }

    /// Runs one generated operation. `send` is called for each attempt with a client made for it.
    ///
    /// The closure sees the generated error, whose `Display` and `Debug` print whole answers, PANs included: pass it on
    /// as it is and print none of it. Generated requests can be serialised, secrets and all.
    ///
    /// `operation` decides how failures are retried, so it must be the one that `send` runs.
    ///
    /// ```
    /// # cmp::example!(|cmp| {
    /// # let pan = cmp::Pan::new("4111111111111111")?;
    /// # let stored = cmp.cards().create(cmp::NewCard::new(pan, cmp::Expiry::new(5, 2030)?)).await?;
    /// # let id = stored.id().to_string();
    /// let id = &id;
    /// let raw = cmp
    ///     .raw()
    ///     .call(cmp::Operation::GetCard, |client| async move { client.get_card(id, None).await })
    ///     .await?;
    /// assert_eq!(raw.data.and_then(|data| data.id).unwrap().as_str(), id);
    /// # });
    /// ```
    ///
    /// An operation that is in the contract, and not in the facade yet, is named by its facts:
    ///
    /// ```
    /// use cmp::{Operation, OperationFacts, RetryClass, Scope};
    ///
    /// const LIST: Operation = Operation::Unlisted(&OperationFacts {
    ///     name: "list_network_tokens",
    ///     method: "GET",
    ///     path: "/cards/{card_id}/network-tokens",
    ///     class: RetryClass::Safe,
    ///     scope: Scope::NetworkTokensRead,
    ///     when_unknown: "nothing was changed: ask again",
    /// });
    /// assert_eq!(LIST.to_string(), "list_network_tokens");
    /// ```
    ///
    /// # Errors
    /// As every call. A 303 of `create_card` is [`ErrorKind::UnexpectedAnswer`](crate::ErrorKind::UnexpectedAnswer) here.
    pub async fn call<T, F, Fut>(&self, operation: Operation, send: F) -> Result<T>
    where
        T: DeserializeOwned,
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = std::result::Result<ResponseValue<T>, cmp_generated::Error<ByteStream>>>,
    {
        let send = |client| {
            let sent = send(client);
            async move { sent.await.map(|answer| with_body(answer, Untraced)) }
        };
        self.0.begin().send(operation, send, |_, Untraced(body)| Ok(body)).await
    }
}
