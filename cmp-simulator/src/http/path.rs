use std::borrow::Cow;

/// The segments of a path, each decoded once: what `%2F` stands for separates nothing, and `..` is a name like others.
/// `None` for what is no path: without `/` at its start, or with an escape that stands for nothing.
pub(crate) fn segments(path: &str) -> Option<Vec<Cow<'_, str>>> {
    path.strip_prefix('/')?.split('/').map(decode).collect()
}

fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(segment.into());
    }
    let (first, escaped) = segment.split_once('%')?;
    let mut octets = first.as_bytes().to_vec();
    for piece in escaped.split('%') {
        let (digits, rest) = piece.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        octets.extend(rest.as_bytes());
    }
    String::from_utf8(octets).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        let cases = [
            ("/cards/%43RD1", Some(vec!["cards", "CRD1"])),
            ("/%63ards/CR%441", Some(vec!["cards", "CRD1"])),
            ("/cards/%2543RD1", Some(vec!["cards", "%43RD1"])),
            ("/cards/a%2Fb%2fc", Some(vec!["cards", "a/b/c"])),
            ("/cards/%2E%2e/x", Some(vec!["cards", "..", "x"])),
            ("/cards/a+b%20c", Some(vec!["cards", "a+b c"])),
            ("/cards/%C3%A4", Some(vec!["cards", "ä"])),
            ("/cards/", Some(vec!["cards", ""])),
            ("/", Some(vec![""])),
            ("/cards/%zz", None),
            ("/cards/%4", None),
            ("/cards/%", None),
            ("/cards/%%34", None),
            ("/cards/%+1", None),
            ("/cards/%ä1", None),
            ("/cards/%C3", None),
            ("*", None),
            ("", None),
        ];
        for (path, expected) in cases {
            let expected = expected.map(|expected| expected.into_iter().map(Cow::from).collect());
            assert_eq!(segments(path), expected, "{path}");
        }
    }
}
