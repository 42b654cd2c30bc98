use crate::{scrub::is_pan, secret::Pan, value::Text};

/// What stands for a stored card's number in an answer.
///
/// A service account with the scope `cards:read-pci` gets the PAN; any other gets an alias, or nothing (source: step 1
/// of the guide). The service doesn't say which it sent, so it is told by its form: what equals `pan_alias`, came
/// beside a CVC that equals `cvc_alias`, or isn't 12 to 19 digits, is an alias. An alias of digits alone that comes
/// without any of these can't be told from a PAN.
///
/// ```
/// # cmp::example!(|cmp, id| {
/// use cmp::StoredNumber;
///
/// let card = cmp.cards().get(&id).await?;
/// match card.number() {
///     Some(StoredNumber::Pan(pan)) => assert_eq!(format!("{pan:?}"), "Pan(***9206)"),
///     Some(StoredNumber::Alias(alias)) => println!("{alias:?}"),
///     _ => println!("neither came back"),
/// }
/// # assert!(matches!(card.number(), Some(StoredNumber::Pan(_))));
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredNumber {
    /// The PAN in clear.
    Pan(Pan),
    /// The alias that stands for it.
    Alias(Text),
}

/// The members of an answer that tell a PAN from its alias.
pub(super) struct Evidence<'a> {
    pub(super) pan: Option<&'a Pan>,
    pub(super) pan_alias: Option<&'a str>,
    pub(super) cvc: Option<&'a str>,
    pub(super) cvc_alias: Option<&'a str>,
}

impl StoredNumber {
    pub(super) fn tell(from: &Evidence<'_>) -> Option<Self> {
        let Some(pan) = from.pan else {
            return from.pan_alias.map(|alias| Self::Alias(Text::from(alias)));
        };
        let number = pan.expose();
        let is_alias = from.pan_alias == Some(number)
            || (from.cvc.is_some() && from.cvc == from.cvc_alias)
            || !is_pan(number);
        Some(if is_alias { Self::Alias(Text::from(number)) } else { Self::Pan(pan.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(pan: &str, pan_alias: Option<&str>, cvc: Option<(&str, &str)>) -> Option<StoredNumber> {
        StoredNumber::tell(&Evidence {
            pan: Some(&Pan::from_trusted(pan)),
            pan_alias,
            cvc: cvc.map(|(cvc, _)| cvc),
            cvc_alias: cvc.map(|(_, alias)| alias),
        })
    }

    #[test]
    fn a_number_is_a_pan_unless_something_speaks_against_it() {
        let is_pan = |told| matches!(told, Some(StoredNumber::Pan(_)));
        assert!(is_pan(tell("4111111111111111", None, None)));
        assert!(is_pan(tell("4111111111111111", Some("tok_sandbox_a"), Some(("123", "tok_sandbox_b")))));
        assert!(!is_pan(tell("4111111111111111", Some("4111111111111111"), None)));
        assert!(!is_pan(tell("4111111111111111", None, Some(("987", "987")))));
        for alias in ["tok_sandbox_p9jU3bC1", "5114103XX3542293", "41111111111", "41111111111111111111"] {
            assert!(!is_pan(tell(alias, None, None)), "{alias}");
        }
    }

    #[test]
    fn without_a_pan_the_alias_stands_for_the_card() {
        let nothing = Evidence { pan: None, pan_alias: None, cvc: None, cvc_alias: None };
        assert_eq!(StoredNumber::tell(&nothing), None);
        let told = StoredNumber::tell(&Evidence { pan_alias: Some("tok_sandbox_a"), ..nothing });
        assert_eq!(told, Some(StoredNumber::Alias(Text::from("tok_sandbox_a"))));
    }
}
