//! Documentation pages: Markdown with fenced OpenAPI documents.

use std::{ops::Range, sync::LazyLock};

use anyhow::{Context, Result, bail, ensure};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use regex::Regex;
use serde_json::Value;

use super::read::{self, Language};

/// Matches a text that looks like an OpenAPI document in any notation.
static VERSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i)\bopenapi\\?["']?\s*:\s*\\?["']?[0-9]"#).expect("a valid expression"));
/// Matches a text that may be a broken OpenAPI document.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?im)["']openapi\\?["']|^\W*openapi\s*:|[{,]\s*openapi\s*:"#).expect("a valid expression")
});
/// Other members of a whole document.
static PATHS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\b(paths|webhooks)\\?["']?\s*:"#).expect("a valid expression"));

/// An OpenAPI document found on a page.
#[derive(Debug)]
pub(crate) struct Fence {
    /// The heading of the section that it stands in.
    pub(crate) section: String,
    /// The line of the page on which the fence opens.
    pub(crate) line: usize,
    /// The text between the fences, as published.
    pub(crate) text: String,
    pub(crate) document: Value,
}

/// A page's title and the OpenAPI documents on it, in order.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) fences: Vec<Fence>,
}

/// Reads a page. Code that is not an OpenAPI document (an example of a body, a command) is passed over. A text that looks
/// like an OpenAPI document and can't be read as one is an error, wherever it stands but in a comment.
pub(crate) fn parse(markdown: &str) -> Result<Page> {
    let mut reading = Reading { markdown, ..Reading::default() };
    let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        reading.take(event, range)?;
    }
    if let Some(line) = reading.comment {
        bail!("line {line}: the comment is not closed");
    }
    let page = reading.page;
    ensure!(!page.title.is_empty(), "the page has no title (a line that starts with \"# \")");
    ensure!(
        !page.fences.is_empty(),
        "the page \"{}\" has no fenced OpenAPI document (```json or ```yaml with a member \"openapi\")",
        page.title
    );
    Ok(page)
}

#[derive(Default)]
struct Reading<'m> {
    markdown: &'m str,
    page: Page,
    section: String,
    /// The number of open quotes and lists. A heading inside one belongs to the quoted text.
    depth: usize,
    /// The block that is being read. Blocks of these kinds contain no other blocks.
    text: String,
    code: Option<Code>,
    /// The line on which the open HTML comment begins.
    comment: Option<usize>,
}

/// An open block of code.
struct Code {
    /// The first word behind the fence, in lower case: `json` of ```` ```json title="x" ````. `None` for indented code.
    language: Option<String>,
}

