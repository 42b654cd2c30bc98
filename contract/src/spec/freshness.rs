//! Are the written documents what the fragments and corrections give?

use std::fs;

use anyhow::{Result, bail};
use similar::TextDiff;

use super::files::Layout;
use super::{pipeline, transcribed, write};

pub(crate) fn run(layout: &Layout) -> Result<()> {
    transcribed::check(layout)?;
    let mut stale = Vec::new();
    for (path, fresh) in pipeline::render(layout)?.documents(layout) {
        let written = fs::read_to_string(&path).unwrap_or_default();
        if written != fresh {
            let name = path.strip_prefix(&layout.root).unwrap_or(&path).display().to_string();
            write::to_stdout(&diff(&name, &written, &fresh))?;
            stale.push(name);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("not up to date: {}; run `cargo xtask spec merge`", stale.join(", "))
}

fn diff(name: &str, written: &str, fresh: &str) -> String {
    TextDiff::from_lines(written, fresh)
        .unified_diff()
        .context_radius(4)
        .header(&format!("{name} (as it is)"), &format!("{name} (as it should be)"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diff_names_the_file_and_shows_both_sides() {
        let text = diff("a.json", "one\ntwo\n", "one\nthree\n");
        assert!(text.contains("--- a.json (as it is)"), "{text}");
        assert!(text.contains("-two") && text.contains("+three"), "{text}");
    }
}
