#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::task {

/// A row of the original release: question, A, B, C, D, letter.
struct MmluQuestion {
  // Line of the file in records, from 0.
  std::size_t row = 0;
  std::string question;
  // 4 in the release; 2 to 10 in data of one's own.
  std::vector<std::string> choices;
  // 'A' and so on.
  char answer = 'A';
  // Of data of one's own; empty: "<subject>/<row>".
  std::string id = {};
  // Item::label and Item::corrected.
  std::string label = {};
  std::vector<std::string> corrected = {};
};

struct MmluSubject {
  // As in the file names: "abstract_algebra".
  std::string name;
  // "stem", "humanities", "social_sciences" or "other".
  std::string group;
  std::vector<MmluQuestion> dev, test;
};

struct Mmlu {
  // By name. 57 of them in the release; a folder may hold fewer.
  std::vector<MmluSubject> subjects;
  // Over the names and bytes of the files, in order.
  std::string sha256;
};

inline constexpr std::array<std::string_view, 4> kMmluGroups = {"stem", "humanities",
                                                                "social_sciences", "other"};

/// Group of a subject as lm-evaluation-harness has it (anatomy is stem: 19, 13, 12 and 13
/// subjects). Throws Error naming a subject that is none of the 57.
std::string_view mmlu_group_of(std::string_view subject);

/// Reads FOLDER/{dev,test}/<subject>_{dev,test}.csv. Throws Error naming file and row for a row
/// that has not six fields or no letter A to D, an empty file, a subject without its dev file, an
/// unknown subject, no file at all.
Mmlu load_mmlu(const std::filesystem::path& folder);

struct MmluDraw {
  // Decides which questions are drawn; equal for all arms and seeds.
  std::uint64_t data_seed = 0;
  // How many, shared out evenly over the groups; 0: all questions of the groups.
  std::size_t questions = 150;
  // The study that is repeated here left "other" out.
  std::vector<std::string> groups = {"stem", "humanities", "social_sciences"};
  // At most so many: the first of the draw, or of the files where all are taken; 0: no limit.
  std::size_t limit = 0;
};

/// Where a question stands in Mmlu::subjects[subject].test[question].
struct MmluPlace {
  std::size_t subject = 0, question = 0;
};

/// The drawn questions in the order of the files. Within a group every question is as likely as any
/// other, each group has a stream of its own (data_seed, "mmlu-questions/<group>"), and a smaller
/// draw is part of a larger one. Throws Error for an unknown or repeated group, and where a group
/// has fewer questions than its share.
std::vector<MmluPlace> draw_mmlu(const Mmlu& mmlu, const MmluDraw& draw);

}  // namespace tradeoff::task
