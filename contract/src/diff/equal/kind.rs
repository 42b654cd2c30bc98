//! The kinds of values in an OpenAPI document, by their position.

use serde_json::{Map, Value};

/// The kind of a node. It decides the kinds of the node's members, and which of their differences have no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A value that is compared as it is.
    Json,
    /// A value for people, or for their tools. Nothing on the wire depends on it.
    Words,
    /// A list of words without order.
    Tags,
    Info,
    Servers,
    Server,
    Security,
    Scheme,
    Paths,
    PathItem,
    Operation,
    Parameters,
    Parameter,
    Headers,
    Header,
    Body,
    Statuses,
    Answer,
    Content,
    Media,
    Encodings,
    Encoding,
    Callbacks,
    Callback,
    Links,
    Link,
    Examples,
    Example,
    Schema,
    /// `anyOf`
    AnyOf,
    /// `oneOf`, in which two equal branches exclude each other.
    OneOf,
    /// `prefixItems`
    Prefix,
    /// `enum`, `type`
    Values,
    Discriminator,
    /// Any other node that the reader builds.
    Group,
}

/// The form in which a kind is written.
pub(super) enum Form {
    Leaf,
    Map(Kind),
    List(Kind),
    Bag(Kind),
    Set(Kind),
    Object,
}

impl Kind {
    pub(super) fn form(self) -> Form {
        match self {
            Self::Json | Self::Words | Self::Example => Form::Leaf,
            Self::Tags => Form::Set(Self::Words),
            Self::Servers => Form::List(Self::Server),
            Self::Paths => Form::Map(Self::PathItem),
            Self::Headers => Form::Map(Self::Header),
            Self::Statuses => Form::Map(Self::Answer),
            Self::Content => Form::Map(Self::Media),
            Self::Encodings => Form::Map(Self::Encoding),
            Self::Callbacks => Form::Map(Self::Callback),
            Self::Callback => Form::Map(Self::PathItem),
            Self::Links => Form::Map(Self::Link),
            Self::Examples => Form::Map(Self::Example),
            Self::AnyOf => Form::Set(Self::Schema),
            Self::OneOf => Form::Bag(Self::Schema),
            Self::Prefix => Form::List(Self::Schema),
            Self::Values => Form::Set(Self::Json),
            Self::Parameters => Form::Set(Self::Parameter),
            _ => Form::Object,
        }
    }

    /// Whether a reference object may replace it.
    pub(super) fn may_be_referenced(self) -> bool {
        matches!(
            self,
            Self::Parameter
                | Self::Header
                | Self::Body
                | Self::Answer
                | Self::Callback
                | Self::Link
                | Self::Example
                | Self::Scheme
                | Self::PathItem
        )
    }

    /// Whether nothing on the wire depends on it.
    pub(crate) fn is_words(self) -> bool {
        matches!(self, Self::Words | Self::Tags | Self::Example | Self::Examples)
    }

    /// Returns the kind of the member `key`.
    pub(super) fn member(self, key: &str) -> Kind {
        match (self, key) {
            (_, key) if key.starts_with("x-") => Self::Words,
            (Self::Info, _)
            | (
                _,
                "description" | "summary" | "externalDocs" | "example" | "deprecated" | "operationId"
                | "bearerFormat",
            ) if self != Self::Link || key == "description" => Self::Words,
            (Self::Operation, "tags") => Self::Tags,
            (Self::Operation, "requestBody") => Self::Body,
            (Self::Operation, "responses") => Self::Statuses,
            (Self::Operation, "callbacks") => Self::Callbacks,
            (Self::Parameter | Self::Header | Self::Media, "schema") => Self::Schema,
            (Self::Parameter | Self::Header | Self::Media, "examples") => Self::Examples,
            (Self::Parameter | Self::Header | Self::Body | Self::Answer, "content") => Self::Content,
            (Self::Answer | Self::Encoding, "headers") => Self::Headers,
            (Self::Answer, "links") => Self::Links,
            (Self::Media, "encoding") => Self::Encodings,
            (Self::Link, "server") => Self::Server,
            _ => Self::Json,
        }
    }

    /// Whether an absent `key` means the same as this value.
    pub(super) fn is_default(self, key: &str, value: &Value, beside: &Map<String, Value>) -> bool {
        let is_empty =
            value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if is_empty && !matches!(self.member(key).form(), Form::Leaf | Form::Object) {
            return true;
        }
        let is_false = value == false;
        match (self, key) {
            (Self::Operation, "deprecated") | (Self::Body, "required") => is_false,
            (
                Self::Parameter | Self::Header,
                "required" | "deprecated" | "allowEmptyValue" | "allowReserved",
            ) => is_false,
            (Self::Parameter | Self::Header, "style") => value == self.style(beside),
            (Self::Parameter | Self::Header, "explode") => {
                let style = beside.get("style").and_then(Value::as_str).unwrap_or(self.style(beside));
                *value == (style == "form")
            }
            _ => false,
        }
    }

    /// Returns the default `style` of a parameter or header.
    fn style(self, members: &Map<String, Value>) -> &'static str {
        match members.get("in").and_then(Value::as_str) {
            Some("query" | "cookie") if self == Self::Parameter => "form",
            _ => "simple",
        }
    }

    /// Returns the name of a map's member in a spelling that is the same for all its spellings.
    pub(super) fn name(self, key: &str) -> String {
        match self {
            Self::Headers => key.to_ascii_lowercase(),
            Self::Statuses if key.ends_with("xx") => key.to_ascii_uppercase(),
            Self::Content => {
                let mut parts = key.split(';').map(str::trim);
                let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
                parts.fold(kind, |all, part| all + ";" + part)
            }
            _ => key.to_owned(),
        }
    }
}
