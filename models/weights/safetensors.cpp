#include "models/weights/safetensors.h"

#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include "harness/base/json.h"

namespace hylo::models {
namespace {

struct TypeName {
  const char* name;
  at::ScalarType type;
};
constexpr std::array types{
    TypeName{"F64", at::kDouble},    TypeName{"F32", at::kFloat}, TypeName{"F16", at::kHalf},
    TypeName{"BF16", at::kBFloat16}, TypeName{"I64", at::kLong},  TypeName{"I32", at::kInt},
    TypeName{"I16", at::kShort},     TypeName{"I8", at::kChar},   TypeName{"U8", at::kByte},
    TypeName{"BOOL", at::kBool},
};
/// As the reference implementation: nobody needs a larger header, and a lying length must not be
/// read.
constexpr uint64_t max_header_bytes = 100'000'000;

std::string names_of_types() {
  std::string names;
  for (const auto& type : types) names += fmt::format(" {}", type.name);
  return names;
}

/// Product of the widths times the size of an element, checked against overflow.
uint64_t bytes_of(const std::vector<int64_t>& shape, at::ScalarType type,
                  const std::string& where) {
  uint64_t bytes = c10::elementSize(type);
  for (const int64_t width : shape) {
    require(width >= 0 && !__builtin_mul_overflow(bytes, static_cast<uint64_t>(width), &bytes) &&
                bytes <= INT64_MAX,
            "{}: a shape with the width {} cannot be", where, width);
  }
  return bytes;
}

uint64_t whole_number(const Json& value, const std::string& where) {
  require(value.is_number_unsigned(), "{}: expected a whole number from 0 on, found {}", where,
          value.dump());
  return value.get<uint64_t>();
}

/// A parser keeps the last of two entries of one name without a word; here that is refused.
Json parse_header(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> names;  // of the objects that are open
  const auto refuse_twice = [&](int, Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& name = value.get_ref<const std::string&>();
      require(names.back().insert(name).second, "{}: header: '{}' occurs twice", where, name);
    }
    return true;
  };
  try {
    return Json::parse(text, refuse_twice);
  } catch (const Json::exception& error) {
    fail("{}: header: not JSON: {}", where, error.what());
  }
}

SafetensorsFile::Entry read_entry(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  const auto type = reader.get<std::string>("dtype");
  const auto* found =
      std::ranges::find(types, type, [](const TypeName& t) { return std::string(t.name); });
  require(found != types.end(), "{}: type '{}' is not known; known are{}", where, type,
          names_of_types());
  SafetensorsFile::Entry entry{.type = found->type, .shape = {}};
  const auto& shape = reader.at("shape");
  const auto& offsets = reader.at("data_offsets");
  require(shape.is_array() && offsets.is_array() && offsets.size() == 2,
          "{}: expected a list as shape and two data_offsets", where);
  for (const auto& width : shape) {
    const uint64_t number = whole_number(width, where + ".shape");
    require(number <= INT64_MAX, "{}.shape: {} is too large", where, number);
    entry.shape.push_back(static_cast<int64_t>(number));
  }
  entry.begin = whole_number(offsets[0], where + ".data_offsets");
  entry.end = whole_number(offsets[1], where + ".data_offsets");
  reader.done();
  const uint64_t bytes = bytes_of(entry.shape, entry.type, where);
  require(entry.begin <= entry.end && entry.end - entry.begin == bytes,
          "{}: shape and type need {} bytes, data_offsets give [{}, {})", where, bytes, entry.begin,
          entry.end);
  return entry;
}

/// Every byte of the data belongs to exactly one tensor.
void check_layout(const std::map<std::string, SafetensorsFile::Entry>& entries, uint64_t data_bytes,
                  const std::string& file) {
  std::vector<std::pair<const std::string*, const SafetensorsFile::Entry*>> in_order;
  for (const auto& [name, entry] : entries) in_order.emplace_back(&name, &entry);
  std::ranges::sort(in_order, {},
                    [](const auto& e) { return std::pair(e.second->begin, e.second->end); });
  uint64_t expected = 0;
  for (const auto& [name, entry] : in_order) {
    require(entry->begin == expected,
            "{}: tensor '{}' begins at byte {} of the data, expected {}: tensors {}", file, *name,
            entry->begin, expected, entry->begin < expected ? "overlap" : "leave a hole");
    expected = entry->end;
  }
  require(expected == data_bytes,
          "{}: its header describes {} bytes of tensors, the file has {}; it was {} download or "
          "make it again",
          file, expected, data_bytes, expected > data_bytes ? "cut off;" : "added to;");
}

}  // namespace

