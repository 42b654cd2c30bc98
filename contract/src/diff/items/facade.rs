//! Finds the public items of `cmp` that use a generated item, by reading the source of `cmp`.

use std::{collections::BTreeSet, fs, path::Path, ptr};

use anyhow::{Context, Result};

use super::scan::{Function, Holder, Names, Receiver, Scan};

/// The most sources of a member that counts as a renamed field. A member with more sources is a value of its own.
const MOST_SOURCES: usize = 3;

/// The facade's use of generated items.
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

    /// Returns the public type of this name in a module, if the module has one.
    pub(super) fn of_module(&self, module: &str, name: &str) -> Vec<String> {
        let of_name = self.0.holders.iter().filter(|holder| holder.public && holder.name == name);
        let paths: Names = of_name
            .filter_map(|holder| self.path(&holder.file, name))
            .filter(|path| path.starts_with(&format!("cmp::{module}::")))
            .collect();
        paths.into_iter().collect()
    }

    /// Returns the public functions that run a generated operation, directly or through other functions.
    pub(super) fn operation(&self, method: &str) -> Vec<String> {
        let functions = &self.0.functions;
        let runs = |function: &&Function| {
            function.calls.iter().any(|call| call.name == method && call.of != Receiver::Nothing)
        };
        let mut open: Vec<&Function> = functions.iter().filter(runs).collect();
        let mut seen: BTreeSet<*const Function> =
            open.iter().map(|function| ptr::from_ref(*function)).collect();
        let mut out = Names::new();
        while let Some(function) = open.pop() {
            let owner = function.owner.as_deref();
            let path = owner.and_then(|owner| self.path(&function.file, owner));
            if let (true, Some(path)) = (function.public, &path) {
                out.insert(format!("{path}::{}", function.name));
                continue;
            }
            if let (true, Some(path), Some(owner)) = (function.of_trait, &path, owner) {
                out.insert(path.clone());
                out.extend(self.made_by(owner));
                continue;
            }
            let mut callers = functions.iter().filter(|caller| self.calls(caller, function)).peekable();
            if callers.peek().is_none() {
                out.extend(path);
            }
            open.extend(callers.filter(|caller| seen.insert(ptr::from_ref(*caller))));
        }
        out.into_iter().collect()
    }

    /// Returns a user's calls that run a generated operation: `cards().create`, or `v1.enroll`.
    pub(crate) fn calls_of(&self, method: &str) -> Vec<String> {
        let call = |path: String| {
            let (owner, function) = path.strip_prefix("cmp::")?.rsplit_once("::")?;
            let client = owner.strip_suffix("::Client").map(|module| format!("{module}.{function}"));
            let accessor = || {
                let made = self.made_by(owner.rsplit("::").next()?);
                let accessor = made.iter().find_map(|made| made.strip_prefix("cmp::Client::"))?;
                Some(format!("{accessor}().{function}"))
            };
            client.or_else(accessor)
        };
        let calls: Vec<_> = self.operation(method).into_iter().filter_map(call).collect();
        // Methods are matched by name, and both clients have a `get`. Neither calls the other.
        let is_v1 = |call: &String| call.starts_with("v1.");
        let of_v1 = calls.iter().any(is_v1);
        calls.into_iter().filter(|call| is_v1(call) == of_v1).collect()
    }

    /// Returns the public functions that return this type.
    fn made_by(&self, name: &str) -> Vec<String> {
        let made = self.public_functions().filter(|f| f.returns.contains(name));
        made.filter_map(|f| Some(format!("{}::{}", self.path(&f.file, f.owner.as_ref()?)?, f.name))).collect()
    }

    /// Returns `true` if a function may call another, judged by the names in the source.
    fn calls(&self, caller: &Function, called: &Function) -> bool {
        if ptr::eq(caller, called) {
            return false;
        }
        let near = caller.file == called.file;
        let imports =
            |name: &str| self.0.imported.get(&caller.file).is_some_and(|names| names.contains(name));
        caller.calls.iter().filter(|call| call.name == called.name).any(|call| {
            match (&call.of, &called.owner) {
                (Receiver::Nothing, None) => near || imports(&called.name),
                (Receiver::Path(module), None) => {
                    let folder = |file: &str| file.split(['/', '.']).next().map(str::to_owned);
                    *module == module_of(&called.file)
                        || (matches!(module.as_str(), "self" | "super" | "crate")
                            && folder(&caller.file) == folder(&called.file))
                }
                (Receiver::Value, Some(owner)) => {
                    near || caller.owner.as_ref() == Some(owner)
                        || caller.mentioned.contains(owner)
                        || self
                            .0
                            .holders
                            .iter()
                            .any(|h| Some(&h.name) == caller.owner.as_ref() && h.holds.contains(owner))
                }
                (Receiver::Path(name), Some(owner)) => {
                    name == owner || (name == "Self" && caller.owner.as_ref() == Some(owner))
                }
                _ => false,
            }
        })
    }

    /// Returns the public items that read or set a generated field. The owners are the field's type and the types
    /// around it.
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

    /// Returns the public types that use a generated type.
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

    /// Returns the facade's variant for a value of a generated list. Returns the enum alone if it lacks the variant.
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
        // An enum with the variant is more exact than an enum that the same code only mentions.
        let exact: Vec<String> =
            out.iter().filter(|p| p.ends_with(&format!("::{variant}"))).cloned().collect();
        if exact.is_empty() { out.into_iter().collect() } else { exact }
    }

    fn public_functions(&self) -> impl Iterator<Item = &Function> {
        self.0.functions.iter().filter(|function| function.public)
    }

    /// Returns the path by which users name a type of this file. `None` if they can't.
    fn path(&self, file: &str, name: &str) -> Option<String> {
        let module = file.split(['/', '.']).next().unwrap_or_default();
        if self.0.exported.contains(&(module.to_owned(), name.to_owned())) {
            return Some(format!("cmp::{name}"));
        }
        let declared = self.0.holders.iter().any(|h| h.public && h.name == name && h.file == file);
        (declared && self.0.public_modules.contains(module)).then(|| format!("cmp::{module}::{name}"))
    }

    /// Returns the type's public fields with one of `names`, or else its public methods with one of them. Without
    /// either, returns the public methods that handle such a field, or else the type itself.
    fn with_methods(&self, file: &str, name: &str, names: &Names) -> Vec<String> {
        let Some(path) = self.path(file, name) else { return Vec::new() };
        let own = || self.public_functions().filter(|f| f.owner.as_deref() == Some(name) && f.file == file);
        let of_type = |holder: &&Holder| holder.file == file && holder.name == name;
        let fields = self.0.holders.iter().filter(of_type).flat_map(|holder| &holder.fields);
        let fields: Vec<_> = fields.filter(|field| names.contains(*field)).collect();
        if !fields.is_empty() {
            return fields.into_iter().map(|field| format!("{path}::{field}")).collect();
        }
        let mut methods: Vec<&Function> = own().filter(|f| names.contains(&f.name)).collect();
        if methods.is_empty() {
            methods = own().filter(|f| handles(f, names)).collect();
        }
        if methods.is_empty() {
            return vec![path];
        }
        methods.iter().map(|function| format!("{path}::{}", function.name)).collect()
    }

    /// Returns the public types behind a function. For a method, they come from its own type. For a helper, they are
    /// the types in its signature, or else those behind the methods that call it.
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

    /// Returns the type itself if it is public, or else the public types of its file that hold it.
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

