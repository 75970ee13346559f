// Held-out documents one by one and together.
#include "models/distill/held_out_loss.h"

#include <gtest/gtest.h>

#include "tests/models/distill/learner.h"

namespace hylo::models {
namespace {

using namespace hylo::models::tests;
using HeldOut = TrainingTest;

HeldOutLoss loss_of(const Learner& learner, std::shared_ptr<const TokenDocuments> documents,
                    int64_t context_length, int64_t max_rows) {
  TokenWalk walk(std::move(documents), context_length, max_rows);
  return held_out_loss(learner.teacher, walk);
}

std::shared_ptr<TokenDocuments> only(const TokenDocuments& documents, int64_t index) {
  auto one = std::make_shared<TokenDocuments>("tokens of the test");
  one->add(documents.at(index));
  return one;
}

// Documents of 5 to 10 tokens, the last of which has none to follow it.
TEST_F(HeldOut, DocumentsLoseTogetherWhatTheyLoseAlone) {
  const Learner learner;
  const auto documents = counting_documents(6);
  const auto loss = loss_of(learner, documents, 16, 32);
  ASSERT_EQ(loss.documents.size(), 6U);
  EXPECT_EQ(loss.num_labels, 4 + 5 + 6 + 7 + 8 + 9);
  for (size_t i = 0; i < loss.documents.size(); ++i) {
    const auto alone = loss_of(learner, only(*documents, static_cast<int64_t>(i)), 16, 32);
    EXPECT_EQ(loss.documents[i].num_labels, static_cast<int64_t>(5 + i - 1));
    EXPECT_EQ(alone.num_labels, loss.documents[i].num_labels);
    EXPECT_NEAR(loss.documents[i].nats, alone.cross_entropy * static_cast<double>(alone.num_labels),
                1e-4);
  }
}

// In pieces of 4 rows, over calls of 8: a document is one whatever it is cut into.
TEST_F(HeldOut, PiecesOfADocumentAreItsOwn) {
  const Learner learner;
  const auto whole = loss_of(learner, counting_documents(6), 4, 64);
  const auto cut = loss_of(learner, counting_documents(6), 4, 8);
  ASSERT_EQ(cut.documents.size(), 6U);
  for (size_t i = 0; i < cut.documents.size(); ++i) {
    EXPECT_EQ(cut.documents[i].num_labels, static_cast<int64_t>(5 + i - 1));
    EXPECT_NEAR(cut.documents[i].nats, whole.documents[i].nats, 1e-4);
  }
}

}  // namespace
}  // namespace hylo::models
