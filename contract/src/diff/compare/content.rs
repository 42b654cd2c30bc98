//! Compares responses, their headers, and the media types of bodies.

use super::{
    finding::{Compare, Fields, Target},
    place::{Operation, Part, Place, Step},
};
use crate::{
    diff::{
        change::{Level, Side},
        equal::Id,
    },
    spec::json::below,
};

impl Compare<'_> {
    pub(super) fn answers(&mut self, operation: &Operation, old: Option<Id>, new: Option<Id>) {
        let [old, new] = [old, new].map(|id| self.map(id));
        for (status, answer) in &new {
            let place = Place::new(operation, Part::Answer(status.clone()));
            match find(status, &old) {
                Some(other) if self.graph.same(other, *answer) => {}
                Some(other) => self.answer(&place, other, *answer),
                None => self.status(&place, &new, (status, *answer), "added"),
            }
        }
        for (status, answer) in old.iter().filter(|(status, _)| find(status, &new).is_none()) {
            let place = Place::new(operation, Part::Answer(status.clone()));
            self.status(&place, &old, (status, *answer), "removed");
        }
    }

    /// Returns a map's members as an owned list.
    fn map(&self, id: Option<Id>) -> Vec<(String, Id)> {
        let members = id.into_iter().flat_map(|id| self.graph.members(id));
        members.map(|(key, id)| (key.to_owned(), id)).collect()
    }

    fn status(&mut self, place: &Place, all: &[(String, Id)], (status, answer): (&str, Id), verb: &str) {
        // A redirect answers the request too. `default` is the success if no status is one.
        let success = match status {
            "default" => !all.iter().any(|(other, _)| other.starts_with('2')),
            status => status.starts_with(['2', '3']),
        };
        let kind = if success { "success" } else { "non-success" };
        // A removed failure status breaks nobody. A removed success status does, because programs wait for it.
        let level = if success && verb == "removed" { Level::Breaking } else { Level::Additive };
        let id = format!("{}-{kind}-status-{verb}", place.message());
        let text = format!("status {status} is {}", if verb == "added" { "new" } else { "gone" });
        let at = self.graph.at(answer).to_owned();
        let target = Target::Operation(place.operation.clone());
        self.say_to(&target, Side::Readers, &id, level, &at, text);
    }

    fn answer(&mut self, place: &Place, old: Id, new: Id) {
        let mut fields = self.fields(old, new);
        let target = Target::Member(place.clone());
        self.rule(&mut fields, &target, "headers", |this, before, after| {
            this.headers(place, (old, before), (new, after));
        });
        self.content_rule(place, &mut fields, new);
        self.rest(fields, &target);
    }

    fn headers(&mut self, place: &Place, (old_at, old): (Id, Option<Id>), (new_at, new): (Id, Option<Id>)) {
        let [old, new] = [old, new].map(|id| self.map(id));
        for (name, header) in &new {
            let Some(before) = find(name, &old) else {
                let text = format!("has a new header {name}");
                let (id, at) =
                    (format!("{}-header-added", place.message()), self.graph.at(new_at).to_owned());
                self.member_as(place, &id, Level::Additive, &at, &text);
                continue;
            };
            if self.graph.same(before, *header) {
                continue;
            }
            let place = place.step(Step::Header(name.clone()));
            let mut fields = self.fields(before, *header);
            self.requiredness(&place, &mut fields, before, *header);
            self.value_of(&place, &mut fields, (before, *header));
            self.rest(fields, &Target::Member(place));
        }
        for (name, header) in old.iter().filter(|(name, _)| find(name, &new).is_none()) {
            let kind = if self.is_required(*header) { "required" } else { "optional" };
            let id = format!("{kind}-{}-header-removed", place.message());
            let (text, at) = (format!("no longer has the header {name}"), self.graph.at(old_at).to_owned());
            self.member_as(place, &id, Level::Breaking, &at, &text);
        }
    }

    /// Compares the media types of a body, parameter or header, and the schema of each media type.
    pub(super) fn content_rule(&mut self, place: &Place, fields: &mut Fields, owner: Id) {
        let at = below(self.graph.at(owner), "content");
        self.rule(fields, &Target::Member(place.clone()), "content", |this, old, new| {
            this.content(place, &at, old, new);
        });
    }

    fn content(&mut self, place: &Place, at: &str, old: Option<Id>, new: Option<Id>) {
        let [old, new] = [old, new].map(|id| self.map(id));
        let part = match place.part {
            Part::Answer(_) => place.message().to_owned(),
            _ => place.prefix(),
        };
        for (kind, media) in &new {
            let Some(other) = find(kind, &old) else {
                let (id, text) = (format!("{part}-media-type-added"), format!("may be {kind} too"));
                self.member_as(place, &id, Level::Additive, &below(at, kind), &text);
                continue;
            };
            if self.graph.same(other, *media) {
                continue;
            }
            let mut fields = self.fields(other, *media);
            let target = Target::Member(place.clone());
            self.rule(&mut fields, &target, "schema", |this, before, after| {
                this.walk(place, before.as_slice(), after.as_slice());
            });
            self.rest(fields, &target);
        }
        for (kind, media) in old.iter().filter(|(kind, _)| find(kind, &new).is_none()) {
            let (id, text) = (format!("{part}-media-type-removed"), format!("is no longer {kind}"));
            let at = self.graph.at(*media).to_owned();
            self.member_as(place, &id, Level::Breaking, &at, &text);
        }
    }
}

fn find(name: &str, all: &[(String, Id)]) -> Option<Id> {
    all.iter().find(|(other, _)| other == name).map(|(_, id)| *id)
}
