//! Examples in the documentation that users read.
//!
//! No line is wider than the column. The first example of a page is complete: no name comes from a hidden line. Each public
//! module has a link on the page of the crate.

use std::{collections::BTreeSet, path::Path};

use anyhow::Result;
use regex::Regex;

/// The width of an example in rendered documentation, in characters.
const COLUMN: usize = 76;

/// A line with its number, without the marks of a comment.
type Line<'a> = (usize, &'a str);

/// Returns what is wrong with the examples of a file, by line.
pub(super) fn broken(file: &str, text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if !is_read_by_users(file) {
        return Ok(found);
    }
    for (is_page, lines) in blocks(file, text) {
        let mut first = true;
        for (start, is_rust, example) in examples(&lines) {
            let is_hidden = |line: &Line<'_>| is_rust && (line.1.starts_with("# ") || line.1 == "#");
            let (hidden, shown): (Vec<Line<'_>>, Vec<_>) = example.into_iter().partition(is_hidden);
            let wide = shown.iter().filter(|(_, line)| line.chars().count() > COLUMN);
            found.extend(wide.map(|(at, _)| {
                format!("{file}:{at}: a line of an example is wider than {COLUMN} characters")
            }));
            if is_page && is_rust && std::mem::take(&mut first) {
                let names = unexplained(&hidden, &shown)?;
                if !names.is_empty() {
                    let names = names.into_iter().collect::<Vec<_>>().join(", ");
                    found.push(format!("{file}:{start}: a hidden line of the first example names {names}"));
                }
            }
        }
    }
    if file.ends_with("src/lib.rs") {
        let modules = Regex::new(r"(?m)^pub mod (\w+)")?;
        let names = modules.captures_iter(text).map(|found| found[1].to_owned());
        let unlinked = names.filter(|name| !text.contains(&format!("[`{name}`]")));
        found.extend(unlinked.map(|name| format!("{file}: the documentation has no link to `{name}`")));
    }
    Ok(found)
}

fn is_read_by_users(file: &str) -> bool {
    let of_crate = ["cmp/", "cmp-generated/src/", "cmp-simulator/", "cmp-store/"]
        .iter()
        .any(|folder| file.starts_with(folder));
    let kind = Path::new(file).extension().unwrap_or_default();
    match kind.to_str() {
        Some("rs") => of_crate && !file.contains("/tests/"),
        Some("md") => of_crate || file == "README.md" || file.starts_with("docs/"),
        _ => false,
    }
}

/// The documentation in a file, piece by piece, and whether the piece begins a page.
fn blocks<'a>(file: &str, text: &'a str) -> Vec<(bool, Vec<Line<'a>>)> {
    let mut lines = text.lines().zip(1..).map(|(line, number)| (number, line)).peekable();
    if file.ends_with(".md") {
        return vec![(true, lines.collect())];
    }
    let mut blocks = Vec::new();
    while let Some((_, line)) = lines.peek() {
        let Some(mark) = ["//!", "///"].into_iter().find(|mark| line.trim_start().starts_with(mark)) else {
            lines.next();
            continue;
        };
        let mut block = Vec::new();
        while let Some((number, line)) = lines.next_if(|(_, line)| line.trim_start().starts_with(mark)) {
            let line = &line.trim_start()[mark.len()..];
            block.push((number, line.strip_prefix(' ').unwrap_or(line)));
        }
        while lines.next_if(|(_, line)| line.trim_start().starts_with("#[")).is_some() {}
        let item = lines.peek().map(|(_, line)| line.trim_start()).unwrap_or_default();
        let has_page = ["struct", "enum", "trait", "mod", "type"];
        let is_page = mark == "//!"
            || item
                .strip_prefix("pub ")
                .is_some_and(|item| has_page.iter().any(|kind| item.starts_with(kind)));
        blocks.push((is_page, block));
    }
    blocks
}

