//! Secrets: values that no log, error or `Debug` may show.
//!
//! Each kind is a type of its own. None of them has `Display`, `Deref` or `Serialize`. Those that go into a request have
//! `Deserialize`, whose errors don't repeat the value. `Debug` shows at most the last
//! four characters; the memory is overwritten on drop. `expose` is the one way out, so that a search for it finds
//! every place where a secret leaves.

use std::fmt;

use zeroize::Zeroizing;

use crate::value::{InvalidInput, read::read_as_text};

/// What the schema of `CardAttributes.pan` allows in a request.
const PAN_DIGITS: std::ops::RangeInclusive<usize> = 14..=19;
const CVC_DIGITS: std::ops::RangeInclusive<usize> = 3..=4;

macro_rules! secrets {
    ($($(#[$doc:meta])* $vis:vis $name:ident, $show:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        $vis struct $name(Zeroizing<String>);

        impl $name {
            /// Takes the value as it is, unchecked: for what came from the service or from a store.
            ///
            /// A `Pan` or `Cvc` made this way can be sent too, since behind an inbound proxy an alias may take its place.
            /// The request is then refused only if the value is empty, has more than 64 characters, or holds white
            /// space or a control character.
            #[must_use]
            $vis fn from_trusted(value: impl Into<String>) -> Self {
                Self::of(Zeroizing::new(value.into()))
            }

            /// Takes the value of another secret, without a copy of it.
            pub(crate) fn of(value: Zeroizing<String>) -> Self {
                Self(value)
            }

            /// The value in clear. Every use is a place to review.
            #[must_use]
            $vis fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let show: fn(&str) -> &str = $show;
                write!(f, "{}(***{})", stringify!($name), show(&self.0))
            }
        }
    )*};
}

secrets! {
    /// A primary account number; in answers possibly the alias that stands for it.
    ///
    /// Requests take 14 to 19 digits (schema `CardAttributes`). There is no Luhn check: several documented sandbox
    /// cards fail it. In a response the value may be an alias in any format, so it is not validated.
    ///
    /// ```
    /// let pan = cmp::Pan::new("4111 1111 1111 1111")?;
    /// assert_eq!(pan.expose(), "4111111111111111");
    /// assert_eq!(format!("{pan:?}"), "Pan(***1111)");
    /// # Ok::<(), cmp::InvalidInput>(())
    /// ```
    ///
    /// It can be read with serde, and not written:
    ///
    /// ```
    /// #[derive(Debug, serde::Deserialize)]
    /// struct Order {
    ///     pan: cmp::Pan,
    /// }
    ///
    /// let order: Order = serde_json::from_str(r#"{"pan": "4111111111111111"}"#)?;
    /// assert_eq!(format!("{order:?}"), "Order { pan: Pan(***1111) }");
    /// let number = r#"{"pan": 4111111111111111}"#;
    /// let error = serde_json::from_str::<Order>(number).unwrap_err();
    /// assert!(error.to_string().starts_with("invalid pan: must be a string"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub Pan, last_four;

    /// A card verification code: three digits, or four on American Express.
    pub Cvc, nothing;

    /// The number of a network token, which takes the PAN's place in a payment.
    pub NetworkTokenNumber, last_four;

    /// The secret of a service account.
    pub(crate) ClientSecret, nothing;

    /// A bearer token.
    pub(crate) BearerToken, nothing;

    /// The password of a proxy.
    pub(crate) ProxyPassword, nothing;

    /// The value of a header that the caller set, such as the key of a gateway.
    pub(crate) HeaderText, nothing;

    /// A value that an account updater event reports as changed: it can be a PAN.
    pub UpdatedValue, last_four;
}

#[cfg(feature = "webhooks")]
secrets! {
    /// A member of a notification that this version doesn't know: it can be a PAN.
    pub DetailValue, nothing;
}

/// The value of a cryptogram: up to 32 characters (TAVV) or three digits (DTVV), good for one authorisation.
///
/// It can't be copied or compared, and [`expose`](Self::expose) consumes it.
///
/// ```compile_fail,E0382
/// use cmp::network_tokens::CryptogramValue;
///
/// fn pay(_: &str) {}
///
/// let value = "/wAAAAwAUkMTObMAAAAAgIRgE4A=";
/// let cryptogram = CryptogramValue::from_trusted(value);
/// pay(&cryptogram.expose());
/// pay(&cryptogram.expose());
/// ```
pub struct CryptogramValue(Zeroizing<String>);

