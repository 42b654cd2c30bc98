//! Documentation pages: Markdown with one fenced OpenAPI document an operation.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// An OpenAPI document found on a page.
#[derive(Debug)]
pub(crate) struct Fence {
    /// The heading of the section that it stands in.
    pub(crate) section: String,
    /// The text between the fences, as published.
    pub(crate) text: String,
    pub(crate) document: Value,
}

/// A page's title and the OpenAPI documents on it, in order.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) fences: Vec<Fence>,
}

/// Reads a page. A fenced text that is not an OpenAPI document (an example of a body, a command) is passed over.
pub(crate) fn parse(markdown: &str) -> Result<Page> {
    let mut page = Page { title: String::new(), fences: Vec::new() };
    let mut section = String::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(title) = line.strip_prefix("# ").filter(|_| page.title.is_empty()) {
            title.trim().clone_into(&mut page.title);
        } else if let Some(heading) = line.strip_prefix("## ") {
            heading.trim().clone_into(&mut section);
        } else if let Some(opening) = Opening::read(line) {
            let place = || format!("section \"{section}\", the fence in line {}", number + 1);
            let text = opening.body(lines.by_ref().map(|(_, line)| line));
            let text = text.with_context(|| format!("{} is not closed", place()))?;
            if let Some(document) = document(&opening.language, &text).with_context(place)? {
                page.fences.push(Fence { section: section.clone(), text, document });
            }
        }
    }
    if page.title.is_empty() {
        bail!("the page has no title (a line that starts with \"# \")");
    }
    if page.fences.is_empty() {
        bail!(
            "the page \"{}\" has no fenced OpenAPI document (```json or ```yaml with a member \"openapi\")",
            page.title
        );
    }
    Ok(page)
}

/// The line that opens a fence.
struct Opening {
    mark: char,
    width: usize,
    /// The first word behind the mark, in lower case: `json` of ```` ```json title="x" ````.
    language: String,
}

impl Opening {
    fn read(line: &str) -> Option<Self> {
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = line.trim_start_matches(mark);
        let width = line.len() - info.len();
        let language = info.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let is_inline_code = mark == '`' && info.contains('`');
        (width >= 3 && !is_inline_code).then_some(Self { mark, width, language })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let rest = line.trim_end().trim_start_matches(self.mark);
        rest.is_empty() && line.trim_end().len() >= self.width
    }

    /// What stands up to the closing line; `None` without one.
    fn body<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Option<String> {
        let mut body = Vec::new();
        for line in lines {
            if self.is_closed_by(line) {
                return Some(body.join("\n"));
            }
            body.push(line);
        }
        None
    }
}

/// The OpenAPI document in a fenced text, `None` where it is something else. What can't be parsed is something else too,
/// as samples have comments and ellipses, unless it has the member that marks an OpenAPI document.
fn document(language: &str, text: &str) -> Result<Option<Value>> {
    let (parsed, is_marked) = match language {
        "json" => (serde_json::from_str(text).context("not JSON"), text.contains("\"openapi\"")),
        "yaml" | "yml" => (
            yaml_serde::from_str(text).context("not YAML"),
            text.lines().any(|line| line.starts_with("openapi:")),
        ),
        _ => return Ok(None),
    };
    match parsed {
        Ok(value) => Ok(Some(value).filter(|value: &Value| value.get("openapi").is_some())),
        Err(error) if is_marked => Err(error),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(markdown: &str) -> Vec<String> {
        parse(markdown).expect("a page").fences.into_iter().map(|fence| fence.section).collect()
    }

    fn error(markdown: &str) -> String {
        format!("{:#}", parse(markdown).expect_err("a bad page"))
    }

    #[test]
    fn documents_are_found_under_their_sections_and_samples_are_passed_over() {
        let page = parse(
            "# Cards\n\n## Create\n> text\n```json\n{\"openapi\":\"3.1.0\"}\n```\n## Get\n\
             ```json\n{\"data\":1}\n```\n```json\n{\"openapi\":\"3.1.0\",\"b\":1}\n```\n",
        )
        .expect("a page");
        assert_eq!(page.title, "Cards");
        let sections: Vec<_> = page.fences.iter().map(|f| f.section.as_str()).collect();
        assert_eq!(sections, ["Create", "Get"]);
        assert_eq!(page.fences[0].text, "{\"openapi\":\"3.1.0\"}");
    }

    #[test]
    fn a_fence_may_say_more_than_its_language_and_may_hold_yaml() {
        assert_eq!(sections("# P\n## A\n```json title=\"x\"\n{\"openapi\":\"3.1.0\"}\n```\n"), ["A"]);
        assert_eq!(sections("# P\n## B\n```yaml\nopenapi: 3.1.0\n```\n"), ["B"]);
        assert_eq!(sections("# P\n## C\n~~~~ JSON\n{\"openapi\":\n\"```\"}\n~~~~~\n"), ["C"]);
    }

    #[test]
    fn samples_that_are_no_json_and_headings_in_other_fences_are_passed_over() {
        let document = "```json\n{\"openapi\":\"3.1.0\"}\n```\n";
        assert_eq!(sections(&format!("# P\n## A\n```json\n{{\"a\": 1 // one\n}}\n```\n{document}")), ["A"]);
        assert_eq!(sections(&format!("# P\n## A\n```sh\n## B\n```\n``` x ```\n{document}")), ["A"]);
        let page = parse(&format!("```sh\n# not the title\n```\n# P\n{document}")).expect("a page");
        assert_eq!(page.title, "P");
    }

    #[test]
    fn a_broken_document_is_named_by_section_and_line() {
        let text = error("# Cards\n## Create\n```json\n{\"openapi\":\n```\n");
        assert!(text.starts_with("section \"Create\", the fence in line 3: not JSON: "), "{text}");
        let text = error("# Cards\n## Create\n```yaml\nopenapi: [\n```\n");
        assert!(text.starts_with("section \"Create\", the fence in line 3: not YAML: "), "{text}");
    }

    #[test]
    fn a_fence_that_is_not_closed_is_refused() {
        let text = error("# Cards\n## Create\n```json\n{\"openapi\":\"3.1.0\"}\n");
        assert_eq!(text, "section \"Create\", the fence in line 3 is not closed");
    }
}
