//! A global allocator that searches each freed block for marked secrets.
//!
//! It never grows a block in place, so a text that outgrows its memory leaves the old block to the search. New blocks are
//! zeroed, so what is found in one was written while its owner had it. Who that was follows from the backtrace, which needs
//! the files and lines that the workspace's profile of tests has.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    backtrace::Backtrace,
    cell::Cell,
    mem, slice,
    sync::{Mutex, PoisonError},
};

/// A secret, and what it is.
pub type Mark = (&'static str, &'static str);

/// So much of a secret in a row is a finding: cards may show the first eight digits.
const PIECE: usize = 9;

/// Crates whose memory may hold a secret, and the names that reports have for them.
const HOLDERS: [(&str, &str); 16] = [
    ("cmp", "this library"),
    ("cmp_generated", "this library"),
    ("form_urlencoded", "form_urlencoded"),
    ("serde_json", "serde_json"),
    ("bytes", "HTTP"),
    ("h2", "HTTP"),
    ("http", "HTTP"),
    ("http_body", "HTTP"),
    ("http_body_util", "HTTP"),
    ("hyper", "HTTP"),
    ("hyper_util", "HTTP"),
    ("reqwest", "HTTP"),
    ("rustls", "TLS"),
    ("tokio_rustls", "TLS"),
    ("ring", "TLS"),
    ("tokio", "tokio"),
];

/// Folders of the library's source.
const LIBRARY: [&str; 2] = ["cmp/src/", "cmp-generated"];

thread_local! {
    /// What this thread looks for.
    static MARKS: Cell<&'static [Mark]> = const { Cell::new(&[]) };
}

static FOUND: Mutex<Vec<(&'static str, Backtrace)>> = Mutex::new(Vec::new());

/// The allocator.
#[derive(Debug)]
pub struct Searching;

#[expect(unsafe_code, reason = "an allocator can't be written without it")]
// SAFETY: every block comes from `System` and goes back to it with the same layout.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the whole block back, and `alloc` has initialized it.
        search(unsafe { slice::from_raw_parts(block, layout.size()) });
        // SAFETY: the block is from `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

fn search(block: &[u8]) {
    let Ok(marks) = MARKS.try_with(|marks| marks.replace(&[])) else { return };
    for (name, value) in marks {
        if holds(block, value.as_bytes()) {
            let found = (*name, Backtrace::force_capture());
            FOUND.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        }
    }
    MARKS.set(marks);
}

fn holds(block: &[u8], secret: &[u8]) -> bool {
    let piece = secret.len().min(PIECE);
    let starts = &secret[..=secret.len() - piece];
    let holds_piece = |window| secret.windows(piece).any(|part| part == window);
    block.windows(piece).any(|window| starts.contains(&window[0]) && holds_piece(window))
}

/// A secret in a freed block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is
    pub secret: &'static str,
    /// Whose memory it was
    pub holder: &'static str,
    /// The functions that freed it, the innermost first, each with its file
    pub functions: Vec<String>,
}

/// Does some work, and returns what this thread freed meanwhile with one of the marks in it.
pub fn freed(marks: &'static [Mark], work: impl FnOnce()) -> Vec<Finding> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    MARKS.set(marks);
    work();
    MARKS.set(&[]);
    let found = mem::take(&mut *FOUND.lock().unwrap_or_else(PoisonError::into_inner));
    let findings = found.into_iter().map(|(secret, backtrace)| {
        let functions = functions(&backtrace.to_string());
        Finding { secret, holder: holder(&functions), functions }
    });
    findings.collect()
}

/// Each function of a backtrace and its file.
fn functions(backtrace: &str) -> Vec<String> {
    let mut functions = Vec::<String>::new();
    for line in backtrace.lines().map(str::trim_start) {
        match functions.last_mut() {
            Some(function) if line.starts_with("at ") => *function += &format!(" {line}"),
            _ => functions.push(line.split_once(": ").map_or(line, |(_, name)| name).to_owned()),
        }
    }
    functions
}

/// The first crate on the way out of the allocator that is no part of the standard library.
///
/// Functions of other packages have their crate in their names. Those of the workspace have it in their files.
fn holder(functions: &[String]) -> &'static str {
    let holder = functions.iter().find_map(|function| {
        if LIBRARY.iter().any(|folder| function.contains(folder)) {
            return Some("this library");
        }
        let named = HOLDERS.iter().filter_map(|(name, holder)| Some((position(function, name)?, *holder)));
        named.min().map(|(_, holder)| holder)
    });
    holder.unwrap_or("the caller")
}

/// Where a function's name has a path into this crate.
fn position(function: &str, name: &str) -> Option<usize> {
    function.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = function[..*at].chars().next_back();
        let after = &function[at + name.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            && (after.starts_with("::") || after.starts_with('['))
    })
}
