#include "tasks/prompts/assembly.h"

#include <algorithm>
#include <set>
#include <variant>

#include "harness/base/error.h"
#include "harness/base/random.h"

namespace hylo::tasks {
namespace {

using Shots = std::vector<const Document*>;

/// As lm-eval: also where the split asked for is the one evaluated.
bool leaves_itself_out(const TaskInfo& info, const PromptOptions& options) {
  return info.leaves_itself_out ||
         (!options.fewshot_split.empty() && options.fewshot_split == info.split);
}

/// Draws the worked examples of one document after another.
class ShotSampler {
 public:
  ShotSampler(const TaskInfo& info, const TaskData& data, const PromptOptions& options)
      : pool_(data.pool()),
        sampler_(options.sampler.value_or(info.sampler)),
        num_shots_(num_fewshot_of(info, options)),
        leaves_itself_out_(leaves_itself_out(info, options)),
        random_(options.fewshot_seed) {
    const auto num_usable = static_cast<int64_t>(pool_.size()) - (leaves_itself_out_ ? 1 : 0);
    require(num_shots_ <= num_usable || num_shots_ == 0,
            "{}: expected at most {} worked examples, as many as the split {} can give; found {}",
            info.name, std::max<int64_t>(num_usable, 0), data.pool_split, num_shots_);
  }

  Shots next(const Document& document) {
    if (num_shots_ == 0) return {};
    Shots shots = candidates();
    // Equal in content is enough, as in lm-eval: a pool may hold a document twice.
    if (leaves_itself_out_) {
      std::erase_if(shots, [&](const Document* shot) { return shot->fields == document.fields; });
    }
    shots.resize(std::min(shots.size(), static_cast<size_t>(num_shots_)));
    return shots;
  }

 private:
  Shots candidates() {
    const auto count = static_cast<size_t>(num_shots_) + (leaves_itself_out_ ? 1 : 0);
    Shots shots;
    if (sampler_ == Sampler::Default) {
      for (const size_t i : random_.sample(pool_.size(), count)) shots.push_back(&pool_[i]);
    } else {
      for (const auto& document : pool_.first(count)) shots.push_back(&document);
    }
    return shots;
  }

  std::span<const Document> pool_;
  Sampler sampler_;
  int64_t num_shots_;
  bool leaves_itself_out_;
  PythonRandom random_;
};

Shots first_documents(const TaskData& data, int64_t limit) {
  Shots chosen;
  for (const auto& document : data.documents) {
    if (static_cast<int64_t>(chosen.size()) == limit) break;
    chosen.push_back(&document);
  }
  return chosen;
}

Shots documents_with_ids(const TaskInfo& info, const TaskData& data,
                         const std::vector<int64_t>& ids) {
  const std::set<int64_t> in_order(ids.begin(), ids.end());
  const auto num_documents = static_cast<int64_t>(data.documents.size());
  Shots chosen;
  for (const int64_t id : in_order) {
    require(id >= 0 && id < num_documents, "{}: expected document numbers from 0 to {}, found {}",
            info.name, num_documents - 1, id);
    chosen.push_back(&data.documents[static_cast<size_t>(id)]);
  }
  return chosen;
}

Shots chosen_documents(const TaskInfo& info, const TaskData& data, const PromptOptions& options) {
  require(!options.limit || !options.document_ids,
          "{}: a limit and document numbers exclude each other; give one of them", info.name);
  require(options.limit.value_or(1) >= 1, "{}: expected a limit of at least 1 document, found {}",
          info.name, options.limit.value_or(1));
  require(!options.document_ids || !options.document_ids->empty(),
          "{}: expected document numbers, found an empty list", info.name);
  if (options.document_ids) return documents_with_ids(info, data, *options.document_ids);
  return first_documents(data, options.limit.value_or(static_cast<int64_t>(data.documents.size())));
}

std::vector<Request> requests_of(const Task& task, const Document& document, const Shots& shots,
                                 const PromptOptions& options) {
  auto requests = task.requests_in(options.form, document, shots);
  for (auto& request : requests) {
    if (auto* generation = std::get_if<GenerateText>(&request)) {
      *generation = with_overrides(std::move(*generation), options.generation);
    }
  }
  return requests;
}

}  // namespace

int64_t num_fewshot_of(const TaskInfo& info, const PromptOptions& options) {
  const int64_t number = options.num_fewshot.value_or(info.default_num_fewshot);
  require(number >= 0, "{}: expected 0 or more worked examples, found {}", info.name, number);
  require(number == 0 || !info.fewshot_split.empty(),
          "{}: takes no worked examples, found {} asked for; leave --num-fewshot out or give 0",
          info.name, number);
  return number;
}

std::vector<PromptedDocument> prompted_documents(const Task& task, const TaskData& data,
                                                 const PromptOptions& options) {
  const TaskInfo& info = task.info();
  ShotSampler sampler(info, data, options);
  std::vector<PromptedDocument> prompted;
  for (const Document* document : chosen_documents(info, data, options)) {
    const Shots shots = sampler.next(*document);
    PromptedDocument item{.document = document,
                          .fewshot_ids = {},
                          .requests = requests_of(task, *document, shots, options)};
    for (const Document* shot : shots) item.fewshot_ids.push_back(shot->index);
    prompted.push_back(std::move(item));
  }
  return prompted;
}

}  // namespace hylo::tasks
