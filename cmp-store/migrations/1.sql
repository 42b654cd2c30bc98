-- All times are milliseconds since 1970 by the clock of the database, because receivers' clocks disagree.

-- Events of webhooks that are handled or being handled.
CREATE TABLE cmp_events (
    -- The SHA-256 of the consumer's name and the event's id in hexadecimal: ids may be of any length, and their content is
    -- the sender's.
    id TEXT NOT NULL PRIMARY KEY,
    -- The number of the claim. A claim is completed, renewed or released by its number only. 0: no claim.
    claim BIGINT NOT NULL,
    -- When the event was claimed, or its claim renewed. The claim expires after the lease.
    claimed_at BIGINT NOT NULL,
    -- When the event was handled. NULL: it is being handled, or its receiver died.
    handled_at BIGINT
);

-- For the removal of events after the retention.
CREATE INDEX cmp_events_age ON cmp_events (coalesce(handled_at, claimed_at));

-- Views of cards, without numbers.
CREATE TABLE cmp_views (
    -- `card_id:` with the card's id, or `pan_alias:` with the alias.
    card TEXT NOT NULL PRIMARY KEY,
    -- A random number for each change. A receiver replaces only the version that it read.
    version BIGINT NOT NULL,
    -- The serialised `CardView`, in JSON.
    view TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);
