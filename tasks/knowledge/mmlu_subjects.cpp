#include "tasks/knowledge/mmlu_subjects.h"

#include <array>

namespace hylo::tasks {
namespace {

constexpr std::array fields{std::string_view("stem"), std::string_view("other"),
                            std::string_view("social_sciences"), std::string_view("humanities")};

constexpr std::array subjects{
    MmluSubject{"abstract_algebra", "stem"},
    MmluSubject{"anatomy", "stem"},
    MmluSubject{"astronomy", "stem"},
    MmluSubject{"college_biology", "stem"},
    MmluSubject{"college_chemistry", "stem"},
    MmluSubject{"college_computer_science", "stem"},
    MmluSubject{"college_mathematics", "stem"},
    MmluSubject{"college_physics", "stem"},
    MmluSubject{"computer_security", "stem"},
    MmluSubject{"conceptual_physics", "stem"},
    MmluSubject{"electrical_engineering", "stem"},
    MmluSubject{"elementary_mathematics", "stem"},
    MmluSubject{"high_school_biology", "stem"},
    MmluSubject{"high_school_chemistry", "stem"},
    MmluSubject{"high_school_computer_science", "stem"},
    MmluSubject{"high_school_mathematics", "stem"},
    MmluSubject{"high_school_physics", "stem"},
    MmluSubject{"high_school_statistics", "stem"},
    MmluSubject{"machine_learning", "stem"},
    MmluSubject{"business_ethics", "other"},
    MmluSubject{"clinical_knowledge", "other"},
    MmluSubject{"college_medicine", "other"},
    MmluSubject{"global_facts", "other"},
    MmluSubject{"human_aging", "other"},
    MmluSubject{"management", "other"},
    MmluSubject{"marketing", "other"},
    MmluSubject{"medical_genetics", "other"},
    MmluSubject{"miscellaneous", "other"},
    MmluSubject{"nutrition", "other"},
    MmluSubject{"professional_accounting", "other"},
    MmluSubject{"professional_medicine", "other"},
    MmluSubject{"virology", "other"},
    MmluSubject{"econometrics", "social_sciences"},
    MmluSubject{"high_school_geography", "social_sciences"},
    MmluSubject{"high_school_government_and_politics", "social_sciences"},
    MmluSubject{"high_school_macroeconomics", "social_sciences"},
    MmluSubject{"high_school_microeconomics", "social_sciences"},
    MmluSubject{"high_school_psychology", "social_sciences"},
    MmluSubject{"human_sexuality", "social_sciences"},
    MmluSubject{"professional_psychology", "social_sciences"},
    MmluSubject{"public_relations", "social_sciences"},
    MmluSubject{"security_studies", "social_sciences"},
    MmluSubject{"sociology", "social_sciences"},
    MmluSubject{"us_foreign_policy", "social_sciences"},
    MmluSubject{"formal_logic", "humanities"},
    MmluSubject{"high_school_european_history", "humanities"},
    MmluSubject{"high_school_us_history", "humanities"},
    MmluSubject{"high_school_world_history", "humanities"},
    MmluSubject{"international_law", "humanities"},
    MmluSubject{"jurisprudence", "humanities"},
    MmluSubject{"logical_fallacies", "humanities"},
    MmluSubject{"moral_disputes", "humanities"},
    MmluSubject{"moral_scenarios", "humanities"},
    MmluSubject{"philosophy", "humanities"},
    MmluSubject{"prehistory", "humanities"},
    MmluSubject{"professional_law", "humanities"},
    MmluSubject{"world_religions", "humanities"},
};
static_assert(subjects.size() == 57);

}  // namespace

std::span<const MmluSubject> mmlu_subjects() { return subjects; }

std::span<const std::string_view> mmlu_fields() { return fields; }

}  // namespace hylo::tasks
