//! Rules that the compiler does not enforce.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use regex::Regex;

use super::{examples, run::Done};

struct Rule {
    what: &'static str,
    /// Pieces are joined, so that this file doesn't break its own rules.
    pattern: &'static [&'static str],
    files: fn(&str) -> bool,
}

const RULES: &[Rule] = &[
    Rule {
        what: "unfinished work",
        pattern: &["to", "do!|unimple", "mented!|FIX", "ME|XX", "X|TO", "DO"],
        files: is_rust,
    },
    Rule { what: "an ignored test", pattern: &[r"#\[ign", "ore"], files: is_rust },
    Rule {
        what: "a machine's path",
        pattern: &["/(home|ro", "ot|us", "ers|wo", "rk|tm", "p)/"],
        files: is_not_a_lock_file,
    },
    Rule {
        what: "a package registry's host",
        pattern: &[r"(static\.|index\.)?crates\.", r"io|pypi\.", r"org|npmjs\.", r"org|debian\.", "org"],
        files: is_not_a_lock_file,
    },
    Rule {
        what: "the folder of the build: use the folder of the run (std::env::var)",
        pattern: &[r#"\benv!\("CARGO_MANI"#, r#"FEST_DIR"\)"#],
        files: is_rust,
    },
    Rule { what: "a wait in real time", pattern: &["thread::", "sleep"], files: is_rust },
];

pub(super) fn check(root: &Path) -> Result<Done> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git can't be started")?;
    ensure!(listed.status.success(), "`git ls-files` failed");
    let mut found = Vec::new();
    for file in String::from_utf8_lossy(&listed.stdout).lines() {
        // A file can be listed and gone, or not be text.
        if let Ok(text) = std::fs::read_to_string(root.join(file)) {
            found.extend(broken_rules(file, &text)?);
            found.extend(examples::broken(file, &text)?);
            found.extend(missing_paths(root, file, &text)?);
        }
    }
    ensure!(found.is_empty(), "\n  {}", found.join("\n  "));
    Ok(Done::Passed)
}

fn broken_rules(file: &str, text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for rule in RULES.iter().filter(|rule| (rule.files)(file)) {
        let pattern = Regex::new(&rule.pattern.concat())?;
        let lines = text.lines().enumerate().filter(|(_, line)| pattern.is_match(line));
        found.extend(lines.map(|(number, _)| format!("{file}:{}: {}", number + 1, rule.what)));
    }
    Ok(found)
}

/// Paths in Markdown that lead nowhere: files that were moved or merged. The folder of a write under way comes and goes.
fn missing_paths(root: &Path, file: &str, text: &str) -> Result<Vec<String>> {
    if !file.ends_with(".md") {
        return Ok(Vec::new());
    }
    let path = Regex::new("`((?:cmp(?:-[a-z]+)?|contract|docs|fleet|fuzz|openapi|tests|xtask)/[^`*…\\s]*)`")?;
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let paths = path.captures_iter(line).map(|found| found[1].to_owned());
        let missing = paths.filter(|path| path != "openapi/.update" && !root.join(path).exists());
        found.extend(missing.map(|path| format!("{file}:{number}: there is no {path}")));
    }
    Ok(found)
}

fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

fn is_not_a_lock_file(file: &str) -> bool {
    !file.ends_with("Cargo.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_line() {
        let text = [
            "fine",
            concat!("to", "do!()"),
            concat!("see /ho", "me/me/x"),
            concat!("https://crates", ".io"),
            concat!("en", "v!(\"CARGO_MANIFEST_DIR\")"),
        ];
        let found = broken_rules("a.rs", &text.join("\n")).unwrap();
        assert_eq!(
            found,
            [
                "a.rs:2: unfinished work",
                "a.rs:3: a machine's path",
                "a.rs:4: a package registry's host",
                "a.rs:5: the folder of the build: use the folder of the run (std::env::var)"
            ]
        );
        assert!(broken_rules("Cargo.lock", text[3]).unwrap().is_empty());
    }

    #[test]
    fn a_path_in_markdown_leads_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("cmp/src")).unwrap();
        let text =
            "`cmp/src`, `cmp/src/*.rs`, `cards/mod.rs`\n`cmp-generated/build.rs` and `cmp/src/gone.rs`";
        let found = missing_paths(folder.path(), "A.md", text).unwrap();
        assert_eq!(
            found,
            ["A.md:2: there is no cmp-generated/build.rs", "A.md:2: there is no cmp/src/gone.rs"]
        );
    }
}
