#include "tradeoff/task/mmlu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "mmlu_files.hpp"
#include "tradeoff/base/csv.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/task/draw.hpp"
#include "tradeoff/task/subjects.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

struct GroupOfSubject {
  std::string_view subject, group;
};

// lm-evaluation-harness, tasks/mmlu/_generate_configs.py.
constexpr GroupOfSubject kSubjects[] = {
    {"abstract_algebra", "stem"},
    {"anatomy", "stem"},
    {"astronomy", "stem"},
    {"business_ethics", "other"},
    {"clinical_knowledge", "other"},
    {"college_biology", "stem"},
    {"college_chemistry", "stem"},
    {"college_computer_science", "stem"},
    {"college_mathematics", "stem"},
    {"college_medicine", "other"},
    {"college_physics", "stem"},
    {"computer_security", "stem"},
    {"conceptual_physics", "stem"},
    {"econometrics", "social_sciences"},
    {"electrical_engineering", "stem"},
    {"elementary_mathematics", "stem"},
    {"formal_logic", "humanities"},
    {"global_facts", "other"},
    {"high_school_biology", "stem"},
    {"high_school_chemistry", "stem"},
    {"high_school_computer_science", "stem"},
    {"high_school_european_history", "humanities"},
    {"high_school_geography", "social_sciences"},
    {"high_school_government_and_politics", "social_sciences"},
    {"high_school_macroeconomics", "social_sciences"},
    {"high_school_mathematics", "stem"},
    {"high_school_microeconomics", "social_sciences"},
    {"high_school_physics", "stem"},
    {"high_school_psychology", "social_sciences"},
    {"high_school_statistics", "stem"},
    {"high_school_us_history", "humanities"},
    {"high_school_world_history", "humanities"},
    {"human_aging", "other"},
    {"human_sexuality", "social_sciences"},
    {"international_law", "humanities"},
    {"jurisprudence", "humanities"},
    {"logical_fallacies", "humanities"},
    {"machine_learning", "stem"},
    {"management", "other"},
    {"marketing", "other"},
    {"medical_genetics", "other"},
    {"miscellaneous", "other"},
    {"moral_disputes", "humanities"},
    {"moral_scenarios", "humanities"},
    {"nutrition", "other"},
    {"philosophy", "humanities"},
    {"prehistory", "humanities"},
    {"professional_accounting", "other"},
    {"professional_law", "humanities"},
    {"professional_medicine", "other"},
    {"professional_psychology", "social_sciences"},
    {"public_relations", "social_sciences"},
    {"security_studies", "social_sciences"},
    {"sociology", "social_sciences"},
    {"us_foreign_policy", "social_sciences"},
    {"virology", "other"},
    {"world_religions", "humanities"},
};

const GroupOfSubject* find_subject(std::string_view name) {
  const auto found = std::ranges::find(kSubjects, name, &GroupOfSubject::subject);
  return found == std::end(kSubjects) ? nullptr : &*found;
}

