// Reports on training runs as tables and charts.
#pragma once

#include <string>
#include <vector>

#include "harness/base/json.h"
#include "reports/render/chart.h"
#include "reports/render/table.h"

namespace hylo::reports {

std::string training_title(const OrderedJson& report);
std::string training_subtitle(const OrderedJson& report);
Table stages_table(const OrderedJson& report);
/// Validations, and attempts where there are several.
std::vector<TitledTable> training_details(const OrderedJson& report);
std::vector<Chart> training_charts(const OrderedJson& report);

Table training_list_table(const OrderedJson& report);

Table compared_trainings_table(const OrderedJson& report);
/// Last validations, and in what the runs differ.
std::vector<TitledTable> comparison_details(const OrderedJson& report);
std::vector<Chart> comparison_charts(const OrderedJson& report);

}  // namespace hylo::reports