impl Reading<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) -> Result<()> {
        match event {
            Event::Start(Tag::BlockQuote(_) | Tag::List(_)) => self.depth += 1,
            Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_)) => self.depth -= 1,
            Event::Start(Tag::CodeBlock(kind)) => {
                self.text.clear();
                self.code = Some(Code { language: language(&kind) });
            }
            Event::Start(Tag::Heading { .. } | Tag::HtmlBlock) => self.text.clear(),
            // In Markdown, an empty line inside a comment makes its end a text.
            Event::Text(text) if self.comment.is_some() && self.code.is_none() => {
                drop(self.shown(&text, &range));
            }
            Event::Text(text) | Event::Html(text) => self.text += &text,
            Event::Code(text) => {
                self.text += &text;
                self.unread(&text, &range, "text")?;
            }
            Event::InlineHtml(text) => drop(self.shown(&text, &range)),
            Event::End(TagEnd::Heading(level)) if self.depth == 0 && self.comment.is_none() => {
                self.heading(level);
            }
            Event::End(TagEnd::HtmlBlock) => {
                let html = std::mem::take(&mut self.text);
                let shown = self.shown(&html, &range);
                ensure!(
                    !VERSION.is_match(&shown),
                    "{}: an OpenAPI document in HTML can't be read; it must stand in a fence, after an empty line",
                    self.place(&range)
                );
            }
            Event::End(TagEnd::Paragraph) => self.unread(&self.markdown[range.clone()], &range, "text")?,
            Event::End(TagEnd::CodeBlock) => {
                let code = self.code.take();
                if let (Some(code), None) = (code, self.comment) {
                    self.block(&code, &range)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn heading(&mut self, level: HeadingLevel) {
        let text = self.text.trim().to_owned();
        match level {
            HeadingLevel::H1 if self.page.title.is_empty() => self.page.title = text,
            HeadingLevel::H2 => self.section = text,
            _ => {}
        }
    }

    /// What a reader sees of `html`: all but comments, which may end in another block.
    fn shown(&mut self, html: &str, range: &Range<usize>) -> String {
        let (mut shown, mut rest) = (String::new(), html);
        loop {
            let mark = if self.comment.is_some() { "-->" } else { "<!--" };
            let Some((before, after)) = rest.split_once(mark) else { break };
            if self.comment.take().is_none() {
                shown += before;
                // These two are whole comments.
                match after.strip_prefix('>').or_else(|| after.strip_prefix("->")) {
                    Some(after) => rest = after,
                    None => (self.comment, rest) = (Some(self.line(range.start)), after),
                }
            } else {
                rest = after;
            }
        }
        if self.comment.is_none() {
            shown += rest;
        }
        shown
    }

    /// Fails if `text`, which is no code block, is an OpenAPI document all the same.
    fn unread(&self, text: &str, range: &Range<usize>, what: &str) -> Result<()> {
        let is_document = VERSION.is_match(text) && PATHS.is_match(text) && self.comment.is_none();
        ensure!(
            !is_document,
            "{}: an OpenAPI document in {what} that is no fence can't be read",
            self.place(range)
        );
        Ok(())
    }

    fn block(&mut self, code: &Code, range: &Range<usize>) -> Result<()> {
        let text = std::mem::take(&mut self.text);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let Some(language) = &code.language else {
            ensure!(
                !VERSION.is_match(text),
                "{}: an OpenAPI document in indented code can't be read; it must stand in a fence that is \
                 indented by at most 3 spaces",
                self.place(range)
            );
            return Ok(());
        };
        ensure!(is_closed(&self.markdown[range.clone()]), "{}: the fence is not closed", self.place(range));
        let line = self.line(range.start);
        let document = document(language, text).map_err(|mut fault| {
            fault.line += line;
            fault
        });
        if let Ok(Some(older)) = &document {
            ensure!(
                older.get("swagger").is_none() || older.get("paths").is_none(),
                "{}: the fence has a Swagger document; only OpenAPI 3.0 and 3.1 can be read",
                self.place(range)
            );
        }
        let document = match document {
            Ok(document) => document.filter(|document| document.get("openapi").is_some()),
            Err(fault) if NAME.is_match(text) => return Err(fault).with_context(|| self.section_shown()),
            Err(_) => None,
        };
        match document {
            Some(document) => {
                let section = self.section.clone();
                self.page.fences.push(Fence { section, line, text: text.to_owned(), document });
            }
            None => ensure!(
                !VERSION.is_match(text),
                "{}: the fence has an OpenAPI document, but inside of something else",
                self.place(range)
            ),
        }
        Ok(())
    }

    fn section_shown(&self) -> String {
        format!("section \"{}\"", self.section)
    }

    fn place(&self, range: &Range<usize>) -> String {
        format!("{}, line {}", self.section_shown(), self.line(range.start))
    }

    fn line(&self, offset: usize) -> usize {
        self.markdown[..offset].matches('\n').count() + 1
    }
}

fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = kind else { return None };
    let word = info.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty());
    Some(word.unwrap_or_default().to_ascii_lowercase())
}

/// Whether a fenced block, with its fences, ends in a line that closes it. The parser takes the end of the page, or of the
/// list around the block, for one.
fn is_closed(block: &str) -> bool {
    let in_container = |line: &str| line.trim_start_matches([' ', '\t', '>']).trim_end().to_owned();
    let mut lines = block.lines().map(in_container);
    let opening = lines.next().unwrap_or_default();
    let Some(mark) = opening.chars().next() else { return false };
    let width = opening.chars().take_while(|c| *c == mark).count();
    let last = lines.next_back().unwrap_or_default();
    last.chars().all(|c| c == mark) && last.chars().count() >= width
}

