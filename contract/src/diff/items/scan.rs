//! Scans the facade's source, file by file, for its use of the generated crate.
//!
//! The source is parsed, not compiled, because the tool must work while the facade does not compile. So calls are
//! resolved by name. A name that fits two functions counts for both. `items::tests` fails if an operation is no longer
//! found.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

pub(super) type Names = BTreeSet<String>;

/// A function, and what it mentions.
#[derive(Debug, Default)]
pub(super) struct Function {
    pub(super) file: String,
    /// The type whose method it is.
    pub(super) owner: Option<String>,
    pub(super) name: String,
    pub(super) public: bool,
    /// `true` if it implements a trait's function, such as `IntoFuture::into_future`.
    pub(super) of_trait: bool,
    /// The types in its signature.
    pub(super) signature: Names,
    pub(super) returns: Names,
    /// Everything that it mentions by path.
    pub(super) mentioned: Names,
    /// The generated types among them.
    pub(super) generated: Names,
    /// The functions that it calls or passes on.
    pub(super) calls: BTreeSet<Call>,
    /// Fields that it reads or sets.
    pub(super) fields: Names,
    /// Members of struct literals, each with the fields that its value comes from.
    pub(super) members: Vec<(String, Names)>,
}

/// A use of a function, by the names in the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) of: Receiver,
}

/// The part of a call before the function's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Receiver {
    /// `value.name()`
    Value,
    /// `Type::name()` or `module::name()`
    Path(String),
    /// `name()`
    Nothing,
}

/// A struct or an enum, and the types in it.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) public: bool,
    pub(super) holds: Names,
    pub(super) generated: Names,
    pub(super) variants: Names,
    /// Public fields.
    pub(super) fields: Names,
}

/// Everything found in the source.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) functions: Vec<Function>,
    pub(super) holders: Vec<Holder>,
    /// The generated crate's lists of values, each with the facade's enum for it.
    pub(super) made_from: BTreeMap<String, String>,
    /// Accessors written by a macro: file, method, field.
    pub(super) accessors: Vec<(String, String, String)>,
    /// The items that the root of the crate exports, as module and name.
    pub(super) exported: BTreeSet<(String, String)>,
    /// The public modules.
    pub(super) public_modules: Names,
    /// The names that each file imports.
    pub(super) imported: BTreeMap<String, Names>,
    file: String,
    owner: Option<String>,
    in_trait: bool,
    /// `type Document = types::CardResourceResponse;`
    aliases: BTreeMap<String, String>,
}

impl Scan {
    pub(super) fn read(&mut self, file: &str, text: &str) -> Result<()> {
        let parsed = syn::parse_file(text).with_context(|| format!("cmp/src/{file}"))?;
        file.clone_into(&mut self.file);
        self.aliases = aliases(&parsed);
        if file == "lib.rs" {
            self.root(&parsed);
        }
        self.visit_file(&parsed);
        Ok(())
    }

    fn root(&mut self, file: &syn::File) {
        for item in &file.items {
            match item {
                syn::Item::Use(item) if is_public(&item.vis) => {
                    if let syn::UseTree::Path(path) = &item.tree {
                        let mut names = Names::new();
                        leaves(&path.tree, &mut names);
                        self.exported.extend(names.into_iter().map(|name| (path.ident.to_string(), name)));
                    }
                }
                syn::Item::Mod(item) if is_public(&item.vis) => {
                    self.public_modules.insert(item.ident.to_string());
                }
                _ => {}
            }
        }
    }

    fn function(&mut self, signature: &syn::Signature, public: bool, body: &syn::Block) {
        let mut inner = Mentions { aliases: &self.aliases, found: Function::default() };
        inner.visit_signature(signature);
        let arguments = std::mem::take(&mut inner.found.mentioned);
        let mut returns = Mentions { aliases: &self.aliases, found: Function::default() };
        returns.visit_return_type(&signature.output);
        inner.visit_block(body);
        inner.found.mentioned.extend(arguments.iter().cloned());
        self.functions.push(Function {
            file: self.file.clone(),
            owner: self.owner.clone(),
            name: signature.ident.to_string(),
            public,
            of_trait: self.in_trait,
            signature: arguments,
            returns: returns.found.mentioned,
            ..inner.found
        });
    }

    fn holder(&self, name: &syn::Ident, vis: &syn::Visibility, fields: Mentions<'_>) -> Holder {
        Holder {
            file: self.file.clone(),
            name: name.to_string(),
            public: is_public(vis),
            holds: fields.found.mentioned,
            generated: fields.found.generated,
            variants: Names::new(),
            fields: Names::new(),
        }
    }
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg"));
        if !is_test {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        self.owner = match &*block.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        self.in_trait = block.trait_.is_some();
        visit::visit_item_impl(self, block);
        (self.owner, self.in_trait) = (None, false);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        leaves(&item.tree, self.imported.entry(self.file.clone()).or_default());
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, is_public(&function.vis), &function.block);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, is_public(&function.vis), &function.block);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        let aliases = self.aliases.clone();
        let mut fields = Mentions { aliases: &aliases, found: Function::default() };
        fields.visit_fields(&item.fields);
        let mut holder = self.holder(&item.ident, &item.vis, fields);
        let public = item.fields.iter().filter(|field| is_public(&field.vis));
        holder.fields = public.filter_map(|field| field.ident.as_ref().map(ToString::to_string)).collect();
        self.holders.push(holder);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        let aliases = self.aliases.clone();
        let mut fields = Mentions { aliases: &aliases, found: Function::default() };
        item.variants.iter().for_each(|variant| fields.visit_variant(variant));
        let mut holder = self.holder(&item.ident, &item.vis, fields);
        holder.variants = item.variants.iter().map(|variant| variant.ident.to_string()).collect();
        self.holders.push(holder);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if item.ident.is_none() {
            let words = flat(item.mac.tokens.clone());
            self.enum_of_macro(&words);
            self.accessors_of_macro(&words);
        }
    }
}

