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

/// Reads a page. A fenced JSON text that is not an OpenAPI document (an example of a body) is passed over.
pub(crate) fn parse(markdown: &str) -> Result<Page> {
    let mut page = Page { title: String::new(), fences: Vec::new() };
    let mut section = String::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(title) = line.strip_prefix("# ").filter(|_| page.title.is_empty()) {
            title.trim().clone_into(&mut page.title);
        } else if let Some(heading) = line.strip_prefix("## ") {
            heading.trim().clone_into(&mut section);
        } else if line.trim_end() == "```json" {
            let body: Vec<&str> =
                lines.by_ref().map(|(_, l)| l).take_while(|l| l.trim_end() != "```").collect();
            let text = body.join("\n");
            let document: Value = serde_json::from_str(&text)
                .with_context(|| format!("section \"{section}\", the JSON after line {}", number + 1))?;
            if document.get("openapi").is_some() {
                page.fences.push(Fence { section: section.clone(), text, document });
            }
        }
    }
    if page.title.is_empty() {
        bail!("the page has no title (a line that starts with \"# \")");
    }
    if page.fences.is_empty() {
        bail!("the page \"{}\" has no fenced OpenAPI document", page.title);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn broken_json_is_named_by_section_and_line() {
        let error = parse("# Cards\n## Create\n```json\n{\"openapi\":\n```\n").expect_err("broken");
        assert_eq!(error.to_string(), "section \"Create\", the JSON after line 3");
    }
}
