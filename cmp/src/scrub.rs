//! Makes text from outside fit to be shown.
//!
//! An error answer may repeat what was sent. A PAN is a run of digits and so is a CVC; a cryptogram or a token is one
//! long word. Whatever looks like either is masked, at the price of a few harmless numbers. What could forge a line of a
//! log, or turn its direction, is escaped.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// How many digits a PAN has (ISO/IEC 7812-1; the shortest in use have twelve).
pub(crate) const PAN_DIGITS: RangeInclusive<usize> = 12..=19;

const MASK: &str = "***";
const LONGEST_TEXT: usize = 300;
const LONGEST_WORD: usize = 40;
const DIGITS_THAT_MAY_BE_SECRET: usize = 3;
const SECRET_LIKE_WORD: usize = 12;
/// A name such as `newCardHolder` has fewer capitals. Base64 has as many as small letters.
const CAPITALS_OF_BASE64: usize = 4;

/// One line of text from outside with all that may be secret masked.
pub(crate) fn scrub(text: &str) -> String {
    let mut shown = String::new();
    for word in text.split_whitespace() {
        if shown.len() + word.len().min(LONGEST_WORD) > LONGEST_TEXT {
            shown.push_str(" …");
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(&scrub_word(word));
    }
    without_pan(shown)
}

/// A JSON path or pointer from outside, each of its members scrubbed. A member with white space is no name of the API,
/// and may be that of a person.
pub(crate) fn scrub_path(path: &str) -> String {
    let path = path.get(..LONGEST_TEXT).unwrap_or(path);
    without_pan(path.split_inclusive(['.', '/', '[', ']']).take(LONGEST_WORD).map(scrub_member).collect())
}

/// Whether this is a short word of letters, `-`, `_` and `.`, with too few digits to be a number of interest.
pub(crate) fn is_plain_word(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= LONGEST_WORD
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && digits_in(word) < DIGITS_THAT_MAY_BE_SECRET
}

/// Returns `true` if the text looks like an API name and cannot contain a secret.
pub(crate) fn is_harmless_name(word: &str) -> bool {
    is_plain_word(word) && scrub_word(word) == word
}

/// Whether this is a PAN as far as its form says: nothing but digits, as many as a PAN has.
pub(crate) fn is_pan(text: &str) -> bool {
    PAN_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a PAN may be in this text, however it is written. The one rule for all that has to be shown, stored or put into a
/// path, such as ids and trace ids.
///
/// A PAN may be
/// - twelve digits or more in a row, of any script, whatever is before and behind them; or
/// - groups of digits with something else but letters between them, that together have 12 to 19 digits, and are
///   of one length (but for the last of three or more), grouped as card numbers are, or pass the Luhn check; or
/// - groups of digits that begin or end with a number that an issuer can have given, wherever a group ends.
///
/// Every thirtieth word of 32 hexadecimal digits has twelve decimal ones in a row. So in words of 16, 24 or more
/// hexadecimal digits with a letter among them, and in UUIDs, only a number that an issuer can have given counts: see
/// [`hides_a_pan`]. A decimal id of 12 digits or more looks just like a PAN: better an id is missing than a PAN is shown.
pub(crate) fn looks_like_a_pan(text: &str) -> bool {
    if !may_have_a_number(text) {
        return false;
    }
    let mut groups: Vec<String> = Vec::new();
    let words: Vec<_> = text.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
    let mut rest = &words[..];
    while let Some((word, others)) = rest.split_first() {
        if let Some((uuid, after)) = split_uuid(rest) {
            if begins_or_ends_with_a_pan(&uuid) {
                return true;
            }
            rest = after;
            groups.clear();
            continue;
        }
        rest = others;
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        if is_long_hexadecimal(word) {
            if hides_a_pan(word) {
                return true;
            }
            groups.clear();
            continue;
        }
        let mut in_number = false;
        for c in word.chars() {
            if !c.is_numeric() {
                if in_number && are_a_pan(&groups) {
                    return true;
                }
                in_number = false;
                groups.clear();
                continue;
            }
            // Digits of other scripts have no value that matters here.
            let digit = c.to_digit(10).and_then(|digit| char::from_digit(digit, 10)).unwrap_or('0');
            match groups.last_mut().filter(|_| in_number) {
                Some(group) => group.push(digit),
                None => groups.push(digit.to_string()),
            }
            in_number = true;
            if groups.last().is_some_and(|group| group.len() >= *PAN_DIGITS.start()) {
                return true;
            }
        }
        if are_a_pan(&groups) {
            return true;
        }
    }
    false
}

/// Whether there may be enough digits for a PAN without a letter among them: a quick check, which most texts fail. Any byte
/// of another script counts as a digit.
fn may_have_a_number(text: &str) -> bool {
    let mut digits = 0;
    text.bytes().any(|byte| {
        if byte.is_ascii_digit() || !byte.is_ascii() {
            digits += 1;
        } else if byte.is_ascii_alphabetic() {
            digits = 0;
        }
        digits == *PAN_DIGITS.start()
    })
}

/// Whether a PAN may end with the last of these groups, or a PAN that can be given begins or ends them.
fn are_a_pan(groups: &[String]) -> bool {
    ends_like_a_pan(groups) || groups.len() > 1 && begins_or_ends_with_a_pan(&groups.concat())
}

/// Whether the last groups together may be a PAN.
fn ends_like_a_pan(groups: &[String]) -> bool {
    /// American Express and Diners Club.
    const USUAL: [&[usize]; 2] = [&[4, 6, 5], &[4, 6, 4]];
    let mut digits = 0;
    for start in (0..groups.len()).rev() {
        digits += groups[start].len();
        if digits > *PAN_DIGITS.end() {
            return false;
        }
        let groups = &groups[start..];
        let lengths: Vec<_> = groups.iter().map(String::len).collect();
        let regular = match lengths.as_slice() {
            [first, last] => first == last,
            [all @ .., last] => all.iter().all(|length| *length == all[0]) && *last <= lengths[0],
            [] => false,
        };
        let usual = USUAL.contains(&lengths.as_slice());
        if PAN_DIGITS.contains(&digits) && (regular || usual || passes_luhn(&groups.concat())) {
            return true;
        }
    }
    false
}

fn passes_luhn(digits: &str) -> bool {
    let digits = digits.bytes().rev().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit } else { digit * 2 - if digit > 4 { 9 } else { 0 } })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether digits in a row within a long hexadecimal word are a PAN: they begin as an issuer's numbers of this length do,
/// and pass the Luhn check. This holds for one in two thousand random words of 32 digits. Or each digit stands there as its
/// octet, as in `343131` for `411`.
fn hides_a_pan(word: &str) -> bool {
    let has_octets = (0..2).any(|start| {
        let pairs: Vec<_> = word.as_bytes()[start..].chunks_exact(2).collect();
        let octets = pairs.split(|pair| pair[0] != b'3' || !pair[1].is_ascii_digit());
        octets.into_iter().any(|octets| octets.len() >= *PAN_DIGITS.start())
    });
    let runs = word.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= *PAN_DIGITS.start());
    let numbers = runs.flat_map(|run| {
        let places = (0..run.len()).flat_map(|start| PAN_DIGITS.map(move |length| start..start + length));
        places.filter_map(|place| run.get(place))
    });
    has_octets || numbers.into_iter().any(can_be_given)
}

