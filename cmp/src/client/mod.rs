//! The client: where a program starts.

mod builder;
mod proxy;

use std::{future::Future, sync::Arc};

pub use builder::ClientBuilder;
pub(crate) use builder::add_header;
use cmp_generated::{ByteStream, ResponseValue};
pub use proxy::Proxy;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    account_updater::AccountUpdater,
    bulk::Bulk,
    call::{Body, Core, with_body},
    cards::Cards,
    environment::Environment,
    error::Result,
    network_tokens::NetworkTokens,
    operation::Operation,
    payments::Payments,
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
/// let cmp = Client::builder(Environment::Sandbox)
///     .service_account(account)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client(Arc<Core>);

impl Client {
    /// Returns the calls that store, read, change and delete cards.
    #[must_use]
    pub fn cards(&self) -> Cards<'_> {
        Cards::new(&self.0)
    }

    /// Returns the calls that provision and delete network tokens, and get cryptograms for them.
    #[must_use]
    pub fn network_tokens(&self) -> NetworkTokens<'_> {
        NetworkTokens::new(&self.0)
    }

    /// Returns the calls that subscribe cards to updates and check a card on demand.
    #[must_use]
    pub fn account_updater(&self) -> AccountUpdater<'_> {
        AccountUpdater::new(&self.0)
    }

    /// Returns the calls that get what a payment needs, case by case.
    #[must_use]
    pub fn payments(&self) -> Payments<'_> {
        Payments::new(&self.0)
    }

    /// Runs one operation for each of many cards: see [`bulk`](crate::bulk).
    pub fn bulk(&self) -> Bulk {
        Bulk::new(Arc::clone(&self.0))
    }
}

/// The methods that the clients of CMP and of V1 have alike. `$vault` is the builder's method that sets the vault.
macro_rules! client_methods {
    ($client:ident, $environment:ident, $vault:ident) => {
        impl $client {
            /// Builds a client from the variables of the process: see [`Environment::from_env`],
            /// [`ServiceAccount::from_env`](crate::ServiceAccount::from_env), and `VGS_VAULT_ID`, which is optional.
            ///
            /// # Errors
            /// An error that names the variable, if one is missing or invalid.
            pub fn from_env() -> $crate::Result<Self> {
                Self::from_variables(&$crate::environment::Variables::of_process())
            }

            fn from_variables(variables: &$crate::environment::Variables) -> $crate::Result<Self> {
                let account = $crate::ServiceAccount::from_variables(variables)?;
                let builder =
                    Self::builder($environment::from_variables(variables)?).service_account(account);
                match variables.read("VGS_VAULT_ID")? {
                    Some(id) => builder.$vault(id).build(),
                    None => builder.build(),
                }
            }

            /// Returns this client with another retry policy, for calls that must be quicker or may be slower.
            ///
            /// ```
            /// # fn example(client: &cmp::Client) {
            /// use std::time::Duration;
            /// use cmp::retry::RetryPolicy;
            ///
            /// let policy = RetryPolicy::default().deadline(Duration::from_secs(3));
            /// let at_checkout = client.with_retry(policy);
            /// # }
            /// ```
            #[must_use]
            pub fn with_retry(&self, policy: $crate::retry::RetryPolicy) -> Self {
                Self(self.0.with(|core| core.policy = policy))
            }

            /// Returns this client with one more header on each request to the API, such as for one call. `Debug` does
            /// not show its value.
            ///
            /// ```
            /// # fn example(client: &cmp::Client) -> cmp::Result<()> {
            /// let for_this_call = client.with_header("x-request-id", "c0ffee")?;
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the client sets this header itself, or
            /// HTTP doesn't allow it.
            pub fn with_header(&self, name: &str, value: &str) -> $crate::Result<Self> {
                let mut headers = (*self.0.headers).clone();
                $crate::client::add_header(&mut headers, name, value)?;
                Ok(Self(self.0.with(|core| core.headers = headers.into())))
            }

            /// Returns this client with a hook that sees the status and headers of each response, good or bad. It replaces
            /// an earlier hook. The hook runs inside the call: it must be quick and must not panic.
            ///
            /// ```
            /// # fn example(client: &cmp::Client) {
            /// let watched = client.on_answer(|answer| {
            ///     if let Some(left) = answer.headers.get("x-ratelimit-remaining") {
            ///         println!("{}: {left:?} requests left", answer.operation);
            ///     }
            /// });
            /// # }
            /// ```
            #[must_use]
            pub fn on_answer(
                &self,
                hook: impl Fn(&$crate::http::AnswerHead<'_>) + Send + Sync + 'static,
            ) -> Self {
                Self(
                    self.0.with(|core| {
                        core.on_answer = Some($crate::call::OnAnswer(std::sync::Arc::new(hook)))
                    }),
                )
            }

            /// Returns the generated client, with this client's access token, retries and deadline.
            #[must_use]
            pub fn raw(&self) -> $crate::http::Raw<'_> {
                $crate::client::Raw(&self.0)
            }

            /// Gets an access token now, so that the first call does not wait for it.
            ///
            /// # Errors
            /// [`ErrorKind::Authentication`](crate::ErrorKind::Authentication) if the token request fails.
            pub async fn warm_up(&self) -> $crate::Result<()> {
                self.0.warm_up().await
            }

            /// Returns the state of the access token, to read or to watch.
            #[must_use]
            pub fn auth_state(&self) -> tokio::sync::watch::Receiver<$crate::auth::AuthState> {
                self.0.auth.state()
            }

            /// Returns what was unknown in responses so far. It is empty unless the client was built with
            /// [`ClientBuilder::watch_drift`]. Clones count together: see [`drift`](crate::drift).
            #[must_use]
            pub fn drift(&self) -> $crate::drift::Drift {
                self.0.drift.as_ref().map(|watch| watch.snapshot()).unwrap_or_default()
            }

            /// Returns the retry budget, which clones of this client share.
            #[must_use]
            pub fn retry_budget(&self) -> &$crate::retry::RetryBudget {
                &self.0.budget
            }
        }
    };
}