impl CryptogramValue {
    /// Takes the value as it is, unchecked: for what came from the service.
    #[must_use]
    pub fn from_trusted(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value in clear, once, overwritten when dropped. Every use is a place to review.
    #[must_use]
    pub fn expose(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Debug for CryptogramValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CryptogramValue(***)")
    }
}

impl Pan {
    /// Takes a PAN of 14 to 19 digits; spaces and hyphens between them are dropped.
    ///
    /// # Errors
    /// [`InvalidInput`] if something else is in it, or it is shorter or longer. The message doesn't repeat the value.
    pub fn new(number: impl Into<String>) -> Result<Self, InvalidInput> {
        let mut number = Zeroizing::new(number.into());
        // In place: a text that grows leaves copies of its beginning in freed memory.
        number.retain(|c| !matches!(c, ' ' | '-'));
        if !only_digits(&number, PAN_DIGITS) {
            return Err(InvalidInput::new("pan", "must be 14 to 19 digits; spaces and hyphens are allowed"));
        }
        Ok(Self(number))
    }
}

impl Cvc {
    /// Takes a CVC of three or four digits.
    ///
    /// # Errors
    /// [`InvalidInput`] if it is anything else. The message doesn't repeat the value.
    pub fn new(code: impl Into<String>) -> Result<Self, InvalidInput> {
        let code = Zeroizing::new(code.into());
        if !only_digits(&code, CVC_DIGITS) {
            return Err(InvalidInput::new("cvc", "must be three or four digits"));
        }
        Ok(Self(code))
    }
}

read_as_text!(Pan, "pan", Pan::new);
read_as_text!(Cvc, "cvc", Cvc::new);
fn only_digits(value: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// The last four characters, where enough others stay hidden.
fn last_four(value: &str) -> &str {
    const HIDDEN_AT_LEAST: usize = 8;
    match value.char_indices().rev().nth(3) {
        Some((start, _)) if value[..start].chars().count() >= HIDDEN_AT_LEAST => &value[start..],
        _ => "",
    }
}

fn nothing(_: &str) -> &str {
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_digits_only_and_as_many_as_they_may() {
        for (pan, fits) in [
            ("4111111111111", false),
            ("41111111111111", true),
            ("4111111111111111111", true),
            ("41111111111111111111", false),
            ("411111111111111x", false),
            ("٤١١١١١١١١١١١١١", false),
        ] {
            assert_eq!(Pan::new(pan).is_ok(), fits, "{pan}");
        }
        for (cvc, fits) in [("12", false), ("123", true), ("1234", true), ("12345", false), ("12x", false)] {
            assert_eq!(Cvc::new(cvc).is_ok(), fits, "{cvc}");
        }
    }

    #[test]
    fn the_last_four_are_shown_if_eight_others_are_hidden() {
        assert_eq!(last_four("12345678abcd"), "abcd");
        assert_eq!(last_four("1234567abcd"), "");
        assert_eq!(last_four("äöüäöüäößabc"), "ßabc");
        assert_eq!(last_four("abc"), "");
    }

    #[test]
    fn each_kind_shows_what_it_may_and_no_more() {
        macro_rules! shown {
            ($($name:ident)*) => { [$(format!("{:?}", $name::from_trusted("4111111111111111"))),*] };
        }
        let tails = shown![Pan NetworkTokenNumber UpdatedValue];
        let expected = ["Pan", "NetworkTokenNumber", "UpdatedValue"];
        assert_eq!(tails, expected.map(|name| format!("{name}(***1111)")));
        let hidden = shown![Cvc ClientSecret BearerToken ProxyPassword HeaderText CryptogramValue];
        let expected =
            ["Cvc", "ClientSecret", "BearerToken", "ProxyPassword", "HeaderText", "CryptogramValue"];
        assert_eq!(hidden, expected.map(|name| format!("{name}(***)")));
        #[cfg(feature = "webhooks")]
        assert_eq!(shown![DetailValue], ["DetailValue(***)"]);
    }
}
