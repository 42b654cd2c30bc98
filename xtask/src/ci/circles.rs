//! No two files of one crate import each other, not even by way of others.
//!
//! The imports are read from the source: `use` items, and paths that begin with `crate`, `self` or `super`. A name that a
//! module only exports again leads to the file that has it. Tests beside the code don't count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use syn::visit::{self, Visit};

use super::run::{Done, packages};

/// A module by its names below the root of the crate.
type Module = Vec<String>;
type Graph = BTreeMap<Module, BTreeSet<Module>>;

pub(super) fn check(root: &Path) -> Result<Done> {
    let packages = packages(root)?;
    let mut found = Vec::new();
    for package in &packages {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let source = manifest.with_file_name("src");
        let circles = circles(&imports(&files(&source)?)?);
        let name = package["name"].as_str().unwrap_or_default();
        found.extend(circles.iter().map(|circle| format!("{name}: {}", circle.join(" → "))));
    }
    ensure!(found.is_empty(), "files that import each other:\n  {}", found.join("\n  "));
    Ok(Done::Passed)
}

/// The modules below a folder, each with its source.
fn files(source: &Path) -> Result<BTreeMap<Module, String>> {
    let (mut files, mut open) = (BTreeMap::new(), vec![source.to_owned()]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(source)?.with_extension("");
            let mut module: Module = below.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            let is_program = module == ["main"] && source.join("lib.rs").exists();
            if !is_program
                && module.last().is_some_and(|name| matches!(name.as_str(), "mod" | "lib" | "main"))
            {
                module.pop();
            }
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.insert(module, text);
        }
    }
    Ok(files)
}

/// The modules that each module imports from.
fn imports(files: &BTreeMap<Module, String>) -> Result<Graph> {
    let mut scans = BTreeMap::new();
    for (module, text) in files {
        let mut scan = Scan::default();
        scan.visit_file(&syn::parse_file(text).with_context(|| module.join("::"))?);
        scans.insert(module.clone(), scan);
    }
    let resolve = |from: &Module, path: &[String]| -> Option<(Module, Option<String>)> {
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            "super" => (from.clone(), path),
            child => {
                let below = [from.clone(), vec![child.to_owned()]].concat();
                files.contains_key(&below).then(|| (from.clone(), path))?
            }
        };
        while let Some("super") = rest.first().map(String::as_str) {
            at.pop();
            rest = &rest[1..];
        }
        while let Some(name) = rest.first() {
            let below = [at.clone(), vec![name.clone()]].concat();
            if !files.contains_key(&below) {
                break;
            }
            (at, rest) = (below, &rest[1..]);
        }
        Some((at, rest.first().cloned()))
    };
    let mut graph = Graph::new();
    for (module, scan) in &scans {
        let mut found = BTreeSet::new();
        for path in &scan.used {
            let Some((mut at, mut name)) = resolve(module, path) else { continue };
            // Follows names that are only exported again, for as many hops as there are modules.
            for _ in 0..files.len() {
                let Some(again) = name.as_ref().and_then(|name| scans[&at].exported.get(name)) else { break };
                let Some((next, rest)) = resolve(&at, again) else { break };
                if next == at {
                    break;
                }
                (at, name) = (next, rest);
            }
            found.insert(at);
        }
        found.remove(module);
        graph.insert(module.clone(), found);
    }
    Ok(graph)
}

/// What a file uses, and what it exports again.
#[derive(Default)]
struct Scan {
    used: Vec<Vec<String>>,
    /// Name → the path that it stands for.
    exported: BTreeMap<String, Vec<String>>,
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut paths = Vec::new();
        leaves(&item.tree, &mut Vec::new(), &mut paths);
        match item.vis {
            syn::Visibility::Inherited => self.used.extend(paths.into_iter().map(|(_, path)| path)),
            _ => self.exported.extend(paths),
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.used.push(names);
        }
        visit::visit_path(self, path);
    }
}

/// The names that a `use` brings in, each with its path.
fn leaves(tree: &syn::UseTree, before: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    match tree {
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            leaves(&path.tree, before, found);
            before.pop();
        }
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before, found)),
        syn::UseTree::Name(name) if name.ident == "self" => {
            found.push((before.last().cloned().unwrap_or_default(), before.clone()));
        }
        syn::UseTree::Name(name) => {
            let name = name.ident.to_string();
            found.push((name.clone(), [before.clone(), vec![name]].concat()));
        }
        syn::UseTree::Rename(rename) => {
            found
                .push((rename.rename.to_string(), [before.clone(), vec![rename.ident.to_string()]].concat()));
        }
        syn::UseTree::Glob(_) => found.push((String::new(), before.clone())),
    }
}

/// The groups of modules that lead to one another, each as one way around.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut known: BTreeSet<&Module> = BTreeSet::new();
    for start in graph.keys() {
        if known.contains(start) {
            continue;
        }
        if let Some(way) = way_back(graph, start) {
            known.extend(way.iter().copied());
            let shown = |module: &Module| if module.is_empty() { "lib".to_owned() } else { module.join("/") };
            found.push(way.iter().chain([&start]).map(|module| shown(module)).collect());
        }
    }
    found
}

/// The shortest way from a module back to itself.
fn way_back<'g>(graph: &'g Graph, start: &'g Module) -> Option<Vec<&'g Module>> {
    let mut open = std::collections::VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = open.pop_front() {
        for next in way.last().and_then(|last| graph.get(*last)).into_iter().flatten() {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                open.push_back([way.clone(), vec![next]].concat());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let module =
            |name: &str| name.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let files = files.iter().map(|(name, text)| (module(name), (*text).to_owned())).collect();
        circles(&imports(&files).unwrap()).into_iter().map(|circle| circle.join(" → ")).collect()
    }

    #[test]
    fn two_files_that_import_each_other_are_found() {
        let pair =
            [("", "mod a; mod b;"), ("a", "use crate::b::B; struct A;"), ("b", "fn f(_: super::a::A) {}")];
        assert_eq!(found(&pair), ["a → b → a"]);
    }

    #[test]
    fn a_circle_through_three_files_and_a_parent_is_found() {
        let three = [
            ("", "mod a;"),
            ("a", "mod b; use b::B; struct A;"),
            ("a/b", "use super::c::C;"),
            ("a/c", "use super::A;"),
        ];
        assert_eq!(found(&three), ["a → a/b → a/c → a"]);
    }

    #[test]
    fn a_name_that_is_exported_again_leads_to_the_file_that_has_it() {
        let again = [
            ("", "mod a;"),
            ("a", "mod b; mod c; pub(crate) use b::B;"),
            ("a/b", "struct B;"),
            ("a/c", "use super::B;"),
        ];
        assert_eq!(found(&again), [""; 0]);
    }

    #[test]
    fn tests_and_other_crates_do_not_count() {
        let tests = [
            ("", "mod a; mod b;"),
            ("a", "use crate::b::B;"),
            ("b", "use std::a; #[cfg(test)] mod tests { use crate::a::A; }"),
        ];
        assert_eq!(found(&tests), [""; 0]);
    }
}