pub(crate) use client_methods;

client_methods!(Client, Environment, vault);

/// A body whose trace id is not looked for.
#[derive(Deserialize)]
#[serde(transparent)]
struct Untraced<T>(T);

impl<T: DeserializeOwned> Body for Untraced<T> {}

/// The generated operations and types, with the access token, retries, deadline and errors of the facade.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a>(pub(crate) &'a Core);

impl Raw<'_> {
    /// Runs one generated operation. `send` is called for each attempt with a client made for it.
    ///
    /// The closure sees the generated error. Its `Display` and `Debug` print whole responses, PANs included: return it
    /// and don't print it. Generated requests can be serialised, secrets included.
    ///
    /// `operation` decides how failures are retried, so it must be the one that `send` runs.
    ///
    /// ```
    /// # cmp::example!(|cmp| {
    /// # let pan = cmp::Pan::new("4111111111111111")?;
    /// # let stored = cmp.cards().create(cmp::NewCard::new(pan, cmp::Expiry::new(5, 2030)?)).await?;
    /// # let id = stored.id().to_string();
    /// use cmp::operation::Operation;
    ///
    /// let id = &id;
    /// let send = |client: cmp::generated::Client| async move {
    ///     client.get_card(id, None).await
    /// };
    /// let raw = cmp.raw().call(Operation::GetCard, send).await?;
    /// assert_eq!(raw.data.and_then(|data| data.id).unwrap().as_str(), id);
    /// # });
    /// ```
    ///
    /// An operation that the facade does not have yet is described by its facts:
    ///
    /// ```
    /// use cmp::operation::{Operation, OperationFacts, RetryClass, Scope};
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
    /// The errors of every call. A 303 of `create_card` is [`ErrorKind::UnexpectedAnswer`](crate::ErrorKind::UnexpectedAnswer) here.
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
