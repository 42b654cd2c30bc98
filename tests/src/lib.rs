//! Holds the crates against each other and against the contract: what the facade says of an operation, what the
//! simulator does, and what `openapi/cmp.json` and the README say. The tests are in `tests/`.

pub mod marks;

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
    /// The card in the path of the other operations.
    pub card: &'a CardId,
    /// The alias of V1's operations.
    pub alias: &'a v1::PanAlias,
}

impl Calls<'_> {
    /// Calls an operation through the facade, and drops what it returns.
    ///
    /// # Errors
    /// As the operation.
    ///
    /// # Panics
    /// For an operation that this has no call for.
    pub async fn call(&self, operation: Operation) -> Result<()> {
        let Self { cmp, v1, card, alias, .. } = *self;
        let expiry = Expiry::new(11, 2031)?;
        match operation {
            Operation::CreateCard => cmp.cards().create(self.new_card.clone()).await.map(drop),
            Operation::GetCard => cmp.cards().get(card).await.map(drop),
            Operation::UpdateCard => {
                cmp.cards().update(card, CardChanges::new().expiry(expiry)).await.map(drop)
            }
            Operation::DeleteCard => cmp.cards().delete(card).await,
            Operation::ProvisionNetworkToken => cmp.network_tokens().provision(card).await.map(drop),
            Operation::DeleteNetworkToken => cmp.network_tokens().delete(card).await,
            Operation::RequestCryptogram => cmp.network_tokens().cryptogram(card).await.map(drop),
            Operation::SubscribeToCardUpdates => cmp.account_updater().subscribe(card).await.map(drop),
            Operation::UnsubscribeFromCardUpdates => cmp.account_updater().unsubscribe(card).await,
            Operation::CheckForCardUpdates => cmp.account_updater().check(card).await.map(drop),
            Operation::ProvisionV1NetworkToken => {
                v1.enroll(v1::NewEnrollment::new(alias.clone(), expiry)).await.map(drop)
            }
            Operation::GetV1NetworkToken => v1.get(alias).await.map(drop),
            Operation::DeleteV1NetworkToken => v1.delete(alias).await.map(drop),
            other => panic!("{other} is new: add its call here"),
        }
    }
}
