//! Checks that the generator makes code of a lowered document, and that the code can compile.
//!
//! The generator runs as in `cmp-generated/build.rs`. If it fails, or gives two things one name, running it on parts of the
//! document finds the place in the contract.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic,
    sync::Once,
    thread,
};

use anyhow::{Context, Result, bail};
use proc_macro2::TokenStream;
use serde_json::{Map, Value, json};
use syn::visit::{self, Visit};

use super::{
    json::{self, below},
    lower::schema::SCHEMAS,
    split::METHODS,
};

#[path = "../../../cmp-generated/generate.rs"]
pub(crate) mod generate;

const THREAD: &str = "generator";
/// The stack of the generator's thread, since the generator walks types by recursion.
const STACK: usize = 1 << 28;

/// Fails, with the place in the contract, unless code can be made of `lowered`. `types` says where each generated type
/// comes from.
pub(crate) fn check(lowered: &Value, types: &BTreeMap<String, String>) -> Result<()> {
    let Err(fault) = generated(lowered) else { return Ok(()) };
    let place = match &fault {
        Fault::Twice(owner, _) => types.get(owner).cloned(),
        Fault::GaveUp(_) => None,
    };
    match place.or_else(|| culprit(lowered, types)) {
        Some(place) => bail!("{place}: {fault}"),
        None => bail!("{fault}"),
    }
}

/// A fault of generated code.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the generator can't make Rust of it: {0}")]
    GaveUp(String),
    #[error("the generated code would have {1} twice")]
    Twice(String, String),
}

fn generated(lowered: &Value) -> Result<(), Fault> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREAD) {
                usual(info);
            }
        }));
    });
    let text = lowered.to_string();
    let run = move || -> Result<(), Fault> {
        let gave_up = |error: Box<dyn std::error::Error>| Fault::GaveUp(error.to_string());
        let client = generate::Client::of(&text).map_err(gave_up)?;
        for code in [client.code().map_err(gave_up)?, client.mock().map_err(gave_up)?] {
            check_names(code)?;
        }
        Ok(())
    };
    let thread = thread::Builder::new().name(THREAD.to_owned()).stack_size(STACK).spawn(run);
    match thread.map(thread::JoinHandle::join) {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(Fault::GaveUp(said(&*panic))),
        Err(error) => Err(Fault::GaveUp(error.to_string())),
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

fn check_names(code: TokenStream) -> Result<(), Fault> {
    let file = syn::parse2(code).map_err(|error| Fault::GaveUp(format!("not Rust: {error}")))?;
    let mut names = Names::default();
    names.visit_file(&file);
    names.fault.map_or(Ok(()), Err)
}

/// Finds names that one scope has twice.
#[derive(Default)]
struct Names {
    fault: Option<Fault>,
}

impl Names {
    fn unique<'n>(&mut self, owner: &str, what: &str, names: impl Iterator<Item = &'n syn::Ident>) {
        let mut known = BTreeSet::new();
        for name in names {
            if !known.insert(name) && self.fault.is_none() {
                self.fault = Some(Fault::Twice(owner.to_owned(), format!("the {what} {name}")));
            }
        }
    }

    fn items<'i>(&mut self, items: impl IntoIterator<Item = &'i syn::Item>) {
        let mut types = BTreeSet::new();
        for item in items {
            let name = match item {
                syn::Item::Struct(item) => &item.ident,
                syn::Item::Enum(item) => &item.ident,
                syn::Item::Mod(item) => &item.ident,
                syn::Item::Trait(item) => &item.ident,
                syn::Item::Type(item) => &item.ident,
                _ => continue,
            };
            if !types.insert(name) && self.fault.is_none() {
                self.fault = Some(Fault::Twice(name.to_string(), format!("the type {name}")));
            }
        }
    }
}

