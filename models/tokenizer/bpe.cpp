#include "models/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "models/tokenizer/text_hash.h"

namespace hylo::models {
namespace {

/// Up to this length the plain search for the best pair beats a heap.
constexpr size_t short_piece_symbols = 48;

/// GPT-2's encoder: printable Latin-1 stands for itself, the other bytes follow from U+0100 on.
bool stands_for_itself(unsigned char byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

std::array<char32_t, 256> make_byte_letters() {
  std::array<char32_t, 256> letters{};
  char32_t next = 0x100;
  for (size_t byte = 0; byte < 256; ++byte) {
    letters[byte] =
        stands_for_itself(static_cast<unsigned char>(byte)) ? static_cast<char32_t>(byte) : next++;
  }
  return letters;
}

const std::array<char32_t, 256>& byte_letters() {
  static const auto letters = make_byte_letters();
  return letters;
}

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

/// Quadratic in the number of symbols, without any allocation.
size_t merge_short(const MergeTable& merges, int32_t* symbols, size_t count) {
  std::array<MergeTable::Merge, short_piece_symbols> pairs;
  for (size_t i = 0; i + 1 < count; ++i) pairs[i] = merges.find(symbols[i], symbols[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == MergeTable::none) break;
    symbols[best] = pairs[best].id;
    std::copy(symbols + best + 2, symbols + count, symbols + best + 1);
    std::copy(pairs.begin() + static_cast<std::ptrdiff_t>(best) + 1,
              pairs.begin() + static_cast<std::ptrdiff_t>(count) - 1,
              pairs.begin() + static_cast<std::ptrdiff_t>(best));
    --count;
    if (best > 0) pairs[best - 1] = merges.find(symbols[best - 1], symbols[best]);
    if (best + 1 < count) pairs[best] = merges.find(symbols[best], symbols[best + 1]);
  }
  return count;
}

/// Symbols as a doubly linked list over their first positions, candidates in a heap.
class LongMerge {
 public:
  LongMerge(const MergeTable& merges, std::vector<int32_t>& symbols)
      : merges_(merges), symbols_(symbols), before_(symbols.size()), after_(symbols.size()) {
    for (size_t i = 0; i < symbols.size(); ++i) {
      before_[i] = static_cast<uint32_t>(i) - 1;  // wraps to `nowhere` for the first
      after_[i] = i + 1 < symbols.size() ? static_cast<uint32_t>(i) + 1 : nowhere;
    }
    for (size_t i = 0; i + 1 < symbols.size(); ++i) offer(static_cast<uint32_t>(i));
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    is_heap_ = true;
  }

  void run() {
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      const uint64_t candidate = heap_.back();
      heap_.pop_back();
      merge_at(static_cast<uint32_t>(candidate), static_cast<uint32_t>(candidate >> 32));
    }
    std::erase(symbols_, gone);
  }

 private:
  static constexpr uint32_t nowhere = 0xFFFFFFFF;
  static constexpr int32_t gone = -1;

  /// A candidate is stale when the pair at its place has changed since: then its rank differs too.
  void merge_at(uint32_t left, uint32_t rank) {
    if (symbols_[left] == gone || after_[left] == nowhere) return;
    const uint32_t right = after_[left];
    const auto merge = merges_.find(symbols_[left], symbols_[right]);
    if (merge.rank != rank) return;
    symbols_[left] = merge.id;
    symbols_[right] = gone;
    after_[left] = after_[right];
    if (after_[left] != nowhere) before_[after_[left]] = left;
    if (before_[left] != nowhere) offer(before_[left]);
    if (after_[left] != nowhere) offer(left);
  }

  void offer(uint32_t left) {
    const uint32_t rank = merges_.find(symbols_[left], symbols_[after_[left]]).rank;
    if (rank == MergeTable::none) return;
    heap_.push_back(static_cast<uint64_t>(rank) << 32 | left);
    if (is_heap_) std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  const MergeTable& merges_;
  std::vector<int32_t>& symbols_;
  std::vector<uint32_t> before_, after_;
  std::vector<uint64_t> heap_;  // rank above, place below: the lowest rank, then the leftmost
  bool is_heap_ = false;
};

std::array<int32_t, 256> byte_token_ids(const BpeModel& model) {
  std::array<int32_t, 256> ids{};
  for (size_t byte = 0; byte < 256; ++byte) {
    const char character = static_cast<char>(byte);
    const auto spelling =
        model.byte_level ? byte_level_spelling({&character, 1}) : fmt::format("<0x{:02X}>", byte);
    const bool wanted = model.byte_level || model.byte_fallback;
    ids[byte] = wanted ? model.vocabulary.find(spelling).value_or(-1) : -1;
  }
  return ids;
}

/// The mark must be a token itself: an unknown one could be fused with unknown neighbours.
bool no_merge_passes_a_mark(const BpeModel& model) {
  if (model.byte_level || model.ignore_merges || !model.vocabulary.find(blank_mark)) return false;
  return std::all_of(model.merges.begin(), model.merges.end(), [](const auto& merge) {
    const std::string joined = merge.first + merge.second;
    return end_of_marked_word(joined) == joined.size();
  });
}

std::optional<int32_t> unknown_id(const BpeModel& model, const std::string& where) {
  if (!model.unknown) return std::nullopt;
  const auto id = model.vocabulary.find(*model.unknown);
  require(id.has_value(), "{}: the unknown token '{}' is not in the vocabulary", where,
          *model.unknown);
  return id;
}

}  // namespace

size_t end_of_marked_word(std::string_view text) {
  size_t end = 0;
  while (text.substr(end).starts_with(blank_mark)) end += blank_mark.size();
  return std::min(text.find(blank_mark, end), text.size());
}

std::string byte_level_spelling(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) append_utf8(out, byte_letters()[static_cast<unsigned char>(byte)]);
  return out;
}

std::optional<std::string> byte_level_bytes(std::string_view token) {
  static const auto bytes_of_letters = [] {
    std::array<int, 0x144> bytes{};
    bytes.fill(-1);
    for (size_t byte = 0; byte < 256; ++byte) bytes[byte_letters()[byte]] = static_cast<int>(byte);
    return bytes;
  }();
  std::string bytes;
  for (size_t i = 0; i < token.size();) {
    const auto [letter, num_bytes] = code_point_at(token, i);
    if (letter >= bytes_of_letters.size() || bytes_of_letters[letter] < 0) return std::nullopt;
    bytes += static_cast<char>(bytes_of_letters[letter]);
    i += num_bytes;
  }
  return bytes;
}

MergeTable::MergeTable(const BpeModel& model, const std::string& where)
    : slots_(std::bit_ceil(2 * model.merges.size() + 2)) {
  std::string joined;
  for (size_t rank = 0; rank < model.merges.size(); ++rank) {
    const auto& [left, right] = model.merges[rank];
    const auto left_id = model.vocabulary.find(left);
    const auto right_id = model.vocabulary.find(right);
    joined.assign(left).append(right);
    const auto id = model.vocabulary.find(joined);
    require(left_id && right_id && id,
            "{}: merge {} joins '{}' and '{}' to '{}', but '{}' is not in the vocabulary", where,
            rank, left, right, joined,
            !left_id    ? left
            : !right_id ? right
                        : joined);
    const uint64_t key = pair_key(*left_id, *right_id);
    size_t slot = mix_bits(key * 0x9E3779B97F4A7C15ULL) & (slots_.size() - 1);
    while (slots_[slot].key != free_key && slots_[slot].key != key) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = {key, {static_cast<uint32_t>(rank), *id}};  // of equal pairs the last one counts
  }
}

MergeTable::Merge MergeTable::find(int32_t left, int32_t right) const {
  const uint64_t key = pair_key(left, right);
  size_t slot = mix_bits(key * 0x9E3779B97F4A7C15ULL) & (slots_.size() - 1);
  while (slots_[slot].key != key) {
    if (slots_[slot].key == free_key) return {};
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slots_[slot].merge;
}

Bpe::Bpe(BpeModel model, const std::string& where)
    : merges_(model, where),
      byte_level_(model.byte_level),
      ignore_merges_(model.ignore_merges),
      fuse_unknown_(model.fuse_unknown),
      cuts_at_marks_(no_merge_passes_a_mark(model)),
      unknown_(unknown_id(model, where)),
      byte_ids_(byte_token_ids(model)) {
  vocabulary_ = std::move(model.vocabulary);
}

void Bpe::append_ids(std::string_view piece, std::vector<int32_t>& ids) const {
  if (ignore_merges_) {
    if (const auto id = whole(piece)) return ids.push_back(*id);
  }
  auto symbols = byte_level_ ? symbols_of_bytes(piece) : symbols_of_characters(piece);
  if (symbols.size() <= short_piece_symbols) {
    symbols.resize(merge_short(merges_, symbols.data(), symbols.size()));
  } else {
    LongMerge(merges_, symbols).run();
  }
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

std::optional<int32_t> Bpe::whole(std::string_view piece) const {
  return vocabulary_.find(byte_level_ ? byte_level_spelling(piece) : std::string(piece));
}

std::vector<int32_t> Bpe::symbols_of_bytes(std::string_view piece) const {
  std::vector<int32_t> symbols;
  symbols.reserve(piece.size());
  bool after_unknown = false;
  for (const char byte : piece) {
    const int32_t id = byte_ids_[static_cast<unsigned char>(byte)];
    require(id >= 0 || unknown_,
            "tokenizer: byte 0x{:02X} has no token and there is none for the "
            "unknown: this text cannot be encoded",
            static_cast<unsigned char>(byte));
    if (id >= 0) {
      symbols.push_back(id);
    } else if (!after_unknown || !fuse_unknown_) {
      symbols.push_back(*unknown_);
    }
    after_unknown = id < 0;
  }
  return symbols;
}

std::vector<int32_t> Bpe::symbols_of_characters(std::string_view piece) const {
  std::vector<int32_t> symbols;
  symbols.reserve(piece.size());
  bool after_unknown = false;
  for (size_t i = 0; i < piece.size();) {
    const auto character = piece.substr(i, code_point_at(piece, i).num_bytes);
    i += character.size();
    const auto id = vocabulary_.find(character);
    if (id) symbols.push_back(*id);
    const bool is_known = id || append_bytes(character, symbols);
    require(is_known || unknown_,
            "tokenizer: '{}' has no token and there is none for the unknown: "
            "this text cannot be encoded",
            character);
    if (!is_known && !(after_unknown && fuse_unknown_)) symbols.push_back(*unknown_);
    after_unknown = !is_known;
  }
  return symbols;
}

/// False, with nothing appended, when one of the bytes has no token.
bool Bpe::append_bytes(std::string_view character, std::vector<int32_t>& symbols) const {
  const auto id_of = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (std::any_of(character.begin(), character.end(), [&](char byte) { return id_of(byte) < 0; })) {
    return false;
  }
  for (const char byte : character) symbols.push_back(id_of(byte));
  return true;
}

}  // namespace hylo::models