/// The same for the digits of a UUID, in whose midst nobody writes a PAN.
fn begins_or_ends_with_a_pan(digits: &str) -> bool {
    let ends = |length| {
        let last = digits.len().checked_sub(length).and_then(|start| digits.get(start..));
        [digits.get(..length), last]
    };
    PAN_DIGITS.flat_map(ends).flatten().any(can_be_given)
}

/// Whether a PAN that an issuer can have given is in the text, in a row or in whole groups. For texts among which other long
/// numbers are usual, such as a caller's own keys: what [`looks_like_a_pan`] lets pass, this does too. A number in digits of
/// other scripts counts, since no such keys are usual.
pub(crate) fn has_a_given_pan(text: &str) -> bool {
    let is_ascii = !text.contains(|c: char| c.is_numeric() && !c.is_ascii());
    looks_like_a_pan(text) && (!is_ascii || text.split(char::is_alphabetic).any(has_a_given_pan_in_groups))
}

fn has_a_given_pan_in_groups(text: &str) -> bool {
    let groups: Vec<_> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    (0..groups.len()).any(|start| {
        let mut number = String::new();
        groups[start..].iter().any(|group| {
            // No number goes on behind the longest one.
            if number.len() <= *PAN_DIGITS.end() {
                number.push_str(group);
            }
            can_be_given(&number)
        })
    })
}

