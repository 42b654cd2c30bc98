-- The number of the run's claim. Only the process that claimed the run last stores outcomes of it.
ALTER TABLE cmp_runs ADD COLUMN claim BIGINT NOT NULL DEFAULT 0;
