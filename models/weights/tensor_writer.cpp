#include "models/weights/tensor_writer.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "harness/base/error.h"
#include "harness/base/json.h"
#include "harness/base/units.h"

namespace hylo::models {

TensorWriter::TensorWriter(std::filesystem::path file, const std::string& name,
                           std::vector<int64_t> shape)
    : file_(std::move(file)), draft_(file_.string() + ".part"), shape_(std::move(shape)) {
  int64_t bytes = sizeof(int32_t);
  for (const auto count : shape_) bytes *= count;
  bytes_ = bytes;
  const OrderedJson header{
      {name, {{"dtype", "I32"}, {"shape", shape_}, {"data_offsets", {int64_t{0}, bytes}}}}};
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // The data begins at a multiple of 8.
  out_.reset(std::fopen(draft_.c_str(), "wb"));
  if (!out_) give_up(errno);
  const uint64_t header_bytes = text.size();
  write(&header_bytes, sizeof(header_bytes));
  write(text.data(), text.size());
}

TensorWriter::~TensorWriter() {
  if (!out_) return;
  out_.reset();
  ::unlink(draft_.c_str());
}

void TensorWriter::append(const at::Tensor& rows) {
  invariant(
      rows.scalar_type() == at::kInt && rows.sizes().slice(1) == at::IntArrayRef(shape_).slice(1),
      "rows of another shape or type");
  const auto whole = rows.contiguous();
  write(whole.const_data_ptr(), whole.nbytes());
  num_rows_ += rows.size(0);
}

void TensorWriter::finish() {
  invariant(num_rows_ == shape_.front(), "{} rows of {} were written", num_rows_, shape_.front());
  if (std::fflush(out_.get()) != 0 || ::fsync(::fileno(out_.get())) != 0) give_up(errno);
  out_.reset();
  if (std::rename(draft_.c_str(), file_.c_str()) != 0) give_up(errno);
}

void TensorWriter::write(const void* bytes, size_t count) {
  if (count > 0 && std::fwrite(bytes, count, 1, out_.get()) != 1) give_up(errno);
}

void TensorWriter::give_up(int reason) {
  out_.reset();
  ::unlink(draft_.c_str());
  const bool is_full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  fail("{}: cannot be written: {}; nothing was changed{}", file_.string(), std::strerror(reason),
       is_full ? fmt::format(": free space for its {} and run the same command again",
                             human_bytes(bytes_))
               : std::string());
}

}  // namespace hylo::models