/// Whether this is a PAN that an issuer can have given.
fn can_be_given(number: &str) -> bool {
    is_pan(number) && is_issued(number) && passes_luhn(number)
}

/// Whether a network has numbers of this length that begin like this. Visa's of 13 digits are left out: none is in use, and
/// random digits look like one too often.
fn is_issued(number: &str) -> bool {
    let first_four = number.get(..4).and_then(|digits| digits.parse::<u16>().ok()).unwrap_or_default();
    match (number.len(), first_four) {
        // Maestro
        (_, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763) => true,
        // UnionPay, Discover
        (16..=19, 6200..=6299 | 8100..=8199 | 6011 | 6440..=6599) => true,
        // American Express; Diners Club
        (15, 3400..=3499 | 3700..=3799) | (14 | 16, 3600..=3699 | 3800..=3999 | 3000..=3059) => true,
        // Visa; Mastercard; JCB
        (16 | 19, 4000..=4999) | (16, 5100..=5599 | 2221..=2720) | (16..=19, 3528..=3589) => true,
        _ => false,
    }
}

/// After a short prefix of letters, such as that of a kind of id.
fn is_long_hexadecimal(word: &str) -> bool {
    /// The id of a trace or span in its short form has 16.
    const SHORT: usize = 16;
    const SHORTEST: usize = 24;
    const LONGEST_PREFIX: usize = 4;
    let prefix = word.bytes().take(LONGEST_PREFIX).take_while(u8::is_ascii_alphabetic).count();
    (0..=prefix).filter_map(|length| word.get(length..)).any(|word| {
        (word.len() == SHORT || word.len() >= SHORTEST)
            && word.bytes().all(|byte| byte.is_ascii_hexdigit())
            && word.bytes().any(|byte| byte.is_ascii_alphabetic())
            && !(word.bytes().any(|byte| byte.is_ascii_lowercase())
                && word.bytes().any(|byte| byte.is_ascii_uppercase()))
    })
}

