//! When two contracts say the same.
//!
//! Both documents become one graph of nodes without the differences that mean nothing. `class` then gives nodes a number:
//! two nodes have the same number exactly if they say the same, with references followed, also where these form cycles.
//! So "the same" is an equivalence by construction. These rewrites keep it:
//!
//! * JSON: the order of members; `1` and `1.0`.
//! * References: a component under another name, or in place of the reference. Names that a discriminator puts on the
//!   wire count.
//! * `allOf` of one, a reference with other keywords beside it, and nested `allOf` are the keywords together, in any
//!   order; so is `anyOf` or `oneOf` with a single branch.
//! * Orders: `required`, `enum`, `type`, `tags`, parameters, branches of `allOf`, `anyOf` and `oneOf`, security
//!   alternatives and scopes.
//! * Defaults that are written down, such as `minLength: 0`, `required: false`, `additionalProperties: true` or
//!   `style: simple` of a header; empty maps and lists where an absent one means the same.
//! * `const` and an `enum` of one value; `type: x` and `type: [x]`; `nullable` of OpenAPI 3.0 and the type `null`; the
//!   boolean `exclusiveMinimum` of OpenAPI 3.0 and the number.
//! * Bounds of an integer: `minimum: 1` and `exclusiveMinimum: 0`.
//! * Names of headers and media types in another case; `2xx` and `2XX`.
//! * Parameters, servers and security written for a path or the whole contract, or for each operation.
//! * `x-generated`, which this workspace writes itself.

mod class;
mod closure;
mod kind;
mod reader;
mod schema;

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use serde_json::Value;

pub(super) use kind::Kind;
pub(super) use reader::UNUSED;
pub(super) use schema::is_annotation;

/// A node's place in the graph.
pub(super) type Id = usize;
/// A text's place in the list of texts.
type Symbol = u32;

#[derive(Debug)]
struct Node<'d> {
    /// Where the node stands in its document.
    at: String,
    kind: Kind,
    value: &'d Value,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    /// A value without parts, by its canonical text.
    Leaf(Symbol),
    Map(Vec<(Symbol, Id)>),
    List(Vec<Id>),
    /// A list without order.
    Bag(Vec<Id>),
    /// A list without order, in which a repetition means nothing.
    Set(Vec<Id>),
    Schema(Schema),
}

/// A schema as a set of keywords: what it says, and what it takes over from references and `allOf`.
#[derive(Debug, Default)]
struct Schema {
    own: Vec<(Symbol, Id)>,
    parts: Vec<Id>,
    /// Its keywords mean something else when those of other schemas stand beside them.
    is_closed: bool,
    /// Its own keywords and those of its parts.
    all: Vec<(Symbol, Id)>,
}

/// Both documents.
#[derive(Debug, Default)]
pub(super) struct Graph<'d> {
    nodes: Vec<Node<'d>>,
    classes: Vec<u32>,
    texts: Vec<String>,
    symbols: HashMap<String, Symbol>,
}

/// A document in the graph.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) node: Id,
    pub(super) components: Vec<Component>,
}

/// A component of a document.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) at: String,
    pub(super) id: Id,
    /// Whether an operation or webhook leads to it.
    pub(super) is_used: bool,
}

impl<'d> Graph<'d> {
    pub(super) fn of(old: &'d Value, new: &'d Value) -> Result<(Self, Root, Root)> {
        let mut graph = Self::default();
        let old = reader::read(&mut graph, old);
        let new = reader::read(&mut graph, new);
        closure::close(&mut graph)?;
        graph.classes = class::classes(&graph);
        Ok((graph, old, new))
    }

    pub(super) fn same(&self, one: Id, other: Id) -> bool {
        self.classes[one] == self.classes[other]
    }

    /// What two nodes share exactly if they say the same.
    pub(super) fn class(&self, id: Id) -> u32 {
        self.classes[id]
    }

    pub(super) fn class_set(&self, ids: &[Id]) -> BTreeSet<u32> {
        ids.iter().map(|id| self.class(*id)).collect()
    }

    pub(super) fn at(&self, id: Id) -> &str {
        &self.nodes[id].at
    }

    pub(super) fn kind(&self, id: Id) -> Kind {
        self.nodes[id].kind
    }

    /// The value as it stands in the document.
    pub(super) fn value(&self, id: Id) -> &'d Value {
        self.nodes[id].value
    }

    /// The canonical text of a leaf.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.nodes[id].shape {
            Shape::Leaf(symbol) => Some(&self.texts[symbol as usize]),
            _ => None,
        }
    }

    /// The members of a map, or the keywords of a schema. A keyword may come several times.
    pub(super) fn members(&self, id: Id) -> impl Iterator<Item = (&str, Id)> {
        let members: &[(Symbol, Id)] = match &self.nodes[id].shape {
            Shape::Map(members) => members,
            Shape::Schema(schema) => &schema.all,
            _ => &[],
        };
        members.iter().map(|(symbol, id)| (self.texts[*symbol as usize].as_str(), *id))
    }

    pub(super) fn get(&self, id: Id, key: &str) -> Option<Id> {
        self.members(id).find(|(name, _)| *name == key).map(|(_, id)| id)
    }

    /// The elements of a list, set or bag.
    pub(super) fn elements(&self, id: Id) -> &[Id] {
        match &self.nodes[id].shape {
            Shape::List(ids) | Shape::Bag(ids) | Shape::Set(ids) => ids,
            _ => &[],
        }
    }

    /// What a schema says itself, and the schemas whose keywords it takes over.
    pub(super) fn own(&self, id: Id) -> (impl Iterator<Item = (&str, Id)>, &[Id]) {
        let (own, parts): (&[(Symbol, Id)], &[Id]) = match &self.nodes[id].shape {
            Shape::Schema(schema) => (&schema.own, &schema.parts),
            _ => (&[], &[]),
        };
        (own.iter().map(|(symbol, id)| (self.texts[*symbol as usize].as_str(), *id)), parts)
    }

    pub(super) fn has_order(&self, id: Id) -> bool {
        matches!(self.nodes[id].shape, Shape::List(_))
    }

    fn symbol(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(text) {
            return *symbol;
        }
        let symbol = Symbol::try_from(self.texts.len()).unwrap_or(Symbol::MAX);
        self.texts.push(text.to_owned());
        self.symbols.insert(text.to_owned(), symbol);
        symbol
    }

    fn add(&mut self, at: String, kind: Kind, value: &'d Value, shape: Shape) -> Id {
        self.nodes.push(Node { at, kind, value, shape });
        self.nodes.len() - 1
    }

    fn leaf(&mut self, at: String, kind: Kind, value: &'d Value, text: &str) -> Id {
        let symbol = self.symbol(text);
        self.add(at, kind, value, Shape::Leaf(symbol))
    }
}

/// A JSON value as text, the same for all spellings of it.
pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (key, member) in sorted {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(member, out);
                out.push(',');
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
}

fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 31 digits")]
        Some(value) if value.fract() == 0.0 && value.abs() < 1e30 => (value as i128).to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests;
