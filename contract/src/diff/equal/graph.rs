//! The graph of both contracts.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::kind::Kind;

/// A node's index in the graph.
pub(crate) type Id = usize;
/// A text's index in the list of texts.
pub(super) type Symbol = u32;

#[derive(Debug)]
pub(super) struct Node<'d> {
    /// The pointer to the node in its document.
    pub(super) at: String,
    pub(super) kind: Kind,
    pub(super) value: &'d Value,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// A value without parts, as its canonical text.
    Leaf(Symbol),
    Map(Vec<(Symbol, Id)>),
    List(Vec<Id>),
    /// A list without order.
    Bag(Vec<Id>),
    /// A list without order, in which repetitions have no meaning.
    Set(Vec<Id>),
    Schema(Schema),
}

/// A schema as a set of keywords: its own, and those that it takes over from references and `allOf`.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) own: Vec<(Symbol, Id)>,
    pub(super) parts: Vec<Id>,
    /// Whether its keywords change their meaning when keywords of other schemas are added.
    pub(super) is_closed: bool,
    /// Its own keywords and those of its parts.
    pub(super) all: Vec<(Symbol, Id)>,
}

/// The nodes and texts of both documents.
#[derive(Debug, Default)]
pub(crate) struct Graph<'d> {
    pub(super) nodes: Vec<Node<'d>>,
    pub(super) classes: Vec<u32>,
    pub(super) texts: Vec<String>,
    pub(super) symbols: HashMap<String, Symbol>,
}

/// A document in the graph.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) node: Id,
    pub(crate) components: Vec<Component>,
}

/// A component of a document.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub(crate) at: String,
    pub(crate) id: Id,
    /// Whether an operation or webhook leads to it.
    pub(crate) is_used: bool,
}

impl<'d> Graph<'d> {
    pub(crate) fn same(&self, one: Id, other: Id) -> bool {
        self.classes[one] == self.classes[other]
    }

    /// Returns the node's class. Two nodes have the same class exactly if they mean the same.
    pub(crate) fn class(&self, id: Id) -> u32 {
        self.classes[id]
    }

    pub(crate) fn class_set(&self, ids: &[Id]) -> BTreeSet<u32> {
        ids.iter().map(|id| self.class(*id)).collect()
    }

    pub(crate) fn at(&self, id: Id) -> &str {
        &self.nodes[id].at
    }

    pub(crate) fn kind(&self, id: Id) -> Kind {
        self.nodes[id].kind
    }

    /// Returns the value as written in the document.
    pub(crate) fn value(&self, id: Id) -> &'d Value {
        self.nodes[id].value
    }

    /// Returns the canonical text of a leaf.
    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        match self.nodes[id].shape {
            Shape::Leaf(symbol) => Some(&self.texts[symbol as usize]),
            _ => None,
        }
    }

    /// Returns the members of a map, or the keywords of a schema. A keyword may occur several times.
    pub(crate) fn members(&self, id: Id) -> impl Iterator<Item = (&str, Id)> {
        let members: &[(Symbol, Id)] = match &self.nodes[id].shape {
            Shape::Map(members) => members,
            Shape::Schema(schema) => &schema.all,
            _ => &[],
        };
        members.iter().map(|(symbol, id)| (self.texts[*symbol as usize].as_str(), *id))
    }

    pub(crate) fn get(&self, id: Id, key: &str) -> Option<Id> {
        self.members(id).find(|(name, _)| *name == key).map(|(_, id)| id)
    }

    /// Returns the elements of a list, set or bag.
    pub(crate) fn elements(&self, id: Id) -> &[Id] {
        match &self.nodes[id].shape {
            Shape::List(ids) | Shape::Bag(ids) | Shape::Set(ids) => ids,
            _ => &[],
        }
    }

    /// Returns a schema's own keywords, and the schemas whose keywords it takes over.
    pub(crate) fn own(&self, id: Id) -> (impl Iterator<Item = (&str, Id)>, &[Id]) {
        let (own, parts): (&[(Symbol, Id)], &[Id]) = match &self.nodes[id].shape {
            Shape::Schema(schema) => (&schema.own, &schema.parts),
            _ => (&[], &[]),
        };
        (own.iter().map(|(symbol, id)| (self.texts[*symbol as usize].as_str(), *id)), parts)
    }

    pub(crate) fn has_order(&self, id: Id) -> bool {
        matches!(self.nodes[id].shape, Shape::List(_))
    }

    pub(super) fn symbol(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(text) {
            return *symbol;
        }
        let symbol = Symbol::try_from(self.texts.len()).unwrap_or(Symbol::MAX);
        self.texts.push(text.to_owned());
        self.symbols.insert(text.to_owned(), symbol);
        symbol
    }

    pub(super) fn add(&mut self, at: String, kind: Kind, value: &'d Value, shape: Shape) -> Id {
        self.nodes.push(Node { at, kind, value, shape });
        self.nodes.len() - 1
    }

    pub(super) fn leaf(&mut self, at: String, kind: Kind, value: &'d Value, text: &str) -> Id {
        let symbol = self.symbol(text);
        self.add(at, kind, value, Shape::Leaf(symbol))
    }
}

/// Returns a JSON value as text. All spellings of the value give the same text.
pub(crate) fn canonical(value: &Value) -> String {
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
