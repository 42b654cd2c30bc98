//! Fetches pages from the addresses in `openapi/sources.toml`, with curl.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::spec::{import::Fetched, sources::Sources};

const SECONDS: &str = "60";

/// Fetches each page that has an address into `folder`. Returns the files, and each failed page with the reason.
pub(super) fn all(sources: &Sources, folder: &Path) -> Result<(BTreeMap<PathBuf, Fetched>, Vec<String>)> {
    let urls: BTreeMap<&String, &String> =
        sources.0.values().filter_map(|source| Some((source.url.as_ref()?, &source.page))).collect();
    if urls.is_empty() {
        bail!("give pages: no source in openapi/sources.toml has a `url` to fetch them from");
    }
    let (mut pages, mut unreached) = (BTreeMap::new(), Vec::new());
    for (number, (url, page)) in urls.into_iter().enumerate() {
        let file = folder.join(format!("page-{number}.{}", extension(url)));
        match fetch(url, &file) {
            Ok(()) => drop(pages.insert(file, Fetched { page: page.clone(), url: url.clone() })),
            Err(error) => unreached.push(format!("\"{page}\", {url}: {error}")),
        }
    }
    if pages.is_empty() {
        bail!("none of the pages could be fetched:\n  {}", unreached.join("\n  "));
    }
    Ok((pages, unreached))
}

/// Returns the file extension. `import` uses it to find the kind of the file.
fn extension(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let found = ["json", "yaml", "yml"].into_iter().find(|known| path.ends_with(&format!(".{known}")));
    found.unwrap_or("md")
}

fn fetch(url: &str, to: &Path) -> Result<()> {
    if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1:") {
        bail!("only https is fetched");
    }
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--location", "--proto-redir", "=https"])
        .args(["--max-time", SECONDS, "--output"])
        .arg(to)
        .args(["--", url])
        .output();
    match output {
        Err(error) => bail!("curl can't be started: {error}"),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!("{}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_page_unless_its_address_says_otherwise() {
        assert_eq!(extension("https://docs.example/cards"), "md");
        assert_eq!(extension("https://docs.example/openapi.json?v=2"), "json");
        assert_eq!(extension("https://docs.example/openapi.yaml#x"), "yaml");
    }

    #[test]
    fn nothing_is_fetched_in_the_clear() {
        let error = fetch("http://docs.example/cards", Path::new("unused")).expect_err("refused");
        assert_eq!(error.to_string(), "only https is fetched");
    }
}
