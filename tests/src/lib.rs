//! Holds the crates against each other and against the contract: what the facade says of an operation, what the
//! simulator does, and what `openapi/cmp.json` and the README say. The tests are in `tests/`.

pub mod decoders;
pub mod marks;
pub mod network;
pub mod tls;
pub mod worker;

use std::fmt::Debug;

use cmp::{CardChanges, CardId, Client, Expiry, NewCard, Result, operation::Operation, v1};

/// What a call of any operation needs.
#[derive(Debug)]
pub struct Calls<'a> {
    /// For the operations of CMP.
    pub cmp: &'a Client,
    /// For the operations of V1.
    pub v1: &'a v1::Client,
    /// The card that is stored by `create_card`.
    pub new_card: NewCard,
    /// What `update_card` changes.
    pub changes: CardChanges,
    /// The card in the path of the other operations.
    pub card: &'a CardId,
    /// The alias of V1's operations.
    pub alias: &'a v1::PanAlias,
}

impl Calls<'_> {
    /// Calls an operation through the facade.
    ///
    /// # Errors
    /// As the operation.
    ///
    /// # Panics
    /// For an operation that this has no call for.
    pub async fn call(&self, operation: Operation) -> Result<Box<dyn Debug + Send>> {
        let Self { cmp, v1, card, alias, .. } = *self;
        Ok(match operation {
            Operation::CreateCard => Box::new(cmp.cards().create(self.new_card.clone()).await?),
            Operation::GetCard => Box::new(cmp.cards().get(card).await?),
            Operation::UpdateCard => Box::new(cmp.cards().update(card, self.changes.clone()).await?),
            Operation::DeleteCard => Box::new(cmp.cards().delete(card).await?),
            Operation::ProvisionNetworkToken => Box::new(cmp.network_tokens().provision(card).await?),
            Operation::DeleteNetworkToken => Box::new(cmp.network_tokens().delete(card).await?),
            Operation::RequestCryptogram => Box::new(cmp.network_tokens().cryptogram(card).await?),
            Operation::SubscribeToCardUpdates => Box::new(cmp.account_updater().subscribe(card).await?),
            Operation::UnsubscribeFromCardUpdates => Box::new(cmp.account_updater().unsubscribe(card).await?),
            Operation::CheckForCardUpdates => Box::new(cmp.account_updater().check(card).await?),
            Operation::ProvisionV1NetworkToken => {
                Box::new(v1.enroll(v1::NewEnrollment::new(alias.clone(), Expiry::new(11, 2031)?)).await?)
            }
            Operation::GetV1NetworkToken => Box::new(v1.get(alias).await?),
            Operation::DeleteV1NetworkToken => Box::new(v1.delete(alias).await?),
            other => panic!("{other} is new: add its call here"),
        })
    }
}
