pub struct Event {
    name: String,
    details: CardDetails,
}

pub struct CardDetails {
    card_id: Option<String>,
}
