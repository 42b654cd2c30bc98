//! Amounts, read digit by digit. A binary number does not keep how many decimals were sent.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// A JSON number as an amount.
#[derive(Debug, PartialEq)]
pub(super) enum Written {
    InCents,
    Negative,
    /// With more than two decimals
    TooFine,
}

/// Returns the text of the member at `path` as it was sent. Of several members with one name, the
/// last one counts.
pub(super) fn text<'a>(body: &'a [u8], path: &[&str]) -> Option<&'a str> {
    let mut value: &RawValue = serde_json::from_slice(body).ok()?;
    for name in path {
        value = serde_json::from_str::<HashMap<String, &RawValue>>(value.get()).ok()?.remove(*name)?;
    }
    Some(value.get())
}

/// Reads a JSON number.
pub(super) fn written(number: &str) -> Written {
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{decimals}");
    let significant = all.trim_end_matches('0');
    if significant.is_empty() {
        return Written::InCents;
    }
    if is_negative {
        return Written::Negative;
    }
    // A larger exponent is far beyond a number with two decimals.
    let exponent: i64 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
    let decimals = significant.len() as i64 - whole.len() as i64 - exponent;
    if decimals <= 2 { Written::InCents } else { Written::TooFine }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_cents() {
        for number in [
            "0",
            "-0",
            "0.00",
            "-0.0",
            "0e9",
            "0.000",
            "1",
            "0.01",
            "19.99",
            "19.990",
            "4.35",
            "1e2",
            "1E+2",
            "1.5e0",
            "1999e-2",
            "19990e-3",
            "0.1e-1",
            "100e-4",
            "5000000.01",
            "90071992547409.92",
            "99999999999999999999.99",
            "1e300",
        ] {
            assert_eq!(written(number), Written::InCents, "{number}");
        }
        for number in [
            "0.001",
            "5000000.005",
            "19.999",
            "1.005",
            "0.011",
            "1e-3",
            "19.9901",
            "0.010000000000000000001",
            "1e-99",
            "90071992547409.925",
            "9999999999999999.999",
            "1e-99999999999999999999",
            "0.1e-2",
        ] {
            assert_eq!(written(number), Written::TooFine, "{number}");
        }
        for number in ["-1", "-0.01", "-0.001", "-1e-9", "-1e300"] {
            assert_eq!(written(number), Written::Negative, "{number}");
        }
    }

    #[test]
    fn the_text_is_that_of_the_last_member() {
        let body = br#"{ "data": { "amount": 1, "amount" : 5000000.0050 , "other": [1] } }"#;
        assert_eq!(text(body, &["data", "amount"]), Some("5000000.0050"));
        assert_eq!(text(body, &["data", "none"]), None);
        assert_eq!(text(b"{", &["data"]), None);
    }
}
