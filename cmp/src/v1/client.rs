use std::sync::Arc;

use cmp_generated::{hooks::MediaType, types};
use futures_util::FutureExt;
use tokio::sync::watch;

use super::{Environment, FinalState, NetworkToken, NewEnrollment, PanAlias};
#[cfg(feature = "webhooks")]
use crate::webhooks::Subject;
use crate::{
    auth::{AuthState, ServiceAccount},
    call::{Call, Core, Head},
    client::Raw,
    drift::Drift,
    error::Result,
    operation::Operation,
    retry::{RetryBudget, RetryPolicy},
    variables::Variables,
    wait::Wait,
};

/// Makes a [`Client`].
pub type ClientBuilder = crate::client::ClientBuilder<Environment>;

/// A client of V1. Authentication, retries, deadlines and errors are those of the CMP [`Client`](crate::Client).
///
/// Cheap to clone; clones share connections, the access token and the retry budget. Make one and keep it.
///
/// ```
/// # fn example() -> cmp::Result<()> {
/// use cmp::{ServiceAccount, v1::{Client, Environment}};
///
/// let account = ServiceAccount::from_env()?;
/// let v1 = Client::builder(Environment::Sandbox).service_account(account).tenant("tntabc123").build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client(Arc<Core>);

impl ClientBuilder {
    /// Sends `Calm-Tenant` with this vault id, as VGS's own command line does. Called twice, the last id is sent.
    pub fn tenant(self, vault_id: impl Into<String>) -> Self {
        self.header("calm-tenant", vault_id)
    }

    /// Sends `Calm-Merchant` with this merchant id, `MC…` (source: demos that VGS's partners publish). Called twice, the
    /// last id is sent.
    pub fn merchant(self, merchant_id: impl Into<String>) -> Self {
        self.header("calm-merchant", merchant_id)
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if there are no credentials, or a header,
    /// certificate or proxy can't be used.
    pub fn build(self) -> Result<Client> {
        Ok(Client(Arc::new(self.into_core(MediaType::Json)?)))
    }
}

impl Client {
    /// Starts a client for `environment`. Where aliases have to be revealed on the way, give it the vault's
    /// [`Proxy`](crate::Proxy) and VGS's root certificate.
    pub fn builder(environment: Environment) -> ClientBuilder {
        ClientBuilder::new(environment)
    }

    /// A client for the service account and environment that the process environment names: see
    /// [`Environment::from_env`], [`ServiceAccount::from_env`], and `VGS_VAULT_ID`, which is optional.
    ///
    /// # Errors
    /// If a variable is missing or wrong; the message names it.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(&Variables::of_process())
    }

    fn from_variables(variables: &Variables) -> Result<Self> {
        let account = ServiceAccount::from_variables(variables)?;
        let builder = Self::builder(Environment::from_variables(variables)?).service_account(account);
        match variables.read("VGS_VAULT_ID")? {
            Some(vault) => builder.tenant(vault).build(),
            None => builder.build(),
        }
    }

    /// Enrolls a vaulted card for a network token: `POST /network-tokens`.
    ///
    /// The answer is not final: [`wait_for_final_state`](Self::wait_for_final_state), or a webhook, tells how it ends.
    /// Enrolling is meant for a quiet moment, not for the checkout that first sees the card.
    ///
    /// [`RetryClass::Unsafe`](crate::RetryClass::Unsafe): nothing says what enrolling an enrolled card does. Source:
    /// the V1 API reference, `POST /network-tokens`.
    ///
    /// ```
    /// # cmp::example!(v1 |v1| {
    /// use cmp::{Expiry, v1::{NewEnrollment, PanAlias}};
    ///
    /// let alias = PanAlias::new("5573495XKjDP28V7312")?;
    /// let token = v1.enroll(NewEnrollment::new(alias.clone(), Expiry::new(7, 2030)?)).await?;
    /// assert_eq!(token.alias(), Some(&alias));
    /// assert!(!token.is_usable());
    /// # });
    /// ```
    ///
    /// # Errors
    /// 400, 401, 403, 404 with `declined`, 422 (see [`Error::is_declined`](crate::Error::is_declined) and
    /// [`Error::is_invalid_request`](crate::Error::is_invalid_request)), 500 and the transient ones.
    pub async fn enroll(&self, enrollment: NewEnrollment) -> Result<NetworkToken> {
        let body = &enrollment.to_wire()?;
        let send =
            |client: cmp_generated::Client| async move { client.provision_v1_network_token(body).await };
        self.0.begin().send(Operation::ProvisionV1NetworkToken, send, read).await
    }

