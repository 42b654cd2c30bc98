//! The form in which checks are written down.

use cmp_simulator::Settings;

use super::super::outcome::Checked;
use super::super::session::Session;
use super::super::target::Boxed;

/// What a check does.
pub(crate) type Run = for<'s, 'a> fn(&'s mut Session<'a>) -> Boxed<'s, Checked>;

/// A check that is a function.
pub(crate) struct Written {
    pub(crate) name: &'static str,
    pub(crate) set_up: fn(&mut Settings),
    pub(crate) run: Run,
}

/// Leaves a simulator as it is.
pub(crate) fn as_it_is(_: &mut Settings) {}
