//! From the published pages to the documents that the client is generated from.
//!
//! `import` fills `openapi/fragments`; `merge` runs fragments → merged → corrected → lowered and writes the last
//! two. Every step is a function from values to values: files are read at the start and written at the end, all
//! or none.

pub(crate) mod correct;
pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod generated;
pub(crate) mod import;
pub(crate) mod json;
pub(crate) mod lower;
pub(crate) mod merge;
mod page;
pub(crate) mod pipeline;
pub(crate) mod read;
pub(crate) mod sources;
pub(crate) mod split;
mod upgrade;
pub(crate) mod write;