/// What a fenced text holds. One in another language than JSON and YAML, or in no language, is taken for what it looks
/// like.
fn document(language: &str, text: &str) -> Result<Option<Value>, read::Fault> {
    let language = match language {
        "json" => Language::Json,
        "yaml" | "yml" => Language::Yaml,
        _ if !NAME.is_match(text) => return Ok(None),
        _ if text.trim_start().starts_with(['{', '[']) => Language::Json,
        _ => Language::Yaml,
    };
    read::parse(text, language).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "{\"openapi\":\"3.1.0\"}";

    fn page(markdown: &str) -> Page {
        parse(markdown).unwrap_or_else(|error| panic!("{error:#} in\n{markdown}"))
    }

    fn sections(markdown: &str) -> Vec<String> {
        page(markdown).fences.into_iter().map(|fence| fence.section).collect()
    }

    fn error(markdown: &str) -> String {
        format!("{:#}", parse(markdown).expect_err(markdown))
    }

    #[test]
    fn documents_are_found_under_their_sections_and_samples_are_passed_over() {
        let page = page(
            "# Cards\n\n## Create\n> text\n```json\n{\"openapi\":\"3.1.0\"}\n```\n## Get `it`\n\
             ```json\n{\"data\":1}\n```\n```json\n{\"openapi\":\"3.1.0\",\"b\":1}\n```\n",
        );
        assert_eq!(page.title, "Cards");
        let sections: Vec<_> = page.fences.iter().map(|f| (f.section.as_str(), f.line)).collect();
        assert_eq!(sections, [("Create", 5), ("Get it", 12)]);
        assert_eq!(page.fences[0].text, DOCUMENT);
    }

    #[test]
    fn a_document_is_read_in_every_form_of_fence() {
        for (fence, text) in [
            ("```json title=\"x\"\n{D}\n```", DOCUMENT),
            ("```json{1,3}\n{D}\n```", DOCUMENT),
            ("``` {.json}\n{D}\n```", DOCUMENT),
            ("```JSON\r\n{D}\r\n```\r", DOCUMENT),
            ("```\n{D}\n```", DOCUMENT),
            ("```text\n{D}\n```", DOCUMENT),
            ("```jsonc\n{D}\n```", DOCUMENT),
            ("```openapi+json\n{D}\n```", DOCUMENT),
            ("```\nopenapi: 3.1.0\n```", "openapi: 3.1.0"),
            ("```yaml\nopenapi: 3.1.0\n```", "openapi: 3.1.0"),
            ("```yml\n\"openapi\" : '3.1.0'\n```", "\"openapi\" : '3.1.0'"),
            ("~~~ json\n{D}\n~~~~~", DOCUMENT),
            ("`````json\n{D}\n`````", DOCUMENT),
            (" ```json\n {D}\n ```", DOCUMENT),
            ("   ```json\n   {D}\n   ```", DOCUMENT),
            ("> ```json\n> {D}\n> ```", DOCUMENT),
            ("> > ```json\n> > {D}\n> > ```", DOCUMENT),
            ("1. x\n\n   ```json\n   {D}\n   ```", DOCUMENT),
            ("- ```json\n  {D}\n  ```", DOCUMENT),
            ("- x\n    - y\n\n      ```json\n      {D}\n      ```", DOCUMENT),
            ("10. x\n\n    ```json\n    {D}\n    ```", DOCUMENT),
            ("> - x\n>\n>   ```json\n>   {D}\n>   ```", DOCUMENT),
            ("-\tx\n\n\t```json\n\t{D}\n\t```", DOCUMENT),
            ("<details>\n<summary>x</summary>\n\n```json\n{D}\n```\n\n</details>", DOCUMENT),
            ("<!-- a comment --> \n\n```json\n{D}\n```", DOCUMENT),
        ] {
            let markdown = format!("# P\n\n## A\n\n{}\n", fence.replace("{D}", DOCUMENT));
            let page = page(&markdown);
            let found: Vec<_> = page.fences.iter().map(|fence| fence.text.as_str()).collect();
            assert_eq!(found, [text], "{markdown}");
            assert_eq!(page.fences[0].section, "A");
            assert!(
                markdown.lines().nth(page.fences[0].line - 1).is_some_and(|line| line.contains(['`', '~'])),
                "{markdown}"
            );
        }
    }

    #[test]
    fn a_document_that_is_not_read_is_an_error_with_its_line() {
        let good = format!("## B\n```json\n{DOCUMENT}\n```\n");
        for (text, expected) in [
            ("    {\"openapi\": \"3.1.0\"}\n", "line 4: an OpenAPI document in indented code"),
            (
                "    ```json\n    {\"openapi\": \"3.1.0\"}\n    ```\n",
                "line 4: an OpenAPI document in indented code",
            ),
            (
                "<Tab>\n```json\n{\"openapi\": \"3.1.0\"}\n```\n</Tab>\n",
                "line 4: an OpenAPI document in HTML",
            ),
            ("<pre>\nopenapi: 3.1.0\n</pre>\n", "line 4: an OpenAPI document in HTML"),
            (
                "```json\n{\"spec\": {\"openapi\": \"3.1.0\"}}\n```\n",
                "line 4: the fence has an OpenAPI document, but",
            ),
            ("```json\n[{\"openapi\": \"3.1.0\"}]\n```\n", "line 4: the fence has an OpenAPI document, but"),
            ("```js\nconst api = {openapi: \"3.1.0\"};\n```\n", "line 5, column "),
            ("```json\n{\"openapi\": \"3.1.0\", // one\n}\n```\n", "line 5, column 22: not JSON: "),
            (
                "> ```json\n> {\"openapi\": \"3.1.0\",\n>  \"a\": 1,\n>  \"a\": 2}\n> ```\n",
                "line 7, column 4: not JSON: the member \"a\"",
            ),
            ("```yaml\nopenapi: 3.1.0\na: 1\na: 1\n```\n", "not YAML: the member \"a\" is there twice"),
            (
                "```json `x`\n{\"openapi\": \"3.1.0\", \"paths\": {}}\n```\n",
                "line 4: an OpenAPI document in text",
            ),
            ("{\"openapi\": \"3.1.0\", \"paths\": {}}\n\n", "line 4: an OpenAPI document in text"),
            (
                "```json\n{\"swagger\": \"2.0\", \"paths\": {}}\n```\n",
                "line 4: the fence has a Swagger document; only OpenAPI",
            ),
            (
                "```yaml\nswagger: '2.0'\npaths: {}\n```\n",
                "line 4: the fence has a Swagger document; only OpenAPI",
            ),
        ] {
            let text = error(&format!("# P\n## A\n\n{text}{good}"));
            assert!(text.starts_with("section \"A\"") && text.contains(expected), "{text}");
        }
    }

    #[test]
    fn what_stands_in_a_comment_is_not_taken() {
        let document = format!("```json\n{DOCUMENT}\n```\n");
        for comment in [
            format!("<!--\n{document}-->\n\n"),
            format!("<!-- old\n\n## Old\n\n{document}\n-->\n\n"),
            format!("<div>\n<!--\n\n## Old\n\n{document}\n-->\n</div>\n\n"),
            format!("- <!--\n  {}\n  -->\n\n", document.replace('\n', "\n  ")),
        ] {
            let found = sections(&format!("# P\n## A\n\n{comment}## B\n{document}"));
            assert_eq!(found, ["B"], "{comment}");
        }
        let text = error(&format!("# P\n## A\n{document}\n<!--\n{document}"));
        assert_eq!(text, "line 7: the comment is not closed");
    }

    #[test]
    fn samples_that_are_no_json_and_headings_in_other_fences_are_passed_over() {
        let document = format!("```json\n{DOCUMENT}\n```\n");
        assert_eq!(sections(&format!("# P\n## A\n```json\n{{\"a\": 1 // one\n}}\n```\n{document}")), ["A"]);
        assert_eq!(sections(&format!("# P\n## A\n```sh\n## B\n```\n``` x ```\n{document}")), ["A"]);
        assert_eq!(sections(&format!("# P\n## A\n> ## B\n\n- ## C\n\n{document}")), ["A"]);
        assert_eq!(sections(&format!("# P\n## A\nSay `openapi: 3.1.0` in it.\n{document}")), ["A"]);
        assert_eq!(sections(&format!("# P\n## A\n```sh\ncurl x/openapi.json\n```\n{document}")), ["A"]);
        assert_eq!(page(&format!("```sh\n# not the title\n```\n# P\n{document}")).title, "P");
        assert_eq!(page(&format!("---\ntitle: x\n---\n\n# P\n{document}")).title, "P");
    }

    #[test]
    fn a_fence_that_is_not_closed_is_refused() {
        for text in [
            "```json\n{\"openapi\":\"3.1.0\"}\n",
            "````json\n{\"openapi\":\"3.1.0\"}\n```\n",
            "```json\n{\"openapi\":\"3.1.0\"}\n~~~\n",
            "> ```json\n> {\"openapi\":\"3.1.0\"}\n\nmore\n",
            "- ```json\n  {\"openapi\":\"3.1.0\"}\n\nmore\n",
        ] {
            let text = error(&format!("# Cards\n## Create\n{text}"));
            assert_eq!(text, "section \"Create\", line 3: the fence is not closed");
        }
    }
}
