#include "reports/store/schema.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/core.h>

#include <array>
#include <string>

#include "reports/store/placement_schema.h"
#include "reports/store/training_schema.h"

namespace hylo::reports {
namespace {

constexpr std::string_view version_1 = R"sql(
-- Closed lists.
CREATE TABLE run_state (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO run_state VALUES (1, 'incomplete'), (2, 'complete');
CREATE TABLE numeric_mode (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO numeric_mode VALUES (1, 'exact'), (2, 'stable'), (3, 'fast');
CREATE TABLE request_kind (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO request_kind VALUES (1, 'score'), (2, 'rolling'), (3, 'generate');
CREATE TABLE finish_reason (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO finish_reason VALUES (1, 'stop'), (2, 'end_of_text'), (3, 'length');
CREATE TABLE aggregation (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO aggregation VALUES (1, 'mean'), (2, 'weighted_perplexity'), (3, 'bits_per_unit'),
                               (4, 'mean_perplexity');

-- What was run, on what. description is JSON; the same description is one row.
CREATE TABLE model (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, description TEXT NOT NULL);
CREATE TABLE machine (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, description TEXT NOT NULL);
CREATE TABLE build (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, description TEXT NOT NULL);
CREATE TABLE task (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL,
                   UNIQUE (name, version));
CREATE TABLE dataset (id INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
                      licence TEXT NOT NULL, UNIQUE (name, sha256, licence));

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,                  -- SHA-256 of all that determines the numbers
  name TEXT UNIQUE,
  state INTEGER NOT NULL REFERENCES run_state,
  started TEXT NOT NULL,              -- ISO-8601 UTC, as all times
  finished TEXT,
  model INTEGER NOT NULL REFERENCES model,
  machine INTEGER NOT NULL REFERENCES machine,
  build INTEGER NOT NULL REFERENCES build,
  numeric_mode INTEGER NOT NULL REFERENCES numeric_mode,
  dtype TEXT NOT NULL,
  seed INTEGER NOT NULL,
  argv TEXT NOT NULL,                 -- JSON array
  settings TEXT NOT NULL              -- JSON object
);
CREATE INDEX run_by_key ON run (key);

-- Each time that a process worked on a run; a run that was never interrupted has one.
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run,
  started TEXT NOT NULL,
  host TEXT NOT NULL,
  process INTEGER NOT NULL
);
CREATE INDEX attempt_by_run ON attempt (run);

-- One task of a run, with its settings.
CREATE TABLE cell (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run,
  position INTEGER NOT NULL,          -- order of tasks in the run
  task INTEGER NOT NULL REFERENCES task,
  variant TEXT NOT NULL,              -- JSON object
  dataset INTEGER NOT NULL REFERENCES dataset,
  num_documents INTEGER NOT NULL,     -- expected
  num_fewshot INTEGER NOT NULL,
  UNIQUE (run, position)
);

CREATE TABLE metric (
  id INTEGER PRIMARY KEY,
  cell INTEGER NOT NULL REFERENCES cell,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  filter TEXT NOT NULL,
  aggregation INTEGER NOT NULL REFERENCES aggregation,
  higher_is_better INTEGER NOT NULL,
  UNIQUE (cell, position),
  UNIQUE (cell, name, filter)
);

-- What was produced.
CREATE TABLE document (
  id INTEGER PRIMARY KEY,
  cell INTEGER NOT NULL REFERENCES cell,
  ordinal INTEGER NOT NULL,           -- place among the documents of the cell, from 0
  document_index INTEGER NOT NULL,    -- number in the data set's file
  fewshot_ids TEXT NOT NULL,          -- JSON array, in prompt order
  seconds REAL NOT NULL,
  UNIQUE (cell, ordinal),
  UNIQUE (cell, document_index)
);

-- Contexts, and the texts of rolling requests; the same text with the same ids is one row.
CREATE TABLE prompt (
  id INTEGER PRIMARY KEY,
  text_sha256 TEXT NOT NULL,
  ids_sha256 TEXT NOT NULL,           -- of the bytes in token_ids
  text TEXT NOT NULL,
  token_ids BLOB NOT NULL,            -- int32, little-endian
  UNIQUE (text_sha256, ids_sha256)
);

-- One request and its answer. Log-likelihoods in nats; one that is not a number is the text 'NaN'.
CREATE TABLE output (
  id INTEGER PRIMARY KEY,
  document INTEGER NOT NULL REFERENCES document,
  request INTEGER NOT NULL,           -- number within the document, from 0
  kind INTEGER NOT NULL REFERENCES request_kind,
  prompt INTEGER NOT NULL REFERENCES prompt,
  continuation TEXT,                  -- scored after the prompt; kind score only
  token_ids BLOB,                     -- int32, little-endian: continuation or generated
  context_ids BLOB,                   -- int32, little-endian: before a rolling text
  log_likelihood REAL,
  window_log_likelihoods BLOB,        -- float64, little-endian; kind rolling only
  is_greedy INTEGER,
  num_tokens INTEGER NOT NULL,
  dropped_tokens INTEGER NOT NULL,
  boundary_merged INTEGER NOT NULL,
  generated TEXT,
  finish_reason INTEGER REFERENCES finish_reason,
  error TEXT,                         -- why there is no answer
  UNIQUE (document, request)
);

-- What was concluded.
CREATE TABLE score (
  document INTEGER NOT NULL REFERENCES document,
  metric INTEGER NOT NULL REFERENCES metric,
  value REAL,                         -- NULL: a request failed, which is not a wrong answer
  weight REAL NOT NULL,
  PRIMARY KEY (document, metric)
) WITHOUT ROWID;

CREATE TABLE aggregate (
  metric INTEGER PRIMARY KEY REFERENCES metric,
  value REAL,
  standard_error REAL,
  interval_low REAL,                  -- 95 %, Wilson; metrics that are 0 or 1
  interval_high REAL,
  n INTEGER NOT NULL,
  num_failed INTEGER NOT NULL,
  partial INTEGER NOT NULL            -- 1: documents are missing
);

-- The tables of reports.
CREATE VIEW run_list AS
  SELECT run.id, run.name, run_state.name AS state, json_extract(model.description, '$.name') AS model,
         (SELECT group_concat(name, ',') FROM (SELECT task.name FROM cell JOIN task ON task.id = cell.task
            WHERE cell.run = run.id ORDER BY cell.position)) AS tasks,
         numeric_mode.name AS numeric_mode, run.dtype, run.seed, run.started, run.finished,
         (SELECT count(*) FROM attempt WHERE attempt.run = run.id) AS num_attempts,
         (SELECT sum(num_documents) FROM cell WHERE cell.run = run.id) AS num_documents,
         (SELECT count(*) FROM cell JOIN document ON document.cell = cell.id
            WHERE cell.run = run.id) AS num_finished
  FROM run JOIN run_state ON run_state.id = run.state JOIN model ON model.id = run.model
    JOIN numeric_mode ON numeric_mode.id = run.numeric_mode;

CREATE VIEW results AS
  SELECT run.id AS run, run.name AS run_name, json_extract(model.description, '$.name') AS model,
         task.name AS task, task.version, metric.filter, cell.num_fewshot, metric.name AS metric,
         aggregate.value, aggregate.standard_error, aggregate.interval_low, aggregate.interval_high,
         aggregate.n, aggregate.num_failed, aggregate.partial
  FROM aggregate JOIN metric ON metric.id = aggregate.metric JOIN cell ON cell.id = metric.cell
    JOIN run ON run.id = cell.run JOIN task ON task.id = cell.task JOIN model ON model.id = run.model
  ORDER BY run.id, cell.position, metric.position;

CREATE VIEW samples AS
  SELECT cell.run, task.name AS task, document.document_index, output.request,
         request_kind.name AS kind, prompt.text AS prompt, output.continuation, output.log_likelihood,
         output.is_greedy, output.num_tokens, output.dropped_tokens, output.boundary_merged,
         output.generated, finish_reason.name AS finish_reason, output.error, document.seconds
  FROM output JOIN document ON document.id = output.document JOIN cell ON cell.id = document.cell
    JOIN task ON task.id = cell.task JOIN request_kind ON request_kind.id = output.kind
    JOIN prompt ON prompt.id = output.prompt
    LEFT JOIN finish_reason ON finish_reason.id = output.finish_reason;

CREATE VIEW scores AS
  SELECT cell.run, task.name AS task, document.document_index, metric.name AS metric, metric.filter,
         score.value, score.weight
  FROM score JOIN document ON document.id = score.document JOIN metric ON metric.id = score.metric
    JOIN cell ON cell.id = document.cell JOIN task ON task.id = cell.task;
)sql";

constexpr std::string_view version_2 = R"sql(
CREATE TABLE group_mean (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO group_mean VALUES (1, 'of_tasks'), (2, 'of_documents');

ALTER TABLE document ADD COLUMN cluster TEXT;          -- NULL: independent of all others
ALTER TABLE document ADD COLUMN tags TEXT;             -- JSON object; NULL: none
ALTER TABLE run ADD COLUMN shard INTEGER;              -- 1 to num_shards; NULL: the whole
ALTER TABLE run ADD COLUMN num_shards INTEGER;
ALTER TABLE run ADD COLUMN whole_key TEXT;             -- of the run that all shards make up
ALTER TABLE cell ADD COLUMN num_assigned INTEGER;      -- documents of the shard; NULL: all
ALTER TABLE aggregate ADD COLUMN clustered_error REAL; -- NULL where there are no clusters
ALTER TABLE aggregate ADD COLUMN num_clusters INTEGER;

-- Several tasks that are quoted as one number; one that has two kinds of mean is two rows.
CREATE TABLE task_group (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  mean INTEGER NOT NULL REFERENCES group_mean,
  UNIQUE (run, position),
  UNIQUE (run, name, mean)
);
CREATE TABLE group_member (
  task_group INTEGER NOT NULL REFERENCES task_group,
  position INTEGER NOT NULL,
  metric INTEGER REFERENCES metric,          -- one of the two
  subgroup INTEGER REFERENCES task_group,
  PRIMARY KEY (task_group, position)
) WITHOUT ROWID;
CREATE TABLE group_aggregate (
  task_group INTEGER PRIMARY KEY REFERENCES task_group,
  value REAL,
  standard_error REAL,
  clustered_error REAL,
  num_members INTEGER NOT NULL,
  n INTEGER NOT NULL,
  num_failed INTEGER NOT NULL,
  partial INTEGER NOT NULL
);

-- Each time that stored answers were scored again.
CREATE TABLE rescore (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES run,
  at TEXT NOT NULL,
  build INTEGER NOT NULL REFERENCES build,
  num_changed INTEGER NOT NULL               -- scores
);

CREATE VIEW group_results AS
  SELECT run.id AS run, run.name AS run_name, json_extract(model.description, '$.name') AS model,
         task_group.name AS task_group, group_mean.name AS mean, group_aggregate.value,
         group_aggregate.standard_error, group_aggregate.clustered_error,
         group_aggregate.num_members, group_aggregate.n, group_aggregate.num_failed,
         group_aggregate.partial
  FROM group_aggregate JOIN task_group ON task_group.id = group_aggregate.task_group
    JOIN group_mean ON group_mean.id = task_group.mean JOIN run ON run.id = task_group.run
    JOIN model ON model.id = run.model
  ORDER BY run.id, task_group.position;

DROP VIEW results;
CREATE VIEW results AS
  SELECT run.id AS run, run.name AS run_name, json_extract(model.description, '$.name') AS model,
         task.name AS task, task.version, metric.filter, cell.num_fewshot, metric.name AS metric,
         aggregate.value, aggregate.standard_error, aggregate.clustered_error,
         aggregate.num_clusters, aggregate.interval_low, aggregate.interval_high,
         aggregate.n, aggregate.num_failed, aggregate.partial
  FROM aggregate JOIN metric ON metric.id = aggregate.metric JOIN cell ON cell.id = metric.cell
    JOIN run ON run.id = cell.run JOIN task ON task.id = cell.task JOIN model ON model.id = run.model
  ORDER BY run.id, cell.position, metric.position;
)sql";

// Texts scored token by token, and a student beside its teacher; means weighted by tokens. What
// such requests are answered lies in output.window_log_likelihoods, as records.h says for each
// kind.
constexpr std::string_view version_3 = R"sql(
INSERT INTO request_kind VALUES (4, 'tokens'), (5, 'agreement');
INSERT INTO aggregation VALUES (5, 'weighted_mean');
)sql";

constexpr std::array all_migrations{
    Migration{1, version_1},          Migration{2, version_2},
    Migration{3, version_3},          Migration{4, training_tables},
    Migration{5, placement_tables},   Migration{6, training_preferences},
    Migration{7, training_documents}, Migration{8, training_evaluations}};

}  // namespace

std::span<const Migration> migrations() { return all_migrations; }

int32_t newest_version() { return all_migrations.back().version; }

int32_t version_of(SQLite::Database& database) {
  return database.execAndGet("PRAGMA user_version").getInt();
}

void migrate(SQLite::Database& database, std::span<const Migration> steps) {
  for (const auto& step : steps) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    if (version_of(database) >= step.version) continue;
    database.exec(std::string(step.sql));
    database.exec(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                              application_id, step.version));
    transaction.commit();
  }
}

}  // namespace hylo::reports
