// What a report shows, before it has a medium.
#pragma once

#include <string>
#include <vector>

#include "harness/base/json.h"
#include "reports/render/chart.h"
#include "reports/render/table.h"

namespace hylo::reports {

struct Layout {
  std::string title, subtitle;  ///< the latter may be empty
  Table table;
  std::vector<TitledTable> details;
  std::vector<Chart> charts;
  std::vector<std::string> notes;
};

/// Of the document of any kind of report. Throws Error for a kind that is not known.
Layout layout_of(const OrderedJson& report);

}  // namespace hylo::reports
