use cmp_generated::types;

open_enum! {
    State from types::KnownCardState {
        Active = "active",
        Closed = "closed",
    }
}

open_enum! {
    Brand from types::KnownCardBrand {
        Visa = "visa",
        Amex = "amex",
    }
}

pub enum Channel {
    Web,
    Shop,
}

pub struct NewCard {
    pan: Pan,
    month: u8,
    channel: Option<Channel>,
    status: Option<String>,
    owner: Option<Owner>,
}

impl NewCard {
    pub fn new(pan: Pan, month: u8) -> Self {
        Self { pan, month, channel: None, status: None, owner: None }
    }

    pub fn channel(mut self, channel: Channel) -> Self {
        self.channel = Some(channel);
        self
    }

    pub fn status(mut self, status: String) -> Self {
        self.status = Some(status);
        self
    }

    fn into_wire(self) -> Result<types::CardRequest, InvalidInput> {
        let attributes = types::CardAttributes {
            pan: Secret::new(self.pan),
            exp_month: self.month,
            cvc_status: self.status,
            channel: self.channel.map(|channel| match channel {
                Channel::Web => types::KnownChannel::Web,
                Channel::Shop => types::KnownChannel::Shop,
            }),
            owner: self.owner.map(Owner::into_wire),
        };
        Ok(types::CardRequest { attributes })
    }
}

pub struct Owner {
    name: Option<String>,
}

impl Owner {
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn into_wire(self) -> types::NewOwner {
        types::NewOwner { name: self.name }
    }
}

impl From<types::Owner> for Owner {
    fn from(wire: types::Owner) -> Self {
        Self { name: wire.name }
    }
}

pub struct Card {
    attributes: Attributes,
}

struct Attributes {
    last4: String,
    mark: Option<String>,
}

impl Card {
    fn from_wire(document: types::CardDocument) -> Self {
        Self { attributes: Attributes::from_wire(document.data.attributes) }
    }

    pub fn last4(&self) -> &str {
        &self.attributes.last4
    }

    pub fn mark(&self) -> Option<&str> {
        self.attributes.mark.as_deref()
    }
}

impl Attributes {
    fn from_wire(from: types::StoredCard) -> Self {
        Self { last4: from.last4, mark: from.fingerprint }
    }
}

pub struct Cards<'a>(&'a Core);

impl Cards<'_> {
    pub async fn create(&self, card: NewCard) -> Result<Card> {
        let body = &card.into_wire()?;
        self.0.call(|client| async move { client.create_card(body).await }).await.map(Card::from_wire)
    }

    pub async fn get(&self, id: &str) -> Result<Card> {
        self.0.call(|client| async move { client.get_card(id, None).await }).await.map(Card::from_wire)
    }

    pub async fn delete(&self, id: &str) -> Result<()> {
        self.0.call(|client| async move { client.delete_card(id).await }).await
    }
}