impl Scan {
    /// `CardEvent from types::KnownCardUpdateEvent { Updated = "updated", … }`
    fn enum_of_macro(&mut self, words: &[String]) {
        let Some(from) = words.iter().position(|word| word == "from").filter(|from| *from > 0) else {
            return;
        };
        let path = words[from + 1..].iter().take_while(|word| *word != "{");
        let Some(known) = path.filter(|word| *word != ":").last() else { return };
        let name = words[from - 1].clone();
        let variants = words.windows(2).filter(|pair| pair[1] == "=").map(|pair| pair[0].clone()).collect();
        self.made_from.insert(known.clone(), name.clone());
        let (holds, generated) = (Names::new(), Names::from([known.clone()]));
        let (file, fields) = (self.file.clone(), Names::new());
        self.holders.push(Holder { file, name, public: true, holds, generated, variants, fields });
    }

    /// `product_name: properties.product_name;`, with or without a type before the value.
    fn accessors_of_macro(&mut self, words: &[String]) {
        let entries = words.split(|word| word == ";");
        for entry in entries {
            let named = entry.iter().position(|word| word == ":").filter(|colon| *colon > 0);
            if let (Some(colon), [.., dot, field]) = (named, entry)
                && dot == "."
            {
                self.accessors.push((self.file.clone(), entry[colon - 1].clone(), field.clone()));
            }
        }
    }
}

/// Collects the names that a piece of code mentions.
struct Mentions<'a> {
    aliases: &'a BTreeMap<String, String>,
    found: Function,
}

impl<'ast> Visit<'ast> for Mentions<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        for pair in names.windows(2).filter(|pair| pair[0] == "types") {
            self.found.generated.insert(pair[1].clone());
        }
        self.found.generated.extend(names.iter().filter_map(|name| self.aliases.get(name).cloned()));
        self.found.mentioned.extend(names);
        visit::visit_path(self, path);
    }

    fn visit_expr_field(&mut self, access: &'ast syn::ExprField) {
        if let syn::Member::Named(name) = &access.member {
            self.found.fields.insert(name.to_string());
        }
        visit::visit_expr_field(self, access);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.found.calls.insert(Call { name: call.method.to_string(), of: Receiver::Value });
        visit::visit_expr_method_call(self, call);
    }

    /// A path may call a function or pass the function on.
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let mut names = path.path.segments.iter().rev().map(|segment| segment.ident.to_string());
        if let Some(name) = names.next() {
            let of = names.next().map_or(Receiver::Nothing, Receiver::Path);
            self.found.calls.insert(Call { name, of });
        }
        visit::visit_expr_path(self, path);
    }

    /// The arguments of a macro are tokens, not a syntax tree. So each name in them counts as a possible call.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let words = flat(call.tokens.clone());
        for (index, name) in words.iter().enumerate() {
            let before = |back: usize| index.checked_sub(back).map_or("", |at| words[at].as_str());
            let of = match (before(1), before(2)) {
                (".", _) => Receiver::Value,
                (":", ":") => Receiver::Path(before(3).to_owned()),
                _ => Receiver::Nothing,
            };
            if syn::parse_str::<syn::Ident>(name).is_ok() {
                self.found.mentioned.insert(name.clone());
                self.found.calls.insert(Call { name: name.clone(), of });
            }
        }
        visit::visit_macro(self, call);
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if let syn::Member::Named(name) = &field.member {
            let mut value = Mentions { aliases: self.aliases, found: Function::default() };
            value.visit_expr(&field.expr);
            let mut sources = value.found.fields;
            // A plain variable counts as a source under its own name.
            if let syn::Expr::Path(path) = &field.expr {
                sources.extend(path.path.get_ident().map(ToString::to_string));
            }
            self.found.members.push((name.to_string(), sources));
        }
        visit::visit_field_value(self, field);
    }
}

fn is_public(visibility: &syn::Visibility) -> bool {
    matches!(visibility, syn::Visibility::Public(_))
}

fn aliases(file: &syn::File) -> BTreeMap<String, String> {
    let alias = |item: &syn::Item| {
        let syn::Item::Type(alias) = item else { return None };
        let syn::Type::Path(target) = &*alias.ty else { return None };
        let mut segments = target.path.segments.iter().rev();
        let (last, before) = (segments.next()?, segments.next()?);
        (before.ident == "types").then(|| (alias.ident.to_string(), last.ident.to_string()))
    };
    file.items.iter().filter_map(alias).collect()
}

fn leaves(tree: &syn::UseTree, names: &mut Names) {
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, names),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        syn::UseTree::Name(name) => drop(names.insert(name.ident.to_string())),
        syn::UseTree::Rename(rename) => drop(names.insert(rename.rename.to_string())),
        syn::UseTree::Glob(_) => {}
    }
}

fn flat(tokens: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let braces = group.delimiter() == proc_macro2::Delimiter::Brace;
                words.extend(braces.then(|| "{".to_owned()));
                // Brackets contain an attribute, such as a documentation comment.
                if group.delimiter() != proc_macro2::Delimiter::Bracket {
                    words.extend(flat(group.stream()));
                }
            }
            other => words.push(other.to_string()),
        }
    }
    words
}
