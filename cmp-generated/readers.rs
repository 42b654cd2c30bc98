//! Replaces serde's derived code in the types of answers by the library's own code, which reads member by member.
//!
//! Types without such code, such as a choice of two objects, keep serde's derived code. A value of such a type is read
//! as a whole or not at all. If it can't be read, the document around it still can.

use std::collections::BTreeSet;
use std::error::Error;

use proc_macro2::TokenStream;
use quote::ToTokens;
use serde_json::Value;
use syn::visit::Visit;
use syn::{
    Attribute, Fields, File, GenericArgument, Ident, ImplItem, Item, ItemEnum, ItemStruct, LitStr,
    PathArguments, Type,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn with_readers(client: TokenStream, document: &str) -> Result<TokenStream> {
    let mut client: File = syn::parse2(client)?;
    let received = received(&serde_json::from_str(document)?);
    let types = client.items.iter_mut().find_map(|item| match item {
        Item::Mod(module) if module.ident == "types" => module.content.as_mut(),
        _ => None,
    });
    let Some((_, items)) = types else { return Ok(client.into_token_stream()) };
    let objects: BTreeSet<_> = items.iter().filter_map(|item| name_of_object(item, &received)).collect();
    for item in items.iter_mut() {
        if let Item::Struct(item) = item {
            box_large(item, &objects)?;
        }
    }
    let mut readers = Vec::new();
    let (mut covered, mut used) = (BTreeSet::new(), Names::default());
    for item in items.iter_mut() {
        let (reader, name, attributes) = match item {
            Item::Struct(item) => (reader_of_struct(item)?, &item.ident, &mut item.attrs),
            Item::Enum(item) => (reader_of_enum(item, &objects), &item.ident, &mut item.attrs),
            _ => continue,
        };
        let Some(reader) = reader.filter(|_| received.contains(&plain(&name.to_string()))) else { continue };
        readers.push(syn::parse_str(&reader)?);
        covered.insert(name.to_string());
        without_derived(attributes, "Deserialize")?;
    }
    for item in items.iter() {
        if name(item).is_some_and(|name| covered.contains(&name.to_string())) {
            used.visit_item(item);
        }
    }
    for item in items.iter_mut() {
        let Item::Struct(item) = item else { continue };
        if received.contains(&plain(&item.ident.to_string())) && is_text(item) {
            without_derived(&mut item.attrs, "Debug")?;
            readers.push(syn::parse_str(&format!("crate::lenient::masked! {{ {} }}", item.ident))?);
        }
    }
    for item in items.iter() {
        let Some(name) = name(item).map(ToString::to_string) else { continue };
        if used.0.contains(&name) && !covered.contains(&name) {
            readers.push(syn::parse_str(&format!("crate::lenient::derived! {{ {name} }}"))?);
        }
    }
    items.extend(readers);
    without_version(&mut client);
    let code = client.into_token_stream().to_string();
    let code = code.replace("ResponseValue :: from_response", "crate :: lenient :: from_response");
    let code = code.replace("HeaderMap :: with_capacity (1usize)", "HeaderMap :: new ()");
    // The hooks set the media type that the client asks for.
    let mut code = code.replace(
        r#". header (:: reqwest :: header :: ACCEPT , :: reqwest :: header :: HeaderValue :: from_static ("application/json" ,) ,)"#,
        "",
    );
    for method in ["delete", "get", "patch", "post", "put"] {
        let begin = format!(
            "self . inner . begin (& self . client , :: reqwest :: Method :: {} , & url)",
            method.to_uppercase()
        );
        code = code.replace(&format!("self . client . {method} (url)"), &begin);
    }
    Ok(code.parse()?)
}

/// Removes the header `api-version`. The generated client would send it with every request, but no document mentions
/// it.
fn without_version(client: &mut File) {
    let blocks = client.items.iter_mut().filter_map(|item| match item {
        Item::Impl(item) => Some(&mut item.items),
        _ => None,
    });
    for item in blocks.flatten() {
        if let ImplItem::Fn(function) = item {
            function.block.stmts.retain(|statement| {
                !statement.to_token_stream().to_string().contains("from_static (\"api-version\")")
            });
        }
    }
}

/// Collects all names that are used in types.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, ident: &'ast Ident) {
        self.0.insert(ident.to_string());
    }
}

