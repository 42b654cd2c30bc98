use chrono::{DateTime, TimeDelta, Utc};

/// The simulator's clock: the machine's clock and an offset that only `advance` changes.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: TimeDelta,
}

impl Clock {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.offset
    }

    pub(crate) fn advance(&mut self, by: TimeDelta) {
        self.offset += by;
    }
}
