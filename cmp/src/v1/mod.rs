#![doc = include_str!("migration.md")]

mod model;
mod new_enrollment;

use std::sync::Arc;

use cmp_generated::{hooks::MediaType, types};
use futures_util::FutureExt;

pub use self::{
    model::{BillingAddress, Card, FinalState, Holder, NetworkToken},
    new_enrollment::NewEnrollment,
};
pub use crate::value::PanAlias;
#[cfg(feature = "webhooks")]
use crate::webhooks::CardKey;
use crate::{
    call::{Call, Core, Head},
    client::client_methods,
    environment::environment,
    error::Result,
    operation::Operation,
    wait::Wait,
};

environment! {
    /// The addresses of V1 and of the token endpoint, which is the one of CMP.
    ///
    /// This is a type of its own, so that a V1 client can't be given a CMP environment or the other way round.
    Environment {
        sandbox: "https://calm.sandbox.verygoodsecurity.app",
        live: "https://calm.live.verygoodsecurity.app",
        api_url_variable: "VGS_V1_API_URL",
    }
}

/// Builds a [`Client`].
pub type ClientBuilder = crate::client::ClientBuilder<Environment>;

/// A client of V1. Authentication, retries, deadlines and errors are those of the CMP [`Client`](crate::Client).
///
/// Cheap to clone; clones share connections, the access token and the retry budget. Make one and keep it.
///
/// ```
/// use cmp::{ServiceAccount, v1::{Client, Environment}};
///
/// fn connect() -> cmp::Result<Client> {
///     Client::builder(Environment::Sandbox)
///         .service_account(ServiceAccount::from_env()?)
///         .tenant("tntabc123")
///         .build()
/// }
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

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if there are no credentials, or a header,
    /// certificate or proxy is invalid.
    pub fn build(self) -> Result<Client> {
        Ok(Client(Arc::new(self.into_core(MediaType::Json)?)))
    }
}

impl Client {
    /// Starts to build a client for `environment`. If aliases have to be revealed on the way, set the vault's
    /// [`Proxy`](crate::http::Proxy) and VGS's root certificate.
    pub fn builder(environment: Environment) -> ClientBuilder {
        ClientBuilder::new(environment)
    }

    /// Enrolls a vaulted card for a network token: `POST /network-tokens`.
    ///
    /// The response is not final. [`wait_for_final_state`](Self::wait_for_final_state) or a webhook reports the end.
    /// Enroll at a quiet moment, not during the checkout that first sees the card.
    ///
    /// [`RetryClass::Unsafe`](crate::operation::RetryClass::Unsafe): the effect of a second enrollment is not documented. Source: the
    /// V1 API reference, `POST /network-tokens`.
    ///
    /// ```
    /// # cmp::example!(v1 |v1| {
    /// use cmp::{Expiry, v1::{NewEnrollment, PanAlias}};
    ///
    /// let alias = PanAlias::new("5573495XKjDP28V7312")?;
    /// let card = NewEnrollment::new(alias, Expiry::new(7, 2030)?);
    /// let token = v1.enroll(card).await?;
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
    /// [`RetryClass::Safe`](crate::operation::RetryClass::Safe). Source: the V1 API reference, `GET /network-tokens/{pan_alias}`.
    ///
    /// ```
    /// # cmp::example!(v1 |v1| {
    /// # let alias = cmp::v1::PanAlias::new("5573495XKjDP28V7312")?;
    /// # let expiry = cmp::Expiry::new(7, 2030)?;
    /// # v1.enroll(cmp::v1::NewEnrollment::new(alias.clone(), expiry)).await?;
    /// let token = v1.get(&alias).await?;
    /// assert!(token.is_usable());
    /// # assert_eq!(token.card.and_then(|card| card.expiry), Some(expiry));
    /// # });
    /// ```
    ///
    /// # Errors
    /// 401, 403, 404, 500 and the transient ones.
    pub async fn get(&self, alias: &PanAlias) -> Result<NetworkToken> {
        get(&mut self.0.begin(), alias).await
    }

