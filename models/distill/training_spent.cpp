#include "models/distill/training_spent.h"

namespace hylo::models {

OrderedJson spent_json(const TrainingSpent& spent) {
  return {{"tokens", spent.tokens},
          {"flop", spent.flop},
          {"seconds", spent.seconds},
          {"device_hours", spent.seconds / 3600}};
}

TrainingSpent read_spent(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  const TrainingSpent spent{.tokens = reader.get<int64_t>("tokens"),
                            .flop = reader.get<double>("flop"),
                            .seconds = reader.get<double>("seconds")};
  (void)reader.get<double>("device_hours");  // Follows from the seconds.
  reader.done();
  return spent;
}

}  // namespace hylo::models
