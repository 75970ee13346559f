// The tables of training runs, as the migration that brought them; read with schema.cpp.
#pragma once

#include <string_view>

namespace hylo::reports {

inline constexpr std::string_view training_tables = R"sql(
CREATE TABLE training_state (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO training_state VALUES (1, 'running'), (2, 'complete'), (3, 'failed'),
                                  (4, 'interrupted');

CREATE TABLE training_run (
  id INTEGER PRIMARY KEY,
  name TEXT UNIQUE,
  recipe_name TEXT NOT NULL,
  recipe TEXT NOT NULL,               -- JSON object
  teacher_name TEXT,                  -- NULL: trained without one
  teacher_sha256 TEXT,
  student TEXT NOT NULL,              -- JSON object
  dtype TEXT NOT NULL,
  seed INTEGER NOT NULL,
  output_folder TEXT NOT NULL,        -- absolute
  argv TEXT NOT NULL                  -- JSON array
);
CREATE INDEX training_run_by_folder ON training_run (output_folder);

-- Each time that a process worked on it; the last one's state is the run's. A process that was
-- killed leaves 'running': it is interrupted when nobody holds the run's lock.
CREATE TABLE training_attempt (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES training_run,
  state INTEGER NOT NULL REFERENCES training_state,
  started TEXT NOT NULL,
  last_saved TEXT NOT NULL,           -- the last sign of life, or the end
  failure TEXT,                       -- why, of one that failed
  host TEXT NOT NULL,
  process INTEGER NOT NULL,
  machine INTEGER NOT NULL REFERENCES machine,
  build INTEGER NOT NULL REFERENCES build,
  num_threads INTEGER,
  from_stage INTEGER NOT NULL,        -- position of the stage, and steps of it done, where it began
  from_step INTEGER NOT NULL,
  num_dropped_steps INTEGER NOT NULL  -- of an earlier attempt, behind that place
);
CREATE INDEX training_attempt_by_run ON training_attempt (run);

CREATE TABLE training_stage (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES training_run,
  position INTEGER NOT NULL,          -- from 0
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  num_steps INTEGER NOT NULL,         -- planned
  tokens_per_step INTEGER,
  context_length INTEGER,
  UNIQUE (run, position)
);

-- A step of the optimiser; losses before it, in nats where they are of tokens.
CREATE TABLE training_step (
  stage INTEGER NOT NULL REFERENCES training_stage,
  step INTEGER NOT NULL,              -- from 0 in each stage
  loss REAL,                          -- what gradients are of; not a number: the text 'NaN'
  divergence REAL,
  cross_entropy REAL,
  layer_distance REAL,                -- mean over layers of what they give, from the teacher's
  mixer_distance REAL,                -- the same of mixers
  gradient_norm REAL,                 -- before clipping
  learning_rate REAL,
  num_rows INTEGER NOT NULL,          -- tokens read
  num_labels INTEGER,                 -- of them with a next token to learn
  seconds REAL,
  resident_bytes INTEGER,
  PRIMARY KEY (stage, step)
) WITHOUT ROWID;

CREATE TABLE training_validation (
  id INTEGER PRIMARY KEY,
  stage INTEGER NOT NULL REFERENCES training_stage,
  step INTEGER NOT NULL,              -- after so many steps of the stage
  data TEXT NOT NULL,
  num_tokens INTEGER NOT NULL,
  cross_entropy REAL,                 -- nats a token
  standard_error REAL,                -- of it, over documents
  teacher_cross_entropy REAL,         -- on the same tokens
  UNIQUE (stage, step, data)
);

CREATE TABLE training_checkpoint (
  id INTEGER PRIMARY KEY,
  stage INTEGER NOT NULL REFERENCES training_stage,
  step INTEGER NOT NULL,              -- after so many steps of the stage
  folder TEXT NOT NULL,
  written TEXT NOT NULL,
  seconds REAL,
  bytes INTEGER,
  UNIQUE (stage, step)
);

CREATE VIEW training_runs AS
  SELECT training_run.id, training_run.name, recipe_name AS recipe, teacher_name AS teacher,
         training_state.name AS state, last.failure,
         (SELECT min(started) FROM training_attempt WHERE run = training_run.id) AS started,
         last.last_saved,
         (SELECT count(*) FROM training_attempt WHERE run = training_run.id) AS num_attempts,
         (SELECT sum(num_steps) FROM training_stage WHERE run = training_run.id) AS num_steps,
         (SELECT count(*) FROM training_stage JOIN training_step ON stage = training_stage.id
            WHERE run = training_run.id) AS num_steps_done,
         dtype, seed, output_folder
  FROM training_run JOIN training_attempt AS last ON last.id =
      (SELECT max(id) FROM training_attempt WHERE run = training_run.id)
    JOIN training_state ON training_state.id = last.state;

CREATE VIEW training_steps AS
  SELECT run, training_stage.position AS stage, training_stage.name AS stage_name, kind, step, loss,
         divergence, cross_entropy, layer_distance, mixer_distance, gradient_norm, learning_rate,
         num_rows, num_labels, seconds,
         CASE WHEN seconds > 0 THEN num_rows / seconds END AS tokens_per_second, resident_bytes
  FROM training_step JOIN training_stage ON training_stage.id = training_step.stage;

CREATE VIEW training_validations AS
  SELECT run, training_stage.position AS stage, training_stage.name AS stage_name, step, data,
         num_tokens, cross_entropy, standard_error, teacher_cross_entropy,
         CASE WHEN typeof(cross_entropy) = 'real' THEN exp(cross_entropy) END AS perplexity,
         CASE WHEN typeof(cross_entropy) = 'real' AND typeof(teacher_cross_entropy) = 'real'
              THEN exp(cross_entropy - teacher_cross_entropy) END AS ratio_to_teacher
  FROM training_validation JOIN training_stage ON training_stage.id = training_validation.stage;
)sql";

// Preferences.
inline constexpr std::string_view training_preferences = R"sql(
ALTER TABLE training_step ADD COLUMN margin REAL;              -- of pairs, mean, nats
ALTER TABLE training_step ADD COLUMN preference_accuracy REAL; -- share of pairs with one above 0
ALTER TABLE training_validation ADD COLUMN preference_loss REAL;  -- nats a pair
ALTER TABLE training_validation ADD COLUMN margin REAL;
ALTER TABLE training_validation ADD COLUMN preference_accuracy REAL;

DROP VIEW training_steps;
CREATE VIEW training_steps AS
  SELECT run, training_stage.position AS stage, training_stage.name AS stage_name, kind, step, loss,
         divergence, cross_entropy, layer_distance, mixer_distance, margin, preference_accuracy,
         gradient_norm, learning_rate, num_rows, num_labels, seconds,
         CASE WHEN seconds > 0 THEN num_rows / seconds END AS tokens_per_second, resident_bytes
  FROM training_step JOIN training_stage ON training_stage.id = training_step.stage;

DROP VIEW training_validations;
CREATE VIEW training_validations AS
  SELECT run, training_stage.position AS stage, training_stage.name AS stage_name, step, data,
         num_tokens, cross_entropy, standard_error, teacher_cross_entropy,
         CASE WHEN typeof(cross_entropy) = 'real' THEN exp(cross_entropy) END AS perplexity,
         CASE WHEN typeof(cross_entropy) = 'real' AND typeof(teacher_cross_entropy) = 'real'
              THEN exp(cross_entropy - teacher_cross_entropy) END AS ratio_to_teacher,
         preference_loss, margin, preference_accuracy
  FROM training_validation JOIN training_stage ON training_stage.id = training_validation.stage;
)sql";

// Held-out documents one by one.
inline constexpr std::string_view training_documents = R"sql(
ALTER TABLE training_validation ADD COLUMN documents_sha256 TEXT;  -- of all, and of the context
ALTER TABLE training_validation ADD COLUMN document_losses TEXT;   -- JSON: [tokens, nats] of each
)sql";

// Evaluations of the student on the way: which run asked it, and after how many steps.
inline constexpr std::string_view training_evaluations = R"sql(
CREATE TABLE training_evaluation (
  id INTEGER PRIMARY KEY,
  stage INTEGER NOT NULL REFERENCES training_stage,
  step INTEGER NOT NULL,              -- after so many steps of the stage
  run INTEGER NOT NULL REFERENCES run,
  UNIQUE (stage, step)
);

-- As of results, which has no row of a run before it ends.
CREATE VIEW training_evaluations AS
  SELECT training_stage.run AS training, training_stage.position AS stage,
         training_stage.name AS stage_name, step, results.*
  FROM training_evaluation
    JOIN training_stage ON training_stage.id = training_evaluation.stage
    JOIN results ON results.run = training_evaluation.run;
)sql";

}  // namespace hylo::reports
