// Which instruction sets the Highway sources are compiled for: the baseline, AVX2 and AVX-512. The ones
// between gain little and cost a compilation each.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