/// Returns the names of the schemas that answers use, in the form of [`plain`].
fn received(document: &Value) -> BTreeSet<String> {
    let schemas = &document["components"]["schemas"];
    let mut found = BTreeSet::new();
    let operations = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = operations.filter_map(Value::as_object).flat_map(|path| path.values());
    let mut open: Vec<_> = operations.filter_map(|operation| operation.get("responses")).collect();
    // The facade reads every error answer as an `ErrorDocument`, but no operation's answer refers to it. Hand-written
    // code reads the others as included resources.
    for name in
        ["ErrorDocument", "NetworkTokenResource", "CardUpdateResource", "CardUpdateSubscriptionResource"]
    {
        open.push(&schemas[name]);
        found.insert(name.to_owned());
    }
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                let target = members.get("$ref").and_then(Value::as_str);
                let name = target.and_then(|target| target.strip_prefix("#/components/schemas/"));
                if let Some(name) = name.filter(|name| found.insert((*name).to_owned())) {
                    open.push(&schemas[name]);
                }
                // The list of known values needs no code of its own: the open string reads them.
                let inner = members.iter().filter(|(key, _)| *key != "x-open-enum");
                open.extend(inner.map(|(_, member)| member));
            }
            Value::Array(entries) => open.extend(entries),
            _ => {}
        }
    }
    // The generator names a choice without a name after its place.
    let places = found.iter().flat_map(|name| {
        let properties = schemas[name]["properties"].as_object().into_iter().flatten();
        properties.filter(|(_, schema)| schema.get("oneOf").is_some()).map(move |(key, _)| name.clone() + key)
    });
    let places: Vec<_> = places.collect();
    found.into_iter().chain(places).map(|name| plain(&name)).collect()
}

/// Returns a name reduced to lowercase letters and digits, so that the generator's form and the schema's are equal.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Struct(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        _ => None,
    }
}

fn name_of_object(item: &Item, received: &BTreeSet<String>) -> Option<String> {
    let Item::Struct(item) = item else { return None };
    let name = item.ident.to_string();
    (received.contains(&plain(&name)) && reader_of_struct(item).ok().flatten().is_some()).then_some(name)
}

/// Members of answers that are put into a box. The `data` of an answer is large, so moving the answer would be
/// expensive. The others are large and mostly absent.
const BOXED: [&str; 4] = ["card_art", "cardholder", "data", "enriched_attributes"];

fn box_large(item: &mut ItemStruct, objects: &BTreeSet<String>) -> Result<()> {
    if objects.contains(&item.ident.to_string()) {
        for field in &mut item.fields {
            let inner = inner_type(&field.ty).map(last_segment).unwrap_or_default();
            let is_large = field.ident.as_ref().is_some_and(|name| BOXED.iter().any(|boxed| name == boxed));
            if is_large && objects.contains(&inner) {
                field.ty = syn::parse_str(&format!("::std::option::Option<::std::boxed::Box<{inner}>>"))?;
            }
        }
    }
    Ok(())
}

/// Returns the `T` of an `Option<T>`.
fn inner_type(kind: &Type) -> Option<&Type> {
    let Type::Path(path) = kind else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if last_segment(kind) == "Option" => Some(inner),
        _ => None,
    }
}

/// The entry of a list that names resources. One that can't be read may name any resource.
const RESOURCE_ID: &str = "LubeResourceId";