/// The fenced examples: where each begins, whether it is Rust, and its lines.
fn examples<'a>(lines: &[Line<'a>]) -> Vec<(usize, bool, Vec<Line<'a>>)> {
    let mut examples = Vec::new();
    let mut open: Option<(usize, bool, Vec<Line<'a>>)> = None;
    for (number, line) in lines {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => examples.extend(open.take()),
            (Some(language), None) => {
                let rust = ["rust", "no_run", "ignore", "should_panic", "compile_fail"];
                let is_rust = language.is_empty() || rust.iter().any(|word| language.starts_with(word));
                open = Some((*number, is_rust, Vec::new()));
            }
            (None, Some((.., example))) => example.push((*number, line)),
            (None, None) => {}
        }
    }
    examples
}

/// The names that only hidden lines explain, of those that the shown lines use.
fn unexplained(hidden: &[Line<'_>], shown: &[Line<'_>]) -> Result<BTreeSet<String>> {
    let text = |lines: &[Line<'_>]| lines.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
    let silent = Regex::new(r#"//[^\n]*|"[^"\n]*""#)?;
    let (hidden, shown) = (text(hidden), text(shown));
    let shown = silent.replace_all(&shown, "");
    let (introduced, explained) = (introduced(&hidden)?, introduced(&shown)?);
    let mut used = BTreeSet::new();
    for word in Regex::new(r"\w+")?.find_iter(&shown) {
        let (before, after) = (&shown[..word.start()], &shown[word.end()..]);
        if !before.ends_with(['.', ':']) && !after.starts_with("::") {
            used.insert(word.as_str().to_owned());
        }
    }
    Ok(introduced.into_iter().filter(|name| used.contains(name) && !explained.contains(name)).collect())
}

/// The names that code introduces: imports, variables, parameters and functions.
fn introduced(code: &str) -> Result<BTreeSet<String>> {
    let places = Regex::new(r"\buse ([^;]+);|\blet ([^=]+)=|[|(]([\w, ]+)(?:\||\): )|\b(\w+): |\bfn (\w+)")?;
    let word = Regex::new(r"\w+")?;
    let mut names = BTreeSet::new();
    for found in places.captures_iter(code) {
        for place in found.iter().skip(1).flatten() {
            names.extend(word.find_iter(place.as_str()).map(|name| name.as_str().to_owned()));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_page(example: &str) -> Vec<String> {
        broken(
            "README.md",
            &format!("A page.\n\n```rust\n{example}\n```\n\n```rust\n# let id = 1;\nuse_of(id);\n```\n"),
        )
        .unwrap()
    }

    #[test]
    fn the_first_example_of_a_page_is_complete() {
        let complete =
            "fn read(id: &Id) {\n    card(id, \"text\");\n}\n# let (id, text) = ids();\n# read(&id);";
        assert!(of_page(complete).is_empty());
        let words = "a hidden line of the first example names";
        for (incomplete, name) in [
            ("# let id = 1;\nread(id);", "id"),
            ("# run(|client, id| {\nclient.read();\n# });", "client"),
            ("# fn example(client: &Client) {\nclient.read();\n# }", "client"),
            ("# use shop::Order;\nread(Order);", "Order"),
        ] {
            assert_eq!(of_page(incomplete), [format!("README.md:3: {words} {name}")], "{incomplete}");
        }
    }

    #[test]
    fn no_line_of_an_example_is_wider_than_the_column() {
        let (fits, wide) = ("x".repeat(COLUMN), "x".repeat(COLUMN + 1));
        assert!(of_page(&format!("{fits}\n# {wide}")).is_empty());
        let words = "a line of an example is wider than 76 characters";
        assert_eq!(of_page(&wide), [format!("README.md:4: {words}")]);
        let method = format!(
            "impl A {{\n    /// Text {wide}\n    ///\n    /// ```\n    /// {wide}\n    /// ```\n    pub fn a() {{}}\n}}\n"
        );
        assert_eq!(broken("cmp/src/a.rs", &method).unwrap(), [format!("cmp/src/a.rs:5: {words}")]);
        assert!(broken("contract/src/a.rs", &method).unwrap().is_empty(), "users don't read it");
    }

    #[test]
    fn each_public_module_has_a_link() {
        let text = "//! [`cards`] and payments.\n\npub mod cards;\npub mod payments;\nmod http;\n";
        let found = broken("cmp/src/lib.rs", text).unwrap();
        assert_eq!(found, ["cmp/src/lib.rs: the documentation has no link to `payments`"]);
    }
}
