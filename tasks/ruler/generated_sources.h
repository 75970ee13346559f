// Texts made by hylo itself, so that RULER needs no download.
#pragma once

#include <string>

#include "tasks/ruler/sources.h"

namespace hylo::tasks::ruler {

Words generated_words();
std::string generated_essay();
QaSet generated_squad();
QaSet generated_hotpotqa();

}  // namespace hylo::tasks::ruler
