//! Which public items of `cmp` stand on a generated item, as its source says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::scan::{Function, Names, Scan};

/// More sources than this make a value of its own, not a field under another name.
const MOST_SOURCES: usize = 3;

/// The facade as far as it touches generated items.
pub(crate) struct Facade(Scan);

impl Facade {
    /// Reads `cmp/src` of the workspace at `root`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let source = root.join("cmp/src");
        let mut scan = Scan::default();
        if !source.exists() {
            return Ok(Self(scan));
        }
        for path in rust_files(&source)? {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let file = path.strip_prefix(&source).unwrap_or(&path).display().to_string();
            scan.read(&file, &text)?;
        }
        Ok(Self(scan))
    }

    /// The public type of a module, if it has one of that name.
    pub(super) fn of_module(&self, module: &str, name: &str) -> Vec<String> {
        let of_name = self.0.holders.iter().filter(|holder| holder.public && holder.name == name);
        let paths: Names = of_name
            .filter_map(|holder| self.path(&holder.file, name))
            .filter(|path| path.starts_with(&format!("cmp::{module}::")))
            .collect();
        paths.into_iter().collect()
    }

    /// The public functions that run a generated operation.
    pub(super) fn operation(&self, method: &str) -> Vec<String> {
        let mut out = Names::new();
        for function in self.0.functions.iter().filter(|function| function.calls.contains(method)) {
            let Some(owner) = &function.owner else { continue };
            if function.public {
                out.extend(self.path(&function.file, owner).map(|path| format!("{path}::{}", function.name)));
                continue;
            }
            out.extend(self.path(&function.file, owner));
            out.extend(
                self.public_functions()
                    .filter(|f| f.returns.contains(owner))
                    .filter_map(|f| Some(format!("{}::{}", self.path(&f.file, f.owner.as_ref()?)?, f.name))),
            );
        }
        out.into_iter().collect()
    }

    /// The public items that read or set a field of a generated type, met by way of that type or one around it.
    pub(super) fn field<'o>(&self, owners: impl Iterator<Item = &'o str>, field: &str) -> Vec<String> {
        let mut out = Names::new();
        for owner in owners {
            out.extend(self.field_of(owner, field));
        }
        let with_method = |path: &String| out.iter().any(|other| other.starts_with(&format!("{path}::")));
        out.iter().filter(|path| !with_method(path)).cloned().collect()
    }

    fn field_of(&self, owner: &str, field: &str) -> Names {
        let uses: Vec<&Function> =
            self.0.functions.iter().filter(|f| f.generated.contains(owner) && mentions(f, field)).collect();
        let mut out = Names::new();
        for function in &uses {
            let names = other_names(function, field);
            for (file, name) in self.public_owners(function) {
                out.extend(self.with_methods(&file, &name, &names));
            }
        }
        for holder in self.0.holders.iter().filter(|holder| holder.generated.contains(owner)) {
            let of_file =
                self.0.accessors.iter().filter(|(file, _, from)| *file == holder.file && from == field);
            for (_, method, _) in of_file {
                let path = self.path(&holder.file, &holder.name);
                out.extend(path.map(|path| format!("{path}::{method}")));
            }
        }
        out
    }

    /// The public types that use a generated type.
    pub(super) fn users(&self, generated: &str) -> Vec<String> {
        let mut owners = BTreeSet::new();
        for function in self.0.functions.iter().filter(|f| f.generated.contains(generated)) {
            owners.extend(self.public_owners(function));
        }
        for holder in self.0.holders.iter().filter(|holder| holder.generated.contains(generated)) {
            owners.extend(self.public_holders(&holder.file, &holder.name));
        }
        owners.iter().filter_map(|(file, name)| self.path(file, name)).collect()
    }

    /// The facade's enum for a generated list of values, and its variant if it has it.
    pub(super) fn variant(&self, list: &str, variant: &str) -> Vec<String> {
        let functions = self.0.functions.iter().filter(|f| f.generated.contains(list));
        let mentioned: Names = functions.flat_map(|function| function.mentioned.iter().cloned()).collect();
        let made = self.0.made_from.get(list);
        let enums = self.0.holders.iter().filter(|holder| {
            !holder.variants.is_empty() && (made == Some(&holder.name) || mentioned.contains(&holder.name))
        });
        let mut out = Names::new();
        for found in enums {
            let Some(path) = self.path(&found.file, &found.name) else { continue };
            let has_it = found.variants.contains(variant);
            out.insert(if has_it { format!("{path}::{variant}") } else { path });
        }
        // An enum that has the variant says more than one that is only mentioned beside it.
        let exact: Vec<String> =
            out.iter().filter(|p| p.ends_with(&format!("::{variant}"))).cloned().collect();
        if exact.is_empty() { out.into_iter().collect() } else { exact }
    }

    fn public_functions(&self) -> impl Iterator<Item = &Function> {
        self.0.functions.iter().filter(|function| function.public)
    }

    /// How users call a type of that file, if they can.
    fn path(&self, file: &str, name: &str) -> Option<String> {
        if self.0.exported.contains(name) {
            return Some(format!("cmp::{name}"));
        }
        let module = file.split(['/', '.']).next().unwrap_or_default();
        let declared = self.0.holders.iter().any(|h| h.public && h.name == name && h.file == file);
        (declared && self.0.public_modules.contains(module)).then(|| format!("cmp::{module}::{name}"))
    }

    /// A type with those of its public methods that are called by one of `names`, or else handle one.
    fn with_methods(&self, file: &str, name: &str, names: &Names) -> Vec<String> {
        let Some(path) = self.path(file, name) else { return Vec::new() };
        let own = || self.public_functions().filter(|f| f.owner.as_deref() == Some(name) && f.file == file);
        let mut methods: Vec<&Function> = own().filter(|f| names.contains(&f.name)).collect();
        if methods.is_empty() {
            methods = own().filter(|f| handles(f, names)).collect();
        }
        if methods.is_empty() {
            return vec![path];
        }
        methods.iter().map(|function| format!("{path}::{}", function.name)).collect()
    }

    /// The public types behind a function: its own, or for a helper those that it is about or that call it.
    fn public_owners(&self, function: &Function) -> BTreeSet<(String, String)> {
        if let Some(owner) = &function.owner {
            return self.public_holders(&function.file, owner);
        }
        let about = function.signature.iter().filter(|name| self.path(&function.file, name).is_some());
        let about: BTreeSet<_> = about.map(|name| (function.file.clone(), name.clone())).collect();
        if !about.is_empty() {
            return about;
        }
        let callers = self.0.functions.iter().filter(|caller| {
            caller.file == function.file
                && caller.owner.is_some()
                && caller.mentioned.contains(&function.name)
        });
        callers.flat_map(|caller| self.public_owners(caller)).collect()
    }

    /// The type itself if it is public, or else the public ones of its file that hold it.
    fn public_holders(&self, file: &str, name: &str) -> BTreeSet<(String, String)> {
        let (mut found, mut open, mut seen) = (BTreeSet::new(), vec![name.to_owned()], Names::new());
        while let Some(name) = open.pop() {
            if self.path(file, &name).is_some() {
                found.insert((file.to_owned(), name));
            } else if seen.insert(name.clone()) {
                let holding = self.0.holders.iter().filter(|h| h.file == file && h.holds.contains(&name));
                open.extend(holding.map(|holder| holder.name.clone()));
            }
        }
        found
    }
}

fn mentions(function: &Function, field: &str) -> bool {
    function.fields.contains(field) || function.members.iter().any(|(member, _)| member == field)
}

/// Whether a function reads a field of one of these names, or fills one from a variable.
fn handles(function: &Function, names: &Names) -> bool {
    let mut filled = function.members.iter().filter(|(member, _)| names.contains(member));
    !function.fields.is_disjoint(names) || filled.any(|(_, sources)| !sources.is_disjoint(names))
}

/// What the facade calls a generated field in `function`.
fn other_names(function: &Function, field: &str) -> Names {
    let mut names = Names::from([field.to_owned()]);
    for (member, sources) in function.members.iter().filter(|(_, sources)| sources.len() <= MOST_SOURCES) {
        if sources.contains(field) {
            names.insert(member.clone());
        }
        if member == field {
            names.extend(sources.iter().cloned());
        }
    }
    names
}

fn rust_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
