//! What an import did, a line a fragment.

use std::collections::BTreeSet;

use super::files::Tree;

pub(crate) fn of(old: &Tree, new: &Tree) -> String {
    let files: BTreeSet<_> = old.fragments.keys().chain(new.fragments.keys()).collect();
    let lines = files.into_iter().map(|file| format!("{:<14} {file}\n", verdict(old, new, file)));
    lines.collect()
}

fn verdict(old: &Tree, new: &Tree, file: &str) -> &'static str {
    match (old.fragments.get(file), new.fragments.get(file)) {
        (None, _) => "new",
        (_, None) => "removed",
        (before, after) if before != after => "changed",
        _ if old.sources.0.get(file) != new.sources.0.get(file) => "source changed",
        _ => "unchanged",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::sources::{Origin, Source};

    fn tree(fragments: &[(&str, u32, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (file, content, page) in fragments {
            let source = Source {
                page: (*page).to_owned(),
                section: None,
                url: None,
                document: "D".to_owned(),
                version: "1".to_owned(),
                origin: Origin::Published,
                imported: None,
                sha256: String::new(),
            };
            tree.fragments.insert((*file).to_owned(), json!(content));
            tree.sources.0.insert((*file).to_owned(), source);
        }
        tree
    }

    #[test]
    fn each_fragment_has_its_line() {
        let old = tree(&[("a", 1, "P"), ("b", 1, "P"), ("c", 1, "P"), ("d", 1, "P")]);
        let new = tree(&[("b", 2, "P"), ("c", 1, "Q"), ("d", 1, "P"), ("e", 1, "P")]);
        assert_eq!(
            of(&old, &new),
            "removed        a\nchanged        b\nsource changed c\nunchanged      d\nnew            e\n"
        );
    }
}
