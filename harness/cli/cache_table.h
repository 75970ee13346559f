// What the cache of a model weighs at every length that people ask about, beside its teacher's.
#pragma once

#include <optional>
#include <string>

#include "models/config/model_config.h"

namespace hylo::cli {

struct CacheTable {
  std::string model;
  models::ModelConfig config;
  std::string teacher;                                     ///< its name for people
  std::optional<models::ModelConfig> reference;            ///< the teacher; nothing: none is known
  models::NumberType type = models::NumberType::BFloat16;  ///< of keys, values, latents and tails
};

/// Prints 4K to 2M tokens: pages, their share of the teacher's, the constant state, both together;
/// and from how many tokens on the state is less than a tenth of the pages.
void print_cache_table(const CacheTable& table, bool json);

/// From this many tokens on `config`'s states weigh less than a tenth of its pages; nothing where
/// the pages do not grow. 0 without states.
std::optional<int64_t> tokens_where_state_fades(const models::ModelConfig& config,
                                                models::NumberType type);

}  // namespace hylo::cli
