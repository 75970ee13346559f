// The tables of placement searches, as the migration that brought them; read with schema.cpp.
#pragma once

#include <string_view>

namespace hylo::reports {

inline constexpr std::string_view placement_tables = R"sql(
CREATE TABLE placement_search (
  id INTEGER PRIMARY KEY,
  made TEXT NOT NULL,
  description TEXT NOT NULL,   -- JSON object: method, base, candidates, documents, chosen, ...
  argv TEXT NOT NULL           -- JSON array
);

CREATE TABLE placement_score (
  search INTEGER NOT NULL REFERENCES placement_search,
  round INTEGER NOT NULL,      -- how many layers had been chosen before
  layer INTEGER NOT NULL,      -- from 0
  score REAL NOT NULL,         -- nats a token that the stronger mixer is worth in this layer
  standard_error REAL NOT NULL,
  divergence REAL NOT NULL,    -- of the candidate from the teacher, nats a token
  PRIMARY KEY (search, round, layer)
) WITHOUT ROWID;

CREATE VIEW placement_scores AS
  SELECT search, json_extract(description, '$.method') AS method,
         json_extract(description, '$.base.name') AS base, round, layer, score, standard_error,
         divergence,
         layer IN (SELECT value FROM json_each(description, '$.chosen')) AS is_chosen
  FROM placement_score JOIN placement_search ON placement_search.id = search
  ORDER BY search, round, layer;
)sql";

}  // namespace hylo::reports
