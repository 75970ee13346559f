// Held-out documents one by one and together.
#include "models/distill/held_out_loss.h"

#include <gtest/gtest.h>

#include "tests/models/distill/learner.h"

namespace hylo::models {
namespace {

using namespace hylo::models::tests;
using HeldOut = TrainingTest;

HeldOutLoss loss_of(const Learner& learner, int64_t context_length, int64_t max_rows) {
  TokenWalk walk(counting_documents(6), context_length, max_rows);
  return held_out_loss(learner.teacher, walk);
}

// Documents of 5 to 10 tokens, the last of which has none to follow it.
TEST_F(HeldOut, DocumentsAddUpToTheWhole) {
  const Learner learner;
  const auto loss = loss_of(learner, 16, 32);
  ASSERT_EQ(loss.documents.size(), 6U);
  int64_t num_labels = 0;
  double nats = 0;
  for (size_t i = 0; i < loss.documents.size(); ++i) {
    EXPECT_EQ(loss.documents[i].num_labels, static_cast<int64_t>(5 + i - 1));
    num_labels += loss.documents[i].num_labels;
    nats += loss.documents[i].nats;
  }
  EXPECT_EQ(num_labels, loss.num_labels);
  EXPECT_NEAR(nats / static_cast<double>(num_labels), loss.cross_entropy, 1e-9);
}

// In pieces of 4 rows, over calls of 8: a document is one whatever it is cut into.
TEST_F(HeldOut, PiecesOfADocumentAreItsOwn) {
  const Learner learner;
  const auto whole = loss_of(learner, 4, 64), cut = loss_of(learner, 4, 8);
  ASSERT_EQ(cut.documents.size(), 6U);
  for (size_t i = 0; i < cut.documents.size(); ++i) {
    EXPECT_EQ(cut.documents[i].num_labels, static_cast<int64_t>(5 + i - 1));
    EXPECT_NEAR(cut.documents[i].nats, whole.documents[i].nats, 1e-4);
  }
}

}  // namespace
}  // namespace hylo::models
