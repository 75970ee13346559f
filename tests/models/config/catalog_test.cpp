// Known models: exact parameter totals, and the geometry of published files.
#include "models/config/catalog.h"

#include <gmock/gmock.h>

#include <array>
#include <set>

#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/config/own_config.h"
#include "models/config/write_config.h"
#include "models/weights/weights.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::HasSubstr;
using tests::error_of;

struct Total {
  const char* name;
  int64_t parameters;
};

// Published on model cards (HyLo), in READMEs up to rounding, or from the released configurations.
constexpr std::array totals{
    Total{"hylo-llama-4mla12gdn", 1'673'797'776},
    Total{"hylo-llama-8mla8gdn", 1'613'437'024},
    Total{"hylo-llama-6mla22gdn", 4'267'821'452},
    Total{"hylo-llama-14mla14gdn", 3'971'381'500},
    Total{"hylo-qwen-7mla21gdn", 2'284'173'820},
    Total{"hylo-qwen-14mla14gdn", 2'182'902'440},
    Total{"hylo-qwen-14mla14m2", 2'065'541'280},
    Total{"zebra-llama-1b-4mla12m2", 1'285'700'736},
    Total{"zebra-llama-1b-6mla10m2", 1'276'425'152},
    Total{"zebra-llama-1b-8mla8m2", 1'267'149'568},
    Total{"zebra-llama-3b-6mla22m2", 3'389'592'112},
    Total{"zebra-llama-3b-8mla20m2", 3'359'502'752},
    Total{"zebra-llama-3b-14mla14m2", 3'269'234'672},
    Total{"zebra-llama-8b-8mla24m2", 8'379'095'296},
    Total{"zebra-llama-8b-16mla16m2", 8'185'746'944},
    Total{"jet-nemotron-2b", 1'964'806'208},
    Total{"jet-nemotron-4b", 3'960'424'768},
    Total{"llamba-1b", 1'405'159'936},
    Total{"llamba-3b", 3'656'994'688},
    Total{"llamba-8b", 8'841'204'736},
    Total{"llama-3.2-1b", 1'235'814'400},
    Total{"llama-3.2-3b", 3'212'749'824},
    Total{"llama-3.1-8b", 8'030'261'248},
    Total{"qwen2.5-1.5b", 1'543'714'304},
    Total{"qwen3-1.7b", 1'720'574'976},
    Total{"qwen3-4b", 4'022'468'096},
    Total{"qwen3-8b", 8'190'735'360},
};

TEST(Catalog, EveryPublishedTotalIsMetToTheUnit) {
  for (const auto& [name, parameters] : totals) {
    EXPECT_EQ(count_parameters(find_model(name).config), parameters) << name;
  }
}

// Counted by transformers 5.23 on the meta device from the same sizes: the sum of numel() over the
// parameters of AutoModelForCausalLM.from_config, and the selection biases of routers, which are
// buffers there (26 and 58 layers x 256). DeepSeek-V3 without its layer for further tokens.
constexpr std::array totals_of_transformers{
    Total{"qwen3-next-80b-a3b", 79'674'391'296},
    Total{"olmo-hybrid-7b", 7'430'870'688},
    Total{"granite-4.0-h-micro", 3'191'396'096},
    Total{"granite-4.0-h-tiny", 6'939'037'248},
    Total{"granite-4.0-h-small", 32'207'337'984},
    Total{"bamba-9b", 9'780'235'392},
    Total{"kimi-linear-48b-a3b", 49'122'675'072 + 26 * 256},
    Total{"deepseek-v2-lite", 15'706'484'224},
    Total{"deepseek-v3", 671'026'404'352 + 58 * 256},
    Total{"mixtral-8x7b", 46'702'792'704},
    Total{"qwen3-30b-a3b", 30'532'122'624},
};

TEST(Catalog, HybridsFromScratchAndMixturesHoldWhatTransformersCounts) {
  for (const auto& [name, parameters] : totals_of_transformers) {
    EXPECT_EQ(count_parameters(find_model(name).config), parameters) << name;
  }
}

TEST(Catalog, AttentionOfHybridsFromScratchIsWhereTheirFilesPutIt) {
  const auto attention_layers = [](const char* name) {
    std::vector<size_t> layers;
    const auto& config = find_model(name).config;
    for (size_t i = 0; i < config.layers.size(); ++i) {
      if (!is_recurrent(config.layers[i].mixer)) layers.push_back(i);
    }
    return layers;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(attention_layers("granite-4.0-h-tiny"), ElementsAre(5, 15, 25, 35));
  EXPECT_THAT(attention_layers("bamba-9b"), ElementsAre(9, 18, 27));
  EXPECT_THAT(attention_layers("kimi-linear-48b-a3b"), ElementsAre(3, 7, 11, 15, 19, 23, 26));
  EXPECT_THAT(attention_layers("olmo-hybrid-7b"), ElementsAre(3, 7, 11, 15, 19, 23, 27, 31));
  EXPECT_EQ(attention_layers("qwen3-next-80b-a3b").size(), 12U);
}

TEST(Catalog, TheFilesForShortContextsDifferInYarnAlone) {
  for (const auto& entry : catalog()) {
    if (!entry.name.ends_with("-8k")) continue;
    auto shorter = entry.config;
    const auto& longer = find_model(entry.name.substr(0, entry.name.size() - 3)).config;
    EXPECT_EQ(longer.max_positions, 65536) << entry.name;
    shorter.max_positions = longer.max_positions;
    for (size_t i = 0; i < longer.layers.size(); ++i) {
      auto* mla = std::get_if<MlaSpec>(&shorter.layers[i].mixer);
      if (mla) mla->rope.scaling = std::get<MlaSpec>(longer.layers[i].mixer).rope.scaling;
    }
    EXPECT_EQ(shorter, longer) << entry.name;
  }
  EXPECT_EQ(find_model("hylo-llama-4mla12gdn-8k").config.max_positions, 8192);
}

TEST(Catalog, EveryRowHasANameOfItsOwnASourceAndAWrittenForm) {
  std::set<std::string> names;
  for (const auto& entry : catalog()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.source.empty()) << entry.name;
    const auto written = Json::parse(write_own_config(entry.config).dump());
    EXPECT_EQ(parse_hf_config(written, entry.name), entry.config) << entry.name;
    if (natural_format(entry.config.family) == CheckpointFormat::Published) {
      EXPECT_FALSE(config_files(entry.config, CheckpointFormat::Published).empty()) << entry.name;
    }
  }
}

TEST(Catalog, LayersAreWhereThePapersPutThem) {
  const auto latent_layers = [](const char* name) {
    std::vector<size_t> layers;
    const auto& config = find_model(name).config;
    for (size_t i = 0; i < config.layers.size(); ++i) {
      if (std::holds_alternative<MlaSpec>(config.layers[i].mixer)) layers.push_back(i);
    }
    return layers;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(latent_layers("hylo-llama-4mla12gdn"), ElementsAre(1, 5, 10, 14));
  EXPECT_THAT(latent_layers("zebra-llama-1b-4mla12m2"), ElementsAre(0, 5, 10, 14));
  EXPECT_THAT(latent_layers("hylo-qwen-7mla21m2"), ElementsAre(1, 5, 9, 13, 17, 21, 25));
  EXPECT_EQ(latent_layers("x-ecomla-1b-r64").size(), 16U);
}

TEST(Catalog, AnUnknownNameIsAnsweredWithTheNearest) {
  EXPECT_THAT(error_of([] { (void)find_model("hylo-llama-4mla12gnd"); }),
              HasSubstr("did you mean 'hylo-llama-4mla12gdn'?"));
}

std::string row_name(std::string name) {
  for (auto& c : name) c = static_cast<char>(std::tolower(c));
  return name;
}

TEST(CatalogGoldens, RowsAreWhatThePublishedFilesSay) {
  const auto file = tests::golden("lineage-goldens/ops/published.json");
  if (!file) {
    GTEST_SKIP() << tests::skip_reason("HYLO_TEST_DATA", "lineage-goldens/ops/published.json");
  }
  const tests::TemporaryFolder folder;
  for (const auto& [name, entry] : read_json_file(*file).at("parameter_counts").items()) {
    SCOPED_TRACE(name);
    write_json_file(folder / "config.json", entry.at("config"));
    write_json_file(folder / "hybrid_config.json", entry.at("hybrid_config"));
    auto config = read_hf_config(folder.path());
    const auto& row = find_model(row_name(name)).config;
    EXPECT_EQ(count_parameters(row), entry.at("total").get<int64_t>());
    // What the tensors decide, what the file repeats from the backbone, and special tokens.
    config.tied_head = row.tied_head;
    config.stored = row.stored;
    config.bos = row.bos;
    config.eos = row.eos;
    for (size_t i = 0; i < row.layers.size(); ++i) {
      auto* mla = std::get_if<MlaSpec>(&config.layers[i].mixer);
      if (mla) mla->head_norms = std::get<MlaSpec>(row.layers[i].mixer).head_norms;
    }
    EXPECT_EQ(config, row);
  }
}

}  // namespace
}  // namespace hylo::models