    /// Reads the network token of a card: `GET /network-tokens/{pan_alias}`.
    ///
    /// [`RetryClass::Safe`](crate::RetryClass::Safe). Source: the V1 API reference, `GET /network-tokens/{pan_alias}`.
    ///
    /// ```
    /// # cmp::example!(v1 |v1| {
    /// # let alias = cmp::v1::PanAlias::new("5573495XKjDP28V7312")?;
    /// # v1.enroll(cmp::v1::NewEnrollment::new(alias.clone(), cmp::Expiry::new(7, 2030)?)).await?;
    /// let token = v1.get(&alias).await?;
    /// assert!(token.is_usable());
    /// assert_eq!(token.card().and_then(|card| card.expiry()), Some("07/30".parse()?));
    /// # });
    /// ```
    ///
    /// # Errors
    /// 401, 403, 404, 500 and the transient ones.
    pub async fn get(&self, alias: &PanAlias) -> Result<NetworkToken> {
        get(&mut self.0.begin(), alias).await
    }

    /// Deletes the network token of a card: `DELETE /network-tokens/{pan_alias}`. Gives the token in its new state,
    /// [`NetworkTokenState::Deleted`](crate::NetworkTokenState::Deleted).
    ///
    /// [`RetryClass::Idempotent`](crate::RetryClass::Idempotent): if an attempt's answer was lost and the next one is
    /// told 404, that is a success, and there is no token to give. Source: the V1 API reference,
    /// `DELETE /network-tokens/{pan_alias}`.
    ///
    /// ```
    /// # cmp::example!(v1 |v1| {
    /// # let alias = cmp::v1::PanAlias::new("5573495XKjDP28V7312")?;
    /// # v1.enroll(cmp::v1::NewEnrollment::new(alias.clone(), cmp::Expiry::new(7, 2030)?)).await?;
    /// let token = v1.delete(&alias).await?.expect("the first attempt was answered");
    /// assert_eq!(token.state(), &cmp::NetworkTokenState::Deleted);
    /// # });
    /// ```
    ///
    /// # Errors
    /// 401, 403, 404, 500 and the transient ones.
    pub async fn delete(&self, alias: &PanAlias) -> Result<Option<NetworkToken>> {
        let alias = alias.as_str();
        let send = |client: cmp_generated::Client| async move { client.delete_v1_network_token(alias).await };
        match self.0.begin().send(Operation::DeleteV1NetworkToken, send, read).await {
            Err(error) if error.is_deleted_by_us() => Ok(None),
            deleted => deleted.map(Some),
        }
    }

    /// Waits until an enrollment has come to its end: success or failure.
    ///
    /// By polling `GET /network-tokens/{pan_alias}` unless events or other [`hints`](Wait::hints) say when to look; a webhook
    /// reports the final state (source: the V1 API reference), and no interval is documented.
    ///
    /// ```
    /// # cmp::example!(v1 |v1| {
    /// # let alias = cmp::v1::PanAlias::new("5573495XKjDP28V7312")?;
    /// # v1.enroll(cmp::v1::NewEnrollment::new(alias.clone(), cmp::Expiry::new(7, 2030)?)).await?;
    /// use std::time::Duration;
    ///
    /// let end = v1.wait_for_final_state(&alias).deadline(Duration::from_secs(120)).await?;
    /// let token = end.active()?;
    /// assert!(token.is_usable());
    /// # });
    /// ```
    ///
    /// # Errors
    /// At once what [`get`](Self::get) ends with and waiting can't mend, such as 404.
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) at the deadline, or the failure that the last look ended with.
    pub fn wait_for_final_state(&self, alias: &PanAlias) -> Wait<'_, FinalState> {
        let of = alias.clone();
        let wait = Wait::new(&self.0, Operation::GetV1NetworkToken, move |call| {
            let alias = of.clone();
            async move { FinalState::of(get(call, &alias).await?) }.boxed()
        });
        #[cfg(feature = "webhooks")]
        let wait = wait.about(Subject::Alias(alias.clone()));
        wait
    }

    /// The generated client, with this client's token, retries and deadline around it.
    #[must_use]
    pub fn raw(&self) -> Raw<'_> {
        Raw::new(&self.0)
    }

    /// The same client with another retry policy.
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

    /// What the service has sent so far that this version doesn't know: see [`drift`](crate::drift).
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

async fn get(call: &mut Call<'_>, alias: &PanAlias) -> Result<NetworkToken> {
    let alias = alias.as_str();
    let send = |client: cmp_generated::Client| async move { client.get_v1_network_token(alias).await };
    call.send(Operation::GetV1NetworkToken, send, read).await
}

#[expect(clippy::unnecessary_wraps, reason = "it is how responses are read")]
fn read(_: Head, token: types::V1NetworkToken) -> Result<NetworkToken> {
    Ok(NetworkToken::from_wire(token))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_vault_id_is_not_left_out() {
        let variables = || Variables::from([("VGS_CLIENT_ID", "id"), ("VGS_CLIENT_SECRET", "secret")]);
        assert!(Client::from_variables(&variables()).is_ok());
        let error = Client::from_variables(&variables().and_unreadable("VGS_VAULT_ID")).unwrap_err();
        assert!(error.to_string().contains("VGS_VAULT_ID"), "{error}");
    }
}