/// Returns the reader of a struct, if all its members may be absent.
fn reader_of_struct(item: &ItemStruct) -> Result<Option<String>> {
    let Fields::Named(fields) = &item.fields else { return Ok(None) };
    if !derives(&item.attrs)?.iter().any(|name| name == "Default") {
        return Ok(None);
    }
    let mut members = String::new();
    for field in &fields.named {
        let Some(ident) = &field.ident else { return Ok(None) };
        let serde = serde_attributes(&field.attrs)?;
        if last_segment(&field.ty) != "Option" || serde.has_other {
            return Ok(None);
        }
        let name = serde.rename.unwrap_or_else(|| ident.to_string().trim_start_matches("r#").to_owned());
        members += &format!("{name:?} => {ident},");
    }
    let placeholder = if item.ident == RESOURCE_ID { "placeholder" } else { "" };
    Ok(Some(format!("crate::lenient::object! {{ {} {placeholder} {{ {members} }} }}", item.ident)))
}

/// Returns the reader of an enum, if each variant is a different kind of JSON.
fn reader_of_enum(item: &ItemEnum, objects: &BTreeSet<String>) -> Option<String> {
    let mut variants = String::new();
    let mut kinds = BTreeSet::new();
    let texts = item
        .variants
        .iter()
        .flat_map(|variant| &variant.fields)
        .any(|field| last_segment(&field.ty) == "Text");
    for variant in &item.variants {
        let Fields::Unnamed(fields) = &variant.fields else { return None };
        let [inner] = Vec::from_iter(&fields.unnamed)[..] else { return None };
        let kind = match last_segment(&inner.ty).as_str() {
            "Text" => "text",
            "Vec" => "list",
            name if objects.contains(name) => "object",
            _ => return None,
        };
        if !kinds.insert(kind) {
            return None;
        }
        variants += &format!("{kind} => {}({}),", variant.ident, inner.ty.to_token_stream());
        if kind == "list" && !texts {
            variants += &format!("other => {}({}),", variant.ident, inner.ty.to_token_stream());
        }
    }
    Some(format!("crate::lenient::choice! {{ {} {{ {variants} }} }}", item.ident))
}

/// Returns `true` if a struct is a string with its own type. The derived `Debug` of such a type would print the string.
fn is_text(item: &ItemStruct) -> bool {
    let Fields::Unnamed(fields) = &item.fields else { return false };
    fields.unnamed.iter().any(|field| last_segment(&field.ty) == "String")
}

fn last_segment(kind: &Type) -> String {
    match kind {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
    .unwrap_or_default()
}

/// The serde attributes of a field.
#[derive(Default)]
struct SerdeAttributes {
    rename: Option<String>,
    /// The field has an attribute that the readers don't know.
    has_other: bool,
}

fn serde_attributes(attributes: &[Attribute]) -> Result<SerdeAttributes> {
    let mut found = SerdeAttributes::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| {
            let value = meta.value().ok().map(syn::parse::ParseBuffer::parse::<LitStr>).transpose()?;
            match value {
                Some(value) if meta.path.is_ident("rename") => found.rename = Some(value.value()),
                _ if meta.path.is_ident("default") || meta.path.is_ident("skip_serializing_if") => {}
                _ => found.has_other = true,
            }
            Ok(())
        })?;
    }
    Ok(found)
}

fn derives(attributes: &[Attribute]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        attribute.parse_nested_meta(|meta| {
            found.extend(meta.path.segments.last().map(|segment| segment.ident.to_string()));
            Ok(())
        })?;
    }
    Ok(found)
}

fn without_derived(attributes: &mut Vec<Attribute>, what: &str) -> Result<()> {
    let kept = derives(attributes)?.into_iter().filter(|name| name != what);
    let kept = kept.map(|name| {
        if ["Serialize", "Deserialize"].contains(&name.as_str()) { format!("::serde::{name}") } else { name }
    });
    let derive = format!("#[derive({})] struct Derived;", kept.collect::<Vec<_>>().join(","));
    attributes.retain(|attribute| !attribute.path().is_ident("derive"));
    // serde's own attributes must follow the derive.
    let others = std::mem::take(attributes);
    attributes.extend(syn::parse_str::<ItemStruct>(&derive)?.attrs);
    attributes.extend(others);
    Ok(())
}
