// The teacher's likeliest tokens in files beside its texts.
#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/units.h"
#include "harness/training/kept_file.h"
#include "harness/training/training_data.h"
#include "models/config/own_config.h"
#include "models/distill/teacher_logits.h"
#include "models/weights/safetensors.h"
#include "models/weights/tensor_writer.h"

namespace hylo::harness {
namespace {

namespace fs = std::filesystem;

constexpr const char* tensor_name = "likeliest";

/// Another teacher, type, cut or document is another file.
fs::path file_of(const models::Recipe& recipe, const models::Stage& stage,
                 const models::TokenSource& source, const TrainingDataOptions& options) {
  const OrderedJson key{{"teacher", options.teacher_sha256},
                        {"config", models::write_own_config(options.teacher->config())},
                        {"type", models::type_name(recipe.type)},
                        {"documents", source.documents->sha256()},
                        {"context_length", stage.context_length},
                        {"top_k", models::kept_top_k(stage.objective)}};
  constexpr size_t digits = 12;
  return options.folder / "teacher-logits" /
         fmt::format("{}-{}.safetensors", source.name, sha256_hex(key.dump()).substr(0, digits));
}

void write_file(const fs::path& file, const models::Stage& stage, const models::TokenSource& source,
                const TrainingDataOptions& options,
                const std::function<void(const std::string&)>& on_note) {
  const auto top_k = models::kept_top_k(stage.objective);
  const auto& documents = *source.documents;
  constexpr int64_t bytes_of_a_token = 8;  // An id and a logarithm.
  on_note(fmt::format(
      "stage '{}': keeping the teacher's {} likeliest tokens for {} of '{}': {} on disk",
      stage.name, top_k, with_thousands(documents.num_tokens()), source.name,
      human_bytes(documents.num_tokens() * top_k * bytes_of_a_token)));
  std::error_code failure;
  fs::create_directories(file.parent_path(), failure);
  require(!failure, "{}: cannot be made: {}", file.parent_path().string(), failure.message());
  models::TensorWriter writer(file, tensor_name, {documents.num_tokens(), 2, top_k});
  int64_t num_kept = 0;
  models::for_each_likeliest(*options.teacher, documents,
                             {.top_k = top_k, .context_length = stage.context_length},
                             [&](const at::Tensor& rows) {
                               writer.append(rows);
                               num_kept += rows.size(0);
                               if (options.on_kept) {
                                 options.on_kept(source.name, num_kept, documents.num_tokens());
                               }
                             });
  writer.finish();
}

}  // namespace

KeptLogits keep_teacher_logits(const models::Recipe& recipe, const models::Stage& stage,
                               const std::vector<models::TokenSource>& sources,
                               const TrainingDataOptions& options,
                               const std::function<void(const std::string&)>& on_note) {
  KeptLogits kept;
  if (models::kept_top_k(stage.objective) == 0) return kept;
  require(options.teacher, "stage '{}': there is no teacher to keep logits of", stage.name);
  for (const auto& source : sources) {
    if (source.documents->holds_pairs()) continue;
    if (!stage.data.empty() && !stage.data.contains(source.name)) continue;
    const auto file = file_of(recipe, stage, source, options);
    if (!fs::exists(file)) write_file(file, stage, source, options, on_note);
    kept.emplace_back(source.name, read_kept(file, [](const fs::path& from) {
                        return models::SafetensorsFile(from).tensor(tensor_name);
                      }));
  }
  return kept;
}

}  // namespace hylo::harness
