-- Bulk runs: how far each has come.
CREATE TABLE cmp_runs (
    -- The caller's name of the run.
    run TEXT NOT NULL PRIMARY KEY,
    -- The serialised `Checkpoint`, in JSON.
    checkpoint TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- What became of each item of a run.
CREATE TABLE cmp_outcomes (
    run TEXT NOT NULL,
    -- The card's id, or the caller's key of a card to create.
    item TEXT NOT NULL,
    -- The error's text, which repeats nothing of the card. NULL: success.
    error TEXT,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (run, item)
);
