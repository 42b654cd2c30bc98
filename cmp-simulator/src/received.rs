//! The requests that a simulator received.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::http::{FORM, Request};
use crate::masked;
use crate::operation::Operation;

/// One request as received, with card data and credentials masked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The operation; `None` for the token endpoint, and for an unknown path or method
    pub operation: Option<Operation>,
    /// The HTTP method
    pub method: String,
    /// The path, without the query
    pub path: String,
    /// The query, without `?`
    pub query: Option<String>,
    /// The status of the response; `None` if none was sent completely
    pub status: Option<u16>,
    /// Whether the request took effect, with any response
    pub carried_out: bool,
    /// The name of the fault that met the request
    pub fault: Option<&'static str>,
    /// `metadata.observability.trace_id` of the answer
    pub trace_id: String,
    /// The JSON body, masked; `None` if the body is not JSON
    pub body: Option<Value>,
    headers: Vec<(String, String)>,
}

impl ReceivedRequest {
    pub(crate) fn new(request: &Request, operation: Option<Operation>, trace_id: &str) -> Self {
        let body = if request.is_of(FORM) { None } else { serde_json::from_slice(&request.body).ok() };
        Self {
            operation: operation.filter(|operation| *operation != Operation::Token),
            method: masked::text(request.method.as_str()),
            path: masked::text(&request.path),
            query: request.query.as_deref().map(masked::query),
            status: None,
            carried_out: false,
            fault: None,
            trace_id: trace_id.to_owned(),
            body: body.as_ref().map(masked::json),
            headers: masked::headers(&request.headers),
        }
    }

    /// Returns the first header with this name in any case. Credentials are masked.
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }
}

/// The latest requests, and the counts of all.
pub(crate) struct RequestLog {
    latest: VecDeque<ReceivedRequest>,
    dropped: u64,
    capacity: usize,
    counts: HashMap<Operation, usize>,
}

impl RequestLog {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { latest: VecDeque::new(), dropped: 0, capacity, counts: HashMap::new() }
    }

    /// Adds a request. Returns its number for [`RequestLog::change`].
    pub(crate) fn add(&mut self, request: ReceivedRequest, operation: Option<Operation>) -> u64 {
        if let Some(operation) = operation {
            *self.counts.entry(operation).or_default() += 1;
        }
        self.latest.push_back(request);
        while self.latest.len() > self.capacity {
            self.latest.pop_front();
            self.dropped += 1;
        }
        self.dropped + self.latest.len() as u64
    }

    pub(crate) fn change(&mut self, number: u64, change: impl FnOnce(&mut ReceivedRequest)) {
        let place = number.checked_sub(self.dropped + 1).and_then(|place| usize::try_from(place).ok());
        if let Some(request) = place.and_then(|place| self.latest.get_mut(place)) {
            change(request);
        }
    }

    pub(crate) fn latest(&self) -> Vec<ReceivedRequest> {
        self.latest.iter().cloned().collect()
    }

    pub(crate) fn count(&self, operation: Operation) -> usize {
        self.counts.get(&operation).copied().unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.dropped += self.latest.len() as u64;
        self.latest.clear();
        self.counts.clear();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    #[test]
    fn the_log_keeps_the_latest_and_counts_all() {
        let request = Request {
            method: Method::POST,
            path: "/cards".to_owned(),
            query: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let operation = Some(Operation::CreateCard);
        let mut log = RequestLog::new(2);
        let numbers: Vec<_> = ["1", "2", "3"]
            .map(|trace| log.add(ReceivedRequest::new(&request, operation, trace), operation))
            .to_vec();
        log.change(numbers[0], |_| panic!("the first request is gone"));
        log.change(numbers[2], |request| request.status = Some(201));
        let latest = log.latest();
        assert_eq!(latest.iter().map(|request| request.status).collect::<Vec<_>>(), [None, Some(201)]);
        assert_eq!(log.count(Operation::CreateCard), 3);
    }
}