/// The digits of a UUID and what follows it: five words of 8, 4, 4, 4 and 12 hexadecimal digits, joined by hyphens, with a
/// letter among them.
fn split_uuid<'w, 't>(words: &'w [&'t str]) -> Option<(String, &'w [&'t str])> {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let (uuid, after) = words.split_at_checked(LENGTHS.len())?;
    let fits = uuid.iter().zip(LENGTHS).enumerate().all(|(index, (word, length))| {
        let (digits, end) = word.split_at_checked(length).unwrap_or_default();
        let joined =
            if index + 1 < LENGTHS.len() { end == "-" } else { !end.starts_with(char::is_alphanumeric) };
        digits.len() == length && joined && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let digits: String = uuid.concat().chars().filter(char::is_ascii_hexdigit).collect();
    (fits && digits.bytes().any(|byte| byte.is_ascii_alphabetic())).then_some((digits, after))
}

/// The text with what doesn't print, or turns the direction of what follows, escaped: nothing in it is masked.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Control characters, and characters that show nothing but change how others are shown or compared.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn scrub_member(name: &str) -> String {
    if name.contains(char::is_whitespace) { MASK.to_owned() } else { scrub_word(name) }
}

fn scrub_word(word: &str) -> String {
    let opaque = word.len() >= SECRET_LIKE_WORD && word.bytes().any(|byte| matches!(byte, b'+' | b'='));
    let mixed = word.len() >= SECRET_LIKE_WORD && digits_in(word) > 0;
    let base64 = word.len() >= SECRET_LIKE_WORD
        && word.bytes().any(|byte| byte.is_ascii_lowercase())
        && word.bytes().filter(u8::is_ascii_uppercase).count() >= CAPITALS_OF_BASE64;
    if word.len() > LONGEST_WORD || opaque || mixed || base64 || digits_in(word) >= DIGITS_THAT_MAY_BE_SECRET
    {
        return MASK.to_owned();
    }
    escaped(word)
}

/// Words of one or two digits each can be a PAN together.
fn without_pan(shown: String) -> String {
    if !looks_like_a_pan(&shown) {
        return shown;
    }
    shown.chars().map(|c| if c.is_numeric() { '*' } else { c }).collect()
}

/// Digits of any script: a PAN in Arabic digits is still a PAN.
fn digits_in(word: &str) -> usize {
    word.chars().filter(|c| c.is_numeric()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_masked() {
        for secret in [
            "4111111111111111",
            "4111-1111-1111-1111",
            "(4111111111111111)",
            "123",
            "JWrMYLqNQjmEHQDAZbSx+A==",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "UxMDAyNjAwMDAwMTkyMD",
            "jwrmylqnqjmehqdazbsx+a==",
            "abcdefghijkl1",
            "٤١١١١١١١١١١١١١١١",
        ] {
            assert_eq!(scrub(&format!("bad value {secret} here")), "bad value *** here", "{secret}");
            assert!(!scrub_path(&format!("data.{secret}")).contains(secret), "{secret}");
        }
        assert_eq!(scrub("4111 1111 1111 1111"), "*** *** *** ***");
        assert_eq!(scrub("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"), ["*"; 16].join(" "));
        assert_eq!(scrub("41 11 11 11 11 11 11 11"), ["**"; 8].join(" "));
        assert_eq!(scrub_path("/data/Jane Doe/name"), "/data/***name");
        assert_eq!(scrub_path("4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1"), ["*"; 16].join("."));
    }

    #[test]
    fn names_are_told_from_what_could_be_secret() {
        for name in ["a_later_member", "later-value", "is3ds"] {
            assert!(is_harmless_name(name), "{name}");
        }
        for secret in ["4.1.1.1.1.1.1.1", "JWrMYLqNQjmEHQDAZbSx9A", "Jane Doe", "411111", ""] {
            assert!(!is_harmless_name(secret), "{secret}");
        }
    }

    #[test]
    fn ordinary_messages_stay_readable() {
        let text = "Field 'exp_month' must be between 1 and 12, digitalCardArt MISSING_REQUIRED_FIELD";
        assert_eq!(scrub(text), text);
        assert_eq!(scrub_path("/data/attributes/exp_month"), "/data/attributes/exp_month");
    }

    #[test]
    fn nobody_forges_a_line_or_turns_its_direction() {
        assert_eq!(scrub("two\r\nlines\u{1b}[31m"), "two lines\\u{1b}[31m");
        for c in [
            '\u{202e}',
            '\u{2066}',
            '\u{200f}',
            '\u{200b}',
            '\u{feff}',
            '\u{0}',
            '\u{7f}',
            '\u{9b}',
            '\u{e0041}',
        ] {
            let shown = scrub(&format!("a{c}b"));
            assert_eq!(shown, format!("a{}b", c.escape_unicode()));
            assert_eq!(escaped(&format!("a{c}b")), shown);
        }
        for end in ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}", "\u{b}", "\u{c}"] {
            assert_eq!(scrub(&format!("a{end}b")), "a b", "{end:?}");
            assert!(!escaped(&format!("a{end}b")).contains(end), "{end:?}");
        }
    }

    #[test]
    fn long_text_is_cut() {
        assert!(scrub(&"word ".repeat(1000)).len() < 320);
        assert!(scrub_path(&"a.".repeat(1000)).len() < 320);
        assert!(scrub(&"\u{202e}".repeat(1000)).len() < 320);
    }

    #[test]
    fn a_pan_is_a_pan_however_it_is_written() {
        for digits in [
            "411111111111",
            "4111111111111111",
            "378282246310005",
            "30569309025904",
            "6011000990139424",
            "51002600000192060",
            "6212345678901232",
            "4622943123111560123",
        ] {
            for (before, after) in
                [("", ""), ("a", ""), ("", "x"), ("card_", "_1"), ("pan:", ""), ("\u{5361}", "")]
            {
                let text = format!("{before}{digits}{after}");
                assert!(looks_like_a_pan(&text), "{text}");
            }
            for separator in
                [" ", "-", ".", "_", "/", "\u{a0}", "\u{2009}", "\u{200b}", " - ", "\u{2013}", ","]
            {
                for group in [1, 2, 3, 4, 5] {
                    let groups: Vec<_> = digits.as_bytes().chunks(group).collect();
                    let groups: Vec<_> =
                        groups.iter().map(|group| std::str::from_utf8(group).unwrap()).collect();
                    let text = groups.join(separator);
                    assert!(looks_like_a_pan(&text), "{text}");
                    assert!(looks_like_a_pan(&format!("7 {text} 9")), "{text} among others");
                    assert!(looks_like_a_pan(&format!("a{text}b1")), "{text} beside letters");
                    assert!(
                        looks_like_a_pan(&format!("card {text}, said the service")),
                        "{text} among words"
                    );
                }
            }
        }
        for text in [
            "3782 822463 10005",
            "3056 930902 5904",
            "id 12 4111111111111111",
            "411111 1111111111",
            "41111111 11111111",
            "411111 1111111111111",
            "٤١١١١١١١١١١١١١١١",
            "４１１１ １１１１ １１１１ １１１１",
            "𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏",
            "41111111111111111111",
            "creditcard4111111111111111",
            "aaaaaaa-4111-1111-1111-1111",
            "4-1111111111-1111111",
            "7-4-1111111111-11111",
        ] {
            assert!(looks_like_a_pan(text), "{text}");
        }
    }

    #[test]
    fn ids_of_every_make_are_no_pan() {
        for id in [
            "a53745b329848122089f5f65bf9380a0",
            "A53745B329848122089F5F65BF9380A0",
            "1-5759e988-bd862e3fe1be46a994272793",
            "9f8b7a6c-1234-4321-8765-123456789012",
            "00-a53745b329848122089f5f65bf9380a0-00f067aa0ba902b7-01",
            "CRDecqZp3xRgXU3TFmtcDdzQs",
            "CRDa53745b329848122089f5f65bf9380a0",
            "NT-9f8b7a6c-1234-4321-8765-123456789012",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "CRD12345678901x2345",
            "CRD-2025-01-17-a-948",
            "CRD_20250117_125318_0001",
            "12345678901",
            "",
        ] {
            assert!(!looks_like_a_pan(id), "{id}");
        }
        // A decimal id looks just like a PAN.
        assert!(looks_like_a_pan("1234567890123456789") && looks_like_a_pan("12345678901234567890"));
    }

    #[test]
    fn a_pan_hides_in_no_long_word() {
        for pan in [
            "4111111111111111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "30569309025904",
            "36070500001020",
            "6011000990139424",
            "6212345678901232",
            "3530111333300000",
            "6759649826438453",
            "4000000000000000006",
        ] {
            let octets: String = pan.bytes().map(|octet| format!("{octet:02x}")).collect();
            for id in [
                format!("{pan}abcdef0123456789"),
                format!("abcdef0123456789{pan}"),
                format!("ABCDEF12{pan}34ABCDEF0"),
                format!("CRDab{pan}abcdefabcdef"),
                format!("00-{pan}abcdef0123456789-00f067aa0ba902b7-01"),
                format!("{pan}{}", &"abcdef0123456789abcd"[..32 - pan.len()]),
                format!("1e{octets}"),
                format!("CRD{octets}0ab"),
                format!("abc{octets}"),
            ] {
                assert!(looks_like_a_pan(&id), "{id}");
            }
            let others = &"abcdef0123456789abcd"[..32 - pan.len()];
            for uuid in [format!("{pan}{others}"), format!("{others}{pan}")] {
                let parts = [&uuid[..8], &uuid[8..12], &uuid[12..16], &uuid[16..20], &uuid[20..]];
                assert!(looks_like_a_pan(&parts.join("-")), "{uuid}");
            }
        }
        for id in ["5b8aa5a2d2c872e8", "463ac35c9f6413ad", "ab1234567890123c", "00f067aa0ba902b7"] {
            assert!(!looks_like_a_pan(id), "{id}");
        }
        assert!(looks_like_a_pan("4111111111111111a") && looks_like_a_pan("a378282246310005"));
    }

    #[test]
    fn hardly_a_random_id_is_taken_for_a_pan() {
        const IDS: usize = 20_000;
        let mut random = fastrand::Rng::with_seed(7);
        let mut hexadecimal = |count: usize| -> String {
            (0..count).map(|_| char::from_digit(random.u32(..16), 16).unwrap()).collect()
        };
        let mut taken = [0; 4];
        for _ in 0..IDS {
            let ids = [
                hexadecimal(32),
                [8, 4, 4, 4, 12].map(&mut hexadecimal).join("-"),
                format!("1-{}-{}", hexadecimal(8), hexadecimal(24)),
                hexadecimal(16),
            ];
            for (taken, id) in taken.iter_mut().zip(ids) {
                *taken += usize::from(looks_like_a_pan(&id));
            }
        }
        assert!(taken.iter().all(|taken| *taken <= IDS / 1_000), "{taken:?}");
    }

    #[test]
    fn the_longest_pan_counts_as_a_whole_in_any_groups() {
        assert!(looks_like_a_pan("91 3982 5979 19074 8330"));
    }

    #[test]
    fn only_hyphens_and_whole_words_make_a_uuid() {
        for text in ["aaaaaaaa 4111 1111 1111 1111aaaaaaaa", "ab 1234 5678 9012 3456"] {
            assert!(looks_like_a_pan(text), "{text}");
        }
    }

    #[test]
    fn a_word_of_the_greatest_length_is_shown() {
        let word = "a".repeat(LONGEST_WORD);
        assert_eq!(scrub(&word), word);
        assert_eq!(scrub(&format!("{word}a")), MASK);
    }

    #[test]
    fn three_digits_may_be_a_cvc() {
        assert!(is_plain_word("code-12") && !is_plain_word("code-123"));
    }

    #[test]
    fn only_a_number_that_an_issuer_can_have_given_makes_a_text_suspicious() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "row 4111-1111-1111-1111 of",
            "ab4111111111111111cd",
            "3782 822463 10005",
            "7 4111 1111 1111 1111",
            "٤١١١١١١١١١١١١١١١",
        ] {
            assert!(has_a_given_pan(text), "{text}");
        }
        for text in [
            "",
            "row 1795000000000000017",
            "4111111111111112",
            "4111 1111 a 1111 1111",
            "2025-01-17 12:53:18.0001",
            "12345678901234567890",
            "4111111111111111234",
            // Four of its groups pass the Luhn check, and begin like a Mastercard.
            "b18c8632-2266-4668-8665-0967dbc38a39",
        ] {
            assert!(!has_a_given_pan(text), "{text}");
        }
        for row in 0..10_000 {
            let text = format!("20250117-125318-{row:04}");
            assert!(!has_a_given_pan(&text), "{text}");
        }
    }

    #[test]
    fn a_key_is_no_more_suspicious_than_an_id() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut hexadecimal = |count: usize| -> String {
            (0..count).map(|_| char::from_digit(random.u32(..16), 16).unwrap()).collect()
        };
        let mut refused = 0;
        for _ in 0..20_000 {
            let uuid = [8, 4, 4, 4, 12].map(&mut hexadecimal).join("-");
            for id in [hexadecimal(32), format!("row-{uuid}"), uuid] {
                assert!(!has_a_given_pan(&id) || looks_like_a_pan(&id), "{id}");
                refused += usize::from(has_a_given_pan(&id));
            }
        }
        assert!(refused <= 6, "{refused} of 60,000");
    }
}
