//! How the generator turns the documents' names into Rust's.

/// The words of a name: `card_id` and `cardId` are `card` and `id`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for letter in name.chars() {
        if !letter.is_ascii_alphanumeric() || (previous_lower && letter.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(letter.to_ascii_lowercase());
        }
        previous_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The name of a field, an argument or a method.
pub(super) fn snake(name: &str) -> String {
    let snake = words(name).join("_");
    match snake.as_str() {
        "type" | "ref" | "self" | "match" | "mod" | "use" | "in" | "for" | "fn" | "enum" | "struct" => {
            snake + "_"
        }
        _ => snake,
    }
}

/// The name of a type or a variant.
pub(super) fn pascal(name: &str) -> String {
    let capital = |word: &String| word[..1].to_uppercase() + &word[1..];
    words(name).iter().map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_generated_code() {
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("describedby"), "describedby");
        assert_eq!(snake("cardId"), "card_id");
        assert_eq!(pascal("DIGITAL_CARD_ART_BACKGROUND"), "DigitalCardArtBackground");
        assert_eq!(pascal("opt-out"), "OptOut");
        assert_eq!(pascal("TAVV"), "Tavv");
        assert_eq!(pascal("cvc_status"), "CvcStatus");
    }
}
