//! The parts of one simulator that its handle and its connections share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::faults::FaultList;
use crate::received::RequestLog;
use crate::settings::Settings;
use crate::state::State;
use crate::webhooks::Signals;

pub(crate) struct Instance {
    pub(crate) url: String,
    pub(crate) openapi: Option<String>,
    control: bool,
    state: Mutex<State>,
    faults: Mutex<FaultList>,
    log: Mutex<RequestLog>,
    pub(crate) webhooks: Signals,
}

impl Instance {
    pub(crate) fn new(settings: Settings, url: String, openapi: Option<String>) -> Self {
        Self {
            url,
            openapi,
            control: settings.control_api,
            faults: Mutex::new(FaultList::new(settings.seed)),
            log: Mutex::new(RequestLog::new(settings.request_log)),
            webhooks: Signals::default(),
            state: Mutex::new(State::new(settings)),
        }
    }

    /// Clears everything but the settings. Ids and numbers go on, because a request or a notification may be under
    /// way, and clients and receivers know the ids from before.
    pub(crate) fn reset(&self) {
        self.state().reset();
        self.faults().clear();
        self.log().clear();
        self.webhooks.report_progress();
    }

    /// Wakes the delivery of webhooks after a request, a world event or a change of the clock.
    pub(crate) fn wake_webhooks(&self) {
        self.settle();
        self.webhooks.wake();
    }

    pub(crate) fn settle(&self) {
        self.state().settle_all();
    }

    pub(crate) fn serves_control(&self) -> bool {
        self.control
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultList> {
        lock(&self.faults)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, RequestLog> {
        lock(&self.log)
    }
}

/// Ignores poisoning: a panic in one request must not fail the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use crate::faults::Fault;
    use crate::http::Request;
    use crate::received::ReceivedRequest;

    use super::*;

    #[test]
    fn what_is_numbered_after_a_reset_has_a_number_of_its_own() {
        let instance = Instance::new(Settings::default(), String::new(), None);
        let draw = || {
            let (head, ()) = http::Request::new(()).into_parts();
            let request = ReceivedRequest::new(&Request::new(head, "".into()), None, "");
            (
                instance.log().add(request, None),
                instance.faults().add(Fault::hang()),
                instance.state().ids.card(),
            )
        };
        let before = draw();
        instance.reset();
        assert!(instance.log().latest().is_empty() && instance.faults().list().next().is_none());
        let after = draw();
        assert!(before.0 != after.0 && before.1 != after.1 && before.2 != after.2, "{before:?} {after:?}");
    }
}
