// How the process keeps memory that tensors gave back.
#pragma once

namespace hylo::models {

/// From now on blocks of a megabyte and more go back to the system when they are freed. Otherwise
/// glibc, seeing large blocks freed, keeps blocks of up to 32 MiB in one heap, and a training with
/// recomputed layers takes 1.6 times what its tensors ever took at once.
void give_large_blocks_back();

}  // namespace hylo::models
