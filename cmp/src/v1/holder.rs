use cmp_generated::{scalar::Personal, types};

/// Who holds the card (schema `V1HolderInfo`). Personal data: `Debug` shows only which parts are there.
#[derive(Debug, Clone)]
pub struct Holder {
    wire: types::V1HolderInfo,
    billing_address: Option<BillingAddress>,
}

/// A holder's billing address (schema `V1BillingAddress`). Personal data: `Debug` shows only which parts are there.
#[derive(Debug, Clone)]
pub struct BillingAddress {
    wire: types::V1BillingAddress,
}

macro_rules! texts {
    ($of:ident: $($(#[$doc:meta])* $name:ident = $field:ident;)*) => {
        impl $of {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Option<&str> {
                self.wire.$field.as_ref().map(Personal::as_str)
            }
        )*}
    };
}

texts! { Holder:
    /// The name.
    name = name;
    /// The e-mail address.
    email = email;
    /// The telephone number, which the API calls `number`.
    phone = number;
}

texts! { BillingAddress:
    /// The name.
    name = name;
    /// The company.
    company = company;
    /// The first line.
    line1 = address1;
    /// The second line.
    line2 = address2;
    /// The city.
    city = city;
    /// The region or state.
    region = region;
    /// The country.
    country = country;
    /// The postal code.
    postal_code = postal_code;
    /// The telephone number.
    phone = phone;
}

impl Holder {
    /// The billing address.
    #[must_use]
    pub fn billing_address(&self) -> Option<&BillingAddress> {
        self.billing_address.as_ref()
    }
}

impl Holder {
    pub(super) fn from_wire(mut wire: types::V1HolderInfo) -> Self {
        let billing_address = wire.billing_address.take().map(|wire| BillingAddress { wire });
        Self { wire, billing_address }
    }
}