std::vector<std::string> subjects_in(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    fail(fmt::format("{}: no such folder, expected the CSV files of MMLU in it", folder.string()));
  }
  constexpr std::string_view kEnding = "_test.csv";
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kEnding)) names.push_back(name.substr(0, name.size() - kEnding.size()));
  }
  if (names.empty()) {
    fail(fmt::format("{}: found no file named <subject>_test.csv", folder.string()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<MmluQuestion> read_mmlu_rows(const fs::path& path) {
  std::vector<MmluQuestion> questions;
  for (CsvRow& row : read_csv(path)) {
    const auto place = [&] {
      return fmt::format("{}:{}: row {}", path.string(), row.line, row.row);
    };
    if (row.fields.size() != 6) {
      fail(fmt::format("{}: found {} fields, expected 6 (question, A, B, C, D, letter)", place(),
                       row.fields.size()));
    }
    const std::string& letter = row.fields[5];
    if (letter.size() != 1 || letter[0] < 'A' || letter[0] > 'D') {
      fail(fmt::format("{}: found the letter \"{}\", expected A, B, C or D", place(), letter));
    }
    MmluQuestion question{.row = row.row - 1,
                          .question = std::move(row.fields[0]),
                          .choices = {},
                          .answer = letter[0]};
    for (std::size_t c = 0; c < 4; ++c) question.choices.push_back(std::move(row.fields[c + 1]));
    questions.push_back(std::move(question));
  }
  if (questions.empty()) fail(fmt::format("{}: found no rows, expected questions", path.string()));
  return questions;
}

bool is_subject(std::string_view name) {
  return find_subject(name) != nullptr;
}

std::string_view mmlu_group_of(std::string_view subject) {
  if (const GroupOfSubject* known = find_subject(subject)) return known->group;
  fail(fmt::format("\"{}\" is none of MMLU's {} subjects", subject, std::size(kSubjects)));
}

Mmlu load_mmlu(const fs::path& folder) {
  Mmlu mmlu;
  Sha256 hash;
  for (const std::string& name : subjects_in(folder / "test")) {
    MmluSubject subject;
    subject.name = name;
    const fs::path test = folder / "test" / (name + "_test.csv");
    const fs::path dev = folder / "dev" / (name + "_dev.csv");
    try {
      subject.group = mmlu_group_of(name);
    } catch (const Error& error) {
      fail(fmt::format("{}: {}", test.string(), error.what()));
    }
    for (const auto& [path, questions] : {std::pair{dev, &subject.dev}, {test, &subject.test}}) {
      *questions = read_mmlu_rows(path);
      hash.update(path.filename().string());
      hash.update(MappedFile(path).text());
    }
    mmlu.subjects.push_back(std::move(subject));
  }
  mmlu.sha256 = hash.finish();
  return mmlu;
}

std::vector<MmluPlace> draw_mmlu(const Mmlu& mmlu, const MmluDraw& draw) {
  std::set<std::string> seen;
  std::vector<std::vector<MmluPlace>> groups;
  for (const std::string& name : draw.groups) {
    if (std::find(kMmluGroups.begin(), kMmluGroups.end(), name) == kMmluGroups.end()) {
      fail(fmt::format("MMLU group \"{}\", expected stem, humanities, social_sciences or other",
                       name));
    }
    if (!seen.insert(name).second) fail(fmt::format("MMLU group \"{}\" is named twice", name));
    std::vector<MmluPlace> places;
    for (std::size_t s = 0; s < mmlu.subjects.size(); ++s) {
      if (mmlu.subjects[s].group != name) continue;
      for (std::size_t q = 0; q < mmlu.subjects[s].test.size(); ++q) places.push_back({s, q});
    }
    groups.push_back(std::move(places));
  }
  check(!groups.empty(), "no MMLU group is named, expected at least one");

  const auto cap = [&](std::size_t count) {
    return draw.limit > 0 ? std::min(draw.limit, count) : count;
  };
  std::vector<MmluPlace> places;
  const std::vector<std::size_t> shares = even_shares(cap(draw.questions), groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (draw.questions == 0) {
      places.insert(places.end(), groups[g].begin(), groups[g].end());
      continue;
    }
    if (shares[g] > groups[g].size()) {
      fail(fmt::format(
          "MMLU group \"{}\" has {} questions, but its share of {} over {} groups is {}",
          draw.groups[g], groups[g].size(), draw.questions, groups.size(), shares[g]));
    }
    const std::string stream = "mmlu-questions/" + draw.groups[g];
    for (const std::size_t i : first_of_draw(groups[g].size(), shares[g], draw.data_seed, stream)) {
      places.push_back(groups[g][i]);
    }
  }
  std::sort(places.begin(), places.end(), [](const MmluPlace& a, const MmluPlace& b) {
    return std::pair(a.subject, a.question) < std::pair(b.subject, b.question);
  });
  if (draw.questions == 0) places.resize(cap(places.size()));
  if (places.empty()) fail("the MMLU draw is empty: no question of the named groups was found");
  return places;
}

}  // namespace tradeoff::task