impl<'a> Visit<'a> for Names {
    fn visit_file(&mut self, file: &'a syn::File) {
        self.items(&file.items);
        visit::visit_file(self, file);
    }

    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        self.items(module.content.iter().flat_map(|(_, items)| items));
        visit::visit_item_mod(self, module);
    }

    fn visit_item_struct(&mut self, item: &'a syn::ItemStruct) {
        let fields = item.fields.iter().filter_map(|field| field.ident.as_ref());
        self.unique(&item.ident.to_string(), "field", fields);
    }

    fn visit_item_enum(&mut self, item: &'a syn::ItemEnum) {
        self.unique(&item.ident.to_string(), "variant", item.variants.iter().map(|variant| &variant.ident));
    }

    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        let functions = item.items.iter().filter_map(|item| match item {
            syn::ImplItem::Fn(function) => Some(&function.sig.ident),
            _ => None,
        });
        self.unique("", "method", functions);
        visit::visit_item_impl(self, item);
    }

    fn visit_signature(&mut self, signature: &'a syn::Signature) {
        let arguments = signature.inputs.iter().filter_map(|argument| match argument {
            syn::FnArg::Typed(argument) => match &*argument.pat {
                syn::Pat::Ident(name) => Some(&name.ident),
                _ => None,
            },
            syn::FnArg::Receiver(_) => None,
        });
        self.unique("", "argument", arguments);
    }
}

/// Returns the place of the first schema, or else the first operation, that fails alone.
fn culprit(lowered: &Value, types: &BTreeMap<String, String>) -> Option<String> {
    let schemas = lowered.pointer(SCHEMAS)?.as_object()?;
    if generated(&with(lowered, schemas, &json!({}))).is_err() {
        let mut smallest: Option<(usize, &String)> = None;
        for name in schemas.keys() {
            let closure = closure(schemas, name);
            if smallest.is_none_or(|(size, _)| closure.len() < size)
                && generated(&with(lowered, &closure, &json!({}))).is_err()
            {
                smallest = Some((closure.len(), name));
            }
        }
        let (_, name) = smallest?;
        let from = types.get(&super::lower::type_name(name)).cloned();
        return Some(from.unwrap_or_else(|| below(SCHEMAS, name)));
    }
    for (path, item) in lowered.get("paths")?.as_object()? {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let paths = json!({ path: { method: operation } });
            if generated(&with(lowered, schemas, &paths)).is_err() {
                return Some(below(&below("/paths", path), method));
            }
        }
    }
    None
}

fn with(lowered: &Value, schemas: &Map<String, Value>, paths: &Value) -> Value {
    json!({
        "openapi": lowered["openapi"], "info": lowered["info"], "paths": paths,
        "components": {"schemas": schemas}
    })
}

/// A schema with all that it refers to.
fn closure(schemas: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let mut out = Map::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let Some(schema) = schemas.get(&name).filter(|_| !out.contains_key(&name)) else { continue };
        let found = json::references(schema, "", &mut |target, _| {
            open.extend(target.rsplit('/').next().map(str::to_owned));
            Ok(())
        });
        debug_assert!(found.is_ok(), "the visitor never fails");
        out.insert(name, schema.clone());
    }
    out
}

/// Names the fragments in which an error has its place, if its text begins with one.
pub(crate) fn located<T>(result: Result<T>, fragments: &BTreeMap<String, Value>) -> Result<T> {
    let Err(error) = result else { return result };
    let text = error.root_cause().to_string();
    let depths = fragments.iter().map(|(file, fragment)| (depth(fragment, &text), file));
    let depths: Vec<(usize, &String)> = depths.filter(|(depth, _)| *depth > 2).collect();
    let deepest = depths.iter().map(|(depth, _)| *depth).max();
    let files: Vec<String> = depths
        .iter()
        .filter(|(depth, _)| Some(*depth) == deepest)
        .map(|(_, file)| format!("openapi/fragments/{file}"))
        .collect();
    match &files[..] {
        [] => Err(error),
        [file] => Err(error).with_context(|| file.clone()),
        [file, rest @ ..] => Err(error).with_context(|| format!("{file} (and {} more)", rest.len())),
    }
}

/// How many steps of the pointer that `text` begins with lead to something in `value`.
fn depth(value: &Value, text: &str) -> usize {
    let Some(text) = text.strip_prefix('/') else { return 0 };
    let rest_after = |token: &str| {
        let rest = text.strip_prefix(below("", token).get(1..)?)?;
        rest.is_empty().then_some(rest).or_else(|| rest.starts_with(['/', ':', ' ']).then_some(rest))
    };
    let best = match value {
        Value::Object(members) => members
            .iter()
            .filter_map(|(name, member)| Some((name.len(), rest_after(name)?, member)))
            .max_by_key(|(length, ..)| *length)
            .map(|(_, rest, member)| depth(member, rest)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| Some(depth(item, rest_after(&index.to_string())?))),
        _ => None,
    };
    best.map_or(0, |depth| depth + 1)
}