    /// Deletes the network token of a card: `DELETE /network-tokens/{pan_alias}`. Returns the token in its new state,
    /// [`NetworkTokenState::Deleted`](crate::network_tokens::NetworkTokenState::Deleted).
    ///
    /// [`RetryClass::Idempotent`](crate::operation::RetryClass::Idempotent). If the response to one attempt is lost and the next one
    /// gets 404, the call succeeds without a token. Source: the V1 API reference, `DELETE /network-tokens/{pan_alias}`.
    ///
    /// ```
    /// # cmp::example!(v1 |v1| {
    /// # let alias = cmp::v1::PanAlias::new("5573495XKjDP28V7312")?;
    /// # let expiry = cmp::Expiry::new(7, 2030)?;
    /// # v1.enroll(cmp::v1::NewEnrollment::new(alias.clone(), expiry)).await?;
    /// let token = v1.delete(&alias).await?;
    /// assert!(token.is_none_or(|token| !token.is_usable()));
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

    /// Waits until an enrollment reaches its final state, a success or a failure.
    ///
    /// Polls `GET /network-tokens/{pan_alias}`, also when webhook events or other [`hints`](Wait::hints) come. A webhook
    /// reports the final state (source: the V1 API reference), and no interval for polls is documented.
    ///
    /// ```
    /// # cmp::example!(v1 |v1| {
    /// # let alias = cmp::v1::PanAlias::new("5573495XKjDP28V7312")?;
    /// # let expiry = cmp::Expiry::new(7, 2030)?;
    /// # v1.enroll(cmp::v1::NewEnrollment::new(alias.clone(), expiry)).await?;
    /// let token = v1.wait_for_final_state(&alias).await?.active()?;
    /// assert!(token.is_usable());
    /// # });
    /// ```
    ///
    /// # Errors
    /// At once the errors of [`get`](Self::get) that are not transient, such as 404. At the deadline
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), or the error of the last poll.
    pub fn wait_for_final_state(&self, alias: &PanAlias) -> Wait<'_, FinalState> {
        let of = alias.clone();
        let wait = Wait::new(&self.0, Operation::GetV1NetworkToken, move |call| {
            let alias = of.clone();
            async move { FinalState::of(get(call, &alias).await?) }.boxed()
        });
        #[cfg(feature = "webhooks")]
        let wait = wait.of_card(CardKey::Alias(alias.clone()));
        wait
    }
}

client_methods!(Client, Environment, tenant);

async fn get(call: &mut Call<'_>, alias: &PanAlias) -> Result<NetworkToken> {
    let alias = alias.as_str();
    let send = |client: cmp_generated::Client| async move { client.get_v1_network_token(alias).await };
    call.send(Operation::GetV1NetworkToken, send, read).await
}

#[expect(clippy::unnecessary_wraps, reason = "it is how responses are read")]
fn read(_: Head, token: types::V1NetworkToken) -> Result<NetworkToken> {
    Ok(NetworkToken::from_wire(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Variables;

    #[test]
    fn the_process_environment_decides() {
        let read = |variables: Variables| Environment::from_variables(&variables);
        assert_eq!(read([].into()).unwrap(), Environment::Sandbox);
        assert_eq!(read([("VGS_ENVIRONMENT", "live")].into()).unwrap(), Environment::Live);
        let custom = [
            ("VGS_ENVIRONMENT", "custom"),
            ("VGS_API_URL", "http://127.0.0.1:1"),
            ("VGS_TOKEN_URL", "http://127.0.0.1:9/token"),
        ];
        assert!(
            read(custom.into()).unwrap_err().to_string().contains("VGS_V1_API_URL"),
            "CMP's address is not V1's"
        );
        let custom = [
            ("VGS_ENVIRONMENT", "custom"),
            ("VGS_V1_API_URL", "http://127.0.0.1:9/base/"),
            ("VGS_TOKEN_URL", "http://127.0.0.1:9/token"),
        ];
        assert_eq!(read(custom.into()).unwrap().api_url(), "http://127.0.0.1:9/base");
        let error = read([("VGS_V1_API_URL", "https://a.example")].into()).unwrap_err().to_string();
        assert!(error.contains("VGS_V1_API_URL"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn an_unreadable_vault_id_is_not_left_out() {
        let variables = || Variables::from([("VGS_CLIENT_ID", "id"), ("VGS_CLIENT_SECRET", "secret")]);
        assert!(Client::from_variables(&variables()).is_ok());
        let error = Client::from_variables(&variables().and_unreadable("VGS_VAULT_ID")).unwrap_err();
        assert!(error.to_string().contains("VGS_VAULT_ID"), "{error}");
    }
}
