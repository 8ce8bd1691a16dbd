#include "score_choices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <string_view>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/lines.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/stats/uncertainty.hpp"
#include "tradeoff/store/run_columns.hpp"
#include "tradeoff/task/choice_score.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::front {
namespace {

namespace fs = std::filesystem;
namespace column = store::column;

// By the question's id its letter; 0 where it was skipped. In the order of the file.
using Letters = std::map<std::string, char>;

char letter_of(const Json& row) {
  const auto found = row.find(column::kChoiceLogprobs.name);
  check(found != row.end(), "missing key \"" + std::string(column::kChoiceLogprobs.name) + "\"");
  if (found->is_null() && row.contains(column::kSkipped.name)) return 0;
  const char best = task::answer_letter(value_as<std::vector<double>>(*found));
  const auto told = field_or<std::string>(row, column::kAnswer.name, std::string(1, best));
  check(
      told == std::string(1, best),
      fmt::format("key \"answer\": found \"{}\", but the largest of choice_logprobs is that of {}",
                  told, best));
  return best;
}

Letters read_letters(const fs::path& path) {
  Letters letters;
  for_each_json_line(path, [&](Json& row, std::size_t) {
    const std::string id = task::id_text(field<Json>(row, "id"));
    check(letters.emplace(id, letter_of(row)).second,
          fmt::format("id {} occurs a second time, expected each id once", id));
  });
  return letters;
}

std::string accuracy_line(const std::string& name, const task::Counts& counts) {
  const double rate = static_cast<double>(counts.correct) / static_cast<double>(counts.total);
  const stats::Interval wilson = stats::wilson(rate, static_cast<std::uint64_t>(counts.total));
  return fmt::format("{:<40} {:>6} {:>6}   {:.3f}   {:.3f} to {:.3f}\n", name, counts.correct,
                     counts.total, rate, wilson.low, wilson.high);
}

void print_part(const std::string& title, const std::map<std::string, task::Counts>& parts,
                std::ostream& out) {
  if (parts.size() < 2) return;
  out << "\n" << title << "\n";
  for (const auto& [name, counts] : parts) out << accuracy_line(name.empty() ? "-" : name, counts);
}

}  // namespace

bool holds_choices(const fs::path& predictions) {
  // What cannot be read is told by those who read it.
  if (predictions.extension() != ".jsonl" || !fs::is_regular_file(predictions)) return false;
  const MappedFile file(predictions);
  const std::string_view text = file.text();
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  try {
    const Json row = parse_json(Lines(text.substr(begin)).next().value_or(""));
    return row.is_object() && row.contains(column::kChoiceLogprobs.name);
  } catch (const Error&) {
    return false;
  }
}

void score_choices(const fs::path& gold, const fs::path& predictions, const fs::path& rows,
                   std::ostream& out) {
  const auto items = task::read_items(gold, task::Kind::choice);
  Letters letters = read_letters(predictions);
  std::vector<char> in_order;
  std::string lines;
  for (const task::Item& item : items) {
    const std::string id = task::id_text(item.id);
    const auto found = letters.find(id);
    if (item.answer.empty())
      fail(fmt::format("{}: item {}: missing key \"answer\"", gold.string(), id));
    if (found == letters.end())
      fail(fmt::format("{}: no answer to item {} of {}", predictions.string(), id, gold.string()));
    const char letter = found->second;
    in_order.push_back(letter);
    lines += to_line({{"id", item.id},
                      {"subject", item.subject},
                      {"group", item.group},
                      {"answer", letter ? Json(std::string(1, letter)) : Json(nullptr)},
                      {"gold", item.answer},
                      {"correct", letter == item.answer.front()}}) +
             "\n";
    letters.erase(found);
  }
  if (!letters.empty())
    fail(fmt::format("{}: item {} is not one of {}", predictions.string(), letters.begin()->first,
                     gold.string()));
  const task::ChoiceTally tally = task::tally_choices(items, in_order);
  out << fmt::format("{:<40} {:>6} {:>6}   {}   {}\n", "", "right", "of", "share",
                     "95 % interval (Wilson: questions as independent)");
  out << accuracy_line("all", tally.all);
  print_part("group", tally.groups, out);
  print_part("subject", tally.subjects, out);
  if (!rows.empty()) write_atomically(rows, lines);
}

}  // namespace tradeoff::front
