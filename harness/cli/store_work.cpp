// hylo store rescore, merge and migrate: the verbs that write into a store.
#include "harness/cli/store_work.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/units.h"
#include "harness/cli/output.h"
#include "harness/cli/places.h"
#include "harness/cli/verb.h"
#include "harness/runner/rescore.h"
#include "reports/store/merge.h"
#include "reports/store/schema.h"
#include "reports/store/store.h"

namespace hylo::cli {
namespace {

struct RescoreOptions {
  std::string run;
  std::string store;
  std::string data;
  std::vector<std::string> texts, sets, tasks;
  bool dry_run = false;
  bool json = false;
  bool allow_other_data = false;
};

struct MergeOptions {
  std::vector<std::string> stores;
  std::string into;
  std::string name;
  bool json = false;
};

struct MigrateOptions {
  std::string store;
  bool json = false;
};

OrderedJson number_or_null(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

OrderedJson json_of(int64_t run, const harness::Rescored& result, bool written) {
  auto changed = OrderedJson::array();
  for (const auto& value : result.changed) {
    changed.push_back({{"task", value.task},
                       {"metric", value.metric},
                       {"filter", value.filter},
                       {"before", number_or_null(value.before)},
                       {"after", number_or_null(value.after)}});
  }
  return {{"run", run},
          {"documents", result.num_documents},
          {"changed_documents", result.num_changed},
          {"regrouped_documents", result.num_regrouped},
          {"changed_values", changed},
          {"written", written}};
}

std::string shown(const std::optional<double>& value) {
  return value ? fmt::format("{:.6g}", *value) : "none";
}

std::string text_of(int64_t run, const harness::Rescored& result, bool written) {
  const auto stored = [&](int64_t num_changed) {
    return num_changed == 0 ? "" : written ? " and were stored" : "; nothing was stored";
  };
  auto text = fmt::format("run {}: {} documents scored again, the scores of {} changed{}\n", run,
                          with_thousands(result.num_documents), with_thousands(result.num_changed),
                          stored(result.num_changed));
  if (result.num_regrouped > 0) {
    text += fmt::format("  clusters or tags of {} changed{}\n",
                        with_thousands(result.num_regrouped), stored(result.num_regrouped));
  }
  for (const auto& value : result.changed) {
    text += fmt::format("  {} {} ({}): {} -> {}\n", value.task, value.metric, value.filter,
                        shown(value.before), shown(value.after));
  }
  return text;
}

void rescore_run(const RescoreOptions& options) {
  auto store = reports::Store::open(store_file(options.store),
                                    {.read_only = options.dry_run, .create = false});
  const auto run = store.find_run(options.run);
  harness::PlanOptions data{.tasks = options.tasks,
                            .data_root = data_root(options.data),
                            .prompts = {},
                            .document_ids = {},
                            .allow_other_bytes = options.allow_other_data};
  data.texts.assign(options.texts.begin(), options.texts.end());
  data.sets.assign(options.sets.begin(), options.sets.end());
  const auto result = harness::rescore(store, run, data, !options.dry_run);
  const bool written = !options.dry_run && (result.num_changed > 0 || result.num_regrouped > 0);
  if (options.json) return print_json(json_of(run.id, result, written));
  print_out(text_of(run.id, result, written));
}

void merge_stores(const MergeOptions& options) {
  const auto into = store_file(options.into);
  std::vector<std::filesystem::path> inputs(options.stores.begin(), options.stores.end());
  if (inputs.empty()) inputs.push_back(into);
  const auto merged = reports::merge_shards(inputs, into, options.name);
  auto rows = OrderedJson::array();
  std::string text;
  for (const auto& run : merged) {
    rows.push_back({{"run", run.id},
                    {"shards", run.num_shards},
                    {"documents", run.num_documents},
                    {"was_there", run.was_there}});
    text += run.was_there
                ? fmt::format("run {} of {} is the whole of these {} shards already\n", run.id,
                              into.string(), run.num_shards)
                : fmt::format("run {} of {}: {} documents from {} shards\n", run.id, into.string(),
                              with_thousands(run.num_documents), run.num_shards);
  }
  if (options.json) return print_json({{"store", into.string()}, {"runs", rows}});
  print_out(text);
}

void migrate_store(const MigrateOptions& options) {
  const auto file = store_file(options.store);
  const auto before = reports::schema_version_of(file);
  const auto store = reports::Store::open(file, {.create = false});
  const auto now = reports::newest_version();
  if (options.json) {
    return print_json({{"store", file.string()}, {"version_before", before}, {"version", now}});
  }
  print_out(before == now
                ? fmt::format("{}: has schema version {} already\n", file.string(), now)
                : fmt::format("{}: brought from schema version {} to {}; `hylo store rescore RUN` "
                              "adds what an older one did not keep\n",
                              file.string(), before, now));
}

}  // namespace

void add_rescore(CLI::App& store) {
  auto& verb = add_verb(
      store, "rescore", "scores a run's stored answers again, without the model",
      {{"hylo store rescore latest --data ~/data", "after a mended filter: new scores are stored"},
       {"hylo store rescore 3 --dry-run", "only say what would change"}});
  const auto options = std::make_shared<RescoreOptions>();
  verb.add_option("run", options->run, "id, name or latest")->type_name("RUN")->required();
  verb.add_option("--store", options->store, "the store; else HYLO_STORE, else ./hylo.db")
      ->type_name("FILE");
  verb.add_option("--data", options->data, "folder of the data sets; else HYLO_DATA");
  verb.add_option("--sets", options->sets, "sample sets of RULER that the run was made on")
      ->type_name("DIR|FILE");
  verb.add_option("--task", options->tasks, "a task file that is no longer where it was")
      ->type_name("FILE");
  verb.add_option("--text", options->texts,
                  "the file of a text that the run read; may be given again, in the run's order")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb.add_flag("--dry-run", options->dry_run, "store nothing");
  verb.add_flag("--json", options->json, "one JSON document");
  verb.add_flag("--allow-other-data", options->allow_other_data,
                "accept data files whose hash is not the manifest's, if the run had them too");
  verb.callback([options] { rescore_run(*options); });
}

void add_merge(CLI::App& store) {
  auto& verb =
      add_verb(store, "merge", "makes one run of the shards that `hylo eval --shard` ran",
               {{"hylo store merge node1.db node2.db --into whole.db", "stores of two machines"},
                {"hylo store merge --into hylo.db --name nightly", "shards in one store"}});
  const auto options = std::make_shared<MergeOptions>();
  verb.add_option("stores", options->stores, "stores that hold shards; else that of --into")
      ->type_name("FILE");
  verb.add_option("--into", options->into,
                  "the store that gets the whole run; else HYLO_STORE, "
                  "else ./hylo.db")
      ->type_name("FILE");
  verb.add_option("--name", options->name, "a name for the whole run");
  verb.add_flag("--json", options->json, "one JSON document");
  verb.callback([options] { merge_stores(*options); });
}

void add_migrate(CLI::App& store) {
  auto& verb = add_verb(
      store, "migrate", "brings a store of an older hylo to the present form of its tables",
      {{"hylo store migrate --store old.db", "verbs that only read would refuse it until then"},
       {"hylo store migrate --json", "of ./hylo.db, for another program"}});
  const auto options = std::make_shared<MigrateOptions>();
  verb.add_option("--store", options->store, "the store; else HYLO_STORE, else ./hylo.db")
      ->type_name("FILE");
  verb.add_flag("--json", options->json, "one JSON document");
  verb.callback([options] { migrate_store(*options); });
}

}  // namespace hylo::cli