/// Returns the name of a file's module: `cards` for `cards/mod.rs`.
fn module_of(file: &str) -> &str {
    let module = file.trim_end_matches(".rs").trim_end_matches("/mod");
    module.rsplit('/').next().unwrap_or_default()
}

fn mentions(function: &Function, field: &str) -> bool {
    function.fields.contains(field) || function.members.iter().any(|(member, _)| member == field)
}

/// Returns `true` if a function reads a field with one of these names. Also returns `true` if it fills such a field from
/// a variable or field with one of the names.
fn handles(function: &Function, names: &Names) -> bool {
    let mut filled = function.members.iter().filter(|(member, _)| names.contains(member));
    !function.fields.is_disjoint(names) || filled.any(|(_, sources)| !sources.is_disjoint(names))
}

/// Returns the names that `function` uses for a generated field.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn facade(files: &[(&str, &str)]) -> Facade {
        let mut scan = Scan::default();
        for (file, text) in files {
            scan.read(file, text).expect("Rust");
        }
        Facade(scan)
    }

    /// Each case is a way to call a generated operation: a helper (or none), and the public method.
    #[test]
    fn an_operation_is_followed_to_the_public_method_however_it_is_called() {
        let root = ("lib.rs", "mod cards; mod request; pub use cards::{Cards, GetCard};");
        for (helper, method) in [
            ("", "pub fn get(&self) { self.0.call(|c| async move { c.get_card(1).await }) }"),
            ("", "pub fn get(&self) { self.0.call(|c| { let sent = c; sent.get_card(1) }) }"),
            ("", "pub fn get(&self) { self.0.call(Client::get_card) }"),
            ("", "pub fn get(&self) { select! { card = self.0.client().get_card(1) => card } }"),
            ("fn one(core: &Core) { core.client.get_card(1) }", "pub fn get(&self) { one(&self.0) }"),
            ("fn one(c: &C) { c.get_card(1) } fn two() { one(1) }", "pub fn get(&self) { retry(two) }"),
            (
                "struct Reading; impl Reading { fn run(self) { self.0.get_card(1) } }",
                "pub fn get(&self) { Reading.run() }",
            ),
            (
                "pub struct GetCard; impl IntoFuture for GetCard { fn into_future(self) { self.0.get_card(1) } }",
                "pub fn get(&self) -> GetCard { GetCard }",
            ),
        ] {
            let cards =
                format!("pub struct Cards; {helper} impl Cards {{ {method} pub fn other(&self) {{}} }}");
            let found = facade(&[root, ("cards.rs", &cards)]).operation("get_card");
            assert!(found.contains(&"cmp::Cards::get".to_owned()), "{helper} {method}: {found:?}");
            assert!(!found.contains(&"cmp::Cards::other".to_owned()), "{helper} {method}: {found:?}");
        }
    }

    #[test]
    fn a_function_of_another_file_is_followed_by_its_import_or_its_module() {
        let root = ("lib.rs", "mod cards; mod request; pub use cards::Cards;");
        let request = ("request.rs", "pub(crate) fn one(c: &C) { c.get_card(1) }");
        for (cards, is_found) in [
            (
                "use super::request; pub struct Cards; impl Cards { pub fn get(&self) { request::one(1) } }",
                true,
            ),
            ("use super::request::one; pub struct Cards; impl Cards { pub fn get(&self) { one(1) } }", true),
            ("pub struct Cards; fn one() {} impl Cards { pub fn get(&self) { other::one(1) } }", false),
        ] {
            let found = facade(&[root, request, ("cards.rs", cards)]).operation("get_card");
            assert_eq!(found == ["cmp::Cards::get"], is_found, "{cards}: {found:?}");
        }
    }

    #[test]
    fn two_types_of_one_name_are_told_apart_by_their_modules() {
        let client = "pub struct Client; impl Client { pub fn get(&self) { self.0.get_card(1) } }";
        let root = ("lib.rs", "mod client; pub mod v1; pub use client::Client;");
        assert_eq!(facade(&[root, ("client.rs", client)]).operation("get_card"), ["cmp::Client::get"]);
        assert_eq!(facade(&[root, ("v1/mod.rs", client)]).operation("get_card"), ["cmp::v1::Client::get"]);
    }

    #[test]
    fn a_field_is_named_by_the_public_field_that_holds_it() {
        let card = "pub struct Card { pub last4: String, pub mark: Mark }\n\
                    impl Card { fn read(from: types::StoredCard) -> Self {\n\
                    Self { last4: from.last4, mark: Mark::new(from.fingerprint) } } }";
        let facade = facade(&[("lib.rs", "mod card; pub use card::Card;"), ("card.rs", card)]);
        let field = |name| facade.field(["StoredCard"].into_iter(), name);
        assert_eq!(field("last4"), ["cmp::Card::last4"]);
        assert_eq!(field("fingerprint"), ["cmp::Card::mark"]);
    }
}
