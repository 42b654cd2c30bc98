//! The parts of `docs/performance.md` that are measured. Its prose is written by hand.

use std::path::Path;

use anyhow::{Context, Result};

/// The columns of a table, and its rows.
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|&column| column.to_owned()).collect(), rows: Vec::new() }
    }

    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&self.columns) + &format!("|{}\n", "---|".repeat(self.columns.len()));
        text.extend(self.rows.iter().map(|row| line(row)));
        text
    }
}

/// What one part measured.
#[derive(Default)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    /// Plots with their file names.
    pub(crate) plots: Vec<(&'static str, String)>,
}

impl Section {
    /// Puts the text between the part's markers, and the plots beside the page.
    pub(crate) fn write(&self, docs: &Path) -> Result<()> {
        let page = docs.join("performance.md");
        let text = std::fs::read_to_string(&page)?;
        std::fs::write(&page, self.between_markers(&text)?)?;
        let folder = docs.join("performance");
        std::fs::create_dir_all(&folder)?;
        for (file, svg) in &self.plots {
            std::fs::write(folder.join(file), svg)?;
        }
        Ok(())
    }

    fn between_markers(&self, page: &str) -> Result<String> {
        let begin = format!("<!-- {}: written by `cargo xtask bench --write` -->\n", self.name);
        const END: &str = "<!-- end -->";
        let missing = || format!("docs/performance.md has no marker for {}", self.name);
        let (before, rest) = page.split_once(&begin).with_context(missing)?;
        let (_, after) = rest.split_once(END).with_context(missing)?;
        Ok(format!("{before}{begin}\n{}\n{END}{after}", self.text.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_changes() {
        let section = Section { name: "calls", text: "new".to_owned(), ..Section::default() };
        let begin = "<!-- calls: written by `cargo xtask bench --write` -->\n";
        let page = format!("a\n{begin}old\n<!-- end -->\nb\n");
        let written = section.between_markers(&page).unwrap();
        assert_eq!(written, format!("a\n{begin}\nnew\n<!-- end -->\nb\n"));
        assert_eq!(section.between_markers(&written).unwrap(), written);
        assert!(section.between_markers("a").is_err());
    }
}