class SafetensorsFile::Mapping {
 public:
  explicit Mapping(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    require(descriptor >= 0, "{}: cannot be opened: {}", file.string(), std::strerror(errno));
    struct stat status {};
    const bool known = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    size_ = known ? static_cast<uint64_t>(status.st_size) : 0;
    data_ =
        known && size_ > 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor, 0) : nullptr;
    const int reason = errno;
    ::close(descriptor);
    require(known, "{}: is not a file", file.string());
    require(data_ != MAP_FAILED, "{}: cannot be mapped: {}", file.string(), std::strerror(reason));
  }
  ~Mapping() {
    if (data_) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] const char* data() const { return static_cast<const char*>(data_); }
  [[nodiscard]] uint64_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  uint64_t size_ = 0;
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& file)
    : path_(file), mapping_(std::make_shared<Mapping>(file)) {
  const auto where = file.string();
  const uint64_t size = mapping_->size();
  require(size >= 8, "{}: {} bytes are too few for a safetensors file; it was cut off", where,
          size);
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, mapping_->data(), 8);
  require(header_bytes <= max_header_bytes && header_bytes <= size - 8,
          "{}: claims a header of {} bytes in a file of {}; not a safetensors file, or cut off",
          where, header_bytes, size);
  data_begin_ = 8 + header_bytes;
  data_bytes_ = size - data_begin_;
  const auto header =
      parse_header({mapping_->data() + 8, static_cast<size_t>(header_bytes)}, where);
  require(header.is_object(), "{}: header: expected a JSON object", where);
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") continue;
    entries_.emplace(name, read_entry(json, fmt::format("{}: tensor '{}'", where, name)));
  }
  check_layout(entries_, data_bytes_, where);
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const auto found = entries_.find(name);
  require(found != entries_.end(), "{}: has no tensor '{}'", path_.string(), name);
  const auto& entry = found->second;
  // from_blob wants a mutable pointer; the pages are mapped read-only, so a write would fault.
  auto* data = const_cast<char*>(mapping_->data() + data_begin_ + entry.begin);
  return at::from_blob(
      data, entry.shape, [keep = mapping_](void*) {}, at::TensorOptions().dtype(entry.type));
}

void write_safetensors(const std::filesystem::path& file,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  OrderedJson header{{"__metadata__", {{"format", "pt"}}}};
  uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto* type = std::ranges::find(types, tensor.scalar_type(), &TypeName::type);
    require(type != types.end(), "{}: tensor '{}' has a type that safetensors does not know",
            file.string(), name);
    const uint64_t bytes = tensor.nbytes();
    header[name] = {{"dtype", type->name},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // The data begins at a multiple of 8.

  const auto draft = fmt::format("{}.{}.part", file.string(), ::getpid());
  const auto close = [](std::FILE* f) { return std::fclose(f); };
  std::unique_ptr<std::FILE, decltype(close)> out(std::fopen(draft.c_str(), "wb"), close);
  require(out != nullptr, "{}: cannot be written: {}", draft, std::strerror(errno));
  const uint64_t header_bytes = text.size();
  bool ok = std::fwrite(&header_bytes, 8, 1, out.get()) == 1 &&
            std::fwrite(text.data(), text.size(), 1, out.get()) == 1;
  for (const auto& [name, tensor] : tensors) {
    const auto whole = tensor.contiguous();
    ok = ok && (whole.nbytes() == 0 ||
                std::fwrite(whole.const_data_ptr(), whole.nbytes(), 1, out.get()) == 1);
  }
  ok = ok && std::fflush(out.get()) == 0 && ::fsync(::fileno(out.get())) == 0;
  const int reason = errno;
  out.reset();
  if (ok && std::rename(draft.c_str(), file.c_str()) == 0) return;
  const int why = ok ? errno : reason;
  ::unlink(draft.c_str());
  fail("{}: cannot be written: {}; nothing was changed", file.string(), std::strerror(why));
}

}  // namespace hylo::models
