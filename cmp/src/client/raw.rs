use std::future::Future;

use cmp_generated::{ByteStream, ResponseValue};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    call::{Body, Core, with_body},
    error::Result,
    operation::Operation,
};

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
