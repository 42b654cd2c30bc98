//! `application/x-www-form-urlencoded`, in queries and in the token request.

/// The pairs in order; what does not decode stands as it is.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decode(&pair[..equals]), decode(pair.get(equals + 1..).unwrap_or_default()))
        })
        .collect()
}

pub(crate) fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let hex = if first == b'%' { tail.get(..2).and_then(hex_byte) } else { None };
        bytes.push(match (first, hex) {
            (b'+', _) => b' ',
            (_, Some(byte)) => byte,
            _ => first,
        });
        rest = if hex.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_decode() {
        let text = b"a=1&b=x+y%20z&c&=d&e=%zz&&f=%E4";
        let expected = [("a", "1"), ("b", "x y z"), ("c", ""), ("", "d"), ("e", "%zz"), ("f", "\u{fffd}")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs(text), expected);
    }
}
