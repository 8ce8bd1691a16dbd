#include "official_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "syntax/fixups.hpp"

namespace tradeoff::sql {
namespace {

constexpr std::array<std::string_view, 6> kLevels = {"easy",  "medium", "hard",
                                                     "extra", "all",    "joint_all"};
constexpr std::array<std::string_view, 5> kTurns = {"turn 1", "turn 2", "turn 3", "turn 4",
                                                    "turn > 4"};

double ratio(double sum, int count) {
  return count == 0 ? 0 : sum / count;
}

template <typename Cells, typename Format>
void print_cells(std::ostream& out, std::string_view name, const Cells& cells, Format format) {
  out << fmt::format("{:20} ", name);
  for (std::size_t i = 0; i < cells.size(); ++i) out << (i ? " " : "") << format(cells[i]);
  out << '\n';
}

std::string text_cell(std::string_view text) {
  return fmt::format("{:20}", text);
}
std::string count_cell(int count) {
  return fmt::format("{:<20}", count);
}

// Only JSONL can hold a line break; the lines of the official files have none.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

}  // namespace

void print_mismatches(const std::vector<ScoredRow>& rows, std::ostream& out) {
  int sessions = 0;
  for (const ScoredRow& row : rows) {
    for (; sessions <= row.session; ++sessions)
      if ((sessions + 1) % 10 == 0)
        out << fmt::format("Evaluating {}th prediction\n", sessions + 1);
    const Verdict& verdict = row.verdict;
    if (verdict.outcome == Outcome::gold_error || verdict.match.value_or(true)) continue;
    out << fmt::format("{0} pred: {1}\n{0} gold: {2}\n\n", verdict.hardness,
                       on_one_line(fill_placeholder(row.prediction)), on_one_line(row.gold));
  }
}

OfficialTable::OfficialTable(bool exec, bool match, int sessions)
    : exec_(exec), match_(match), sessions_(static_cast<std::size_t>(sessions)) {}

void OfficialTable::add(const Verdict& verdict, int session, int turn) {
  Session& whole = sessions_[static_cast<std::size_t>(session)];
  if (verdict.outcome == Outcome::gold_error) return;
  const auto level = std::find(kLevels.begin(), kLevels.begin() + 4, verdict.hardness);
  std::vector<Column*> columns = {&levels_[4],
                                  &turns_[static_cast<std::size_t>(std::min(turn, 4))]};
  if (level != kLevels.begin() + 4) columns.push_back(&levels_[level - kLevels.begin()]);
  for (Column* column : columns) {
    ++column->count;
    if (verdict.exec) {
      ++column->exec_count;
      column->exec += *verdict.exec;
    }
    if (!verdict.match_parts) continue;
    ++column->match_count;
    column->match += verdict.match_parts->exact;
    for (std::size_t i = 0; i < kComponents; ++i) {
      const PartialScore& score = verdict.match_parts->parts[i];
      Part& part = column->parts[i];
      if (score.predicted_total > 0) {
        part.precision += score.right;
        ++part.precision_count;
      }
      if (score.gold_total > 0) {
        part.recall += score.right;
        ++part.recall_count;
      }
    }
  }
  whole.exec = whole.exec && verdict.exec.value_or(true);
  whole.match = whole.match && verdict.match.value_or(true);
}

// The levels, and one more for whole sessions where there are several.
std::vector<OfficialTable::Column> OfficialTable::columns() const {
  std::vector<Column> columns(levels_.begin(), levels_.end());
  if (sessions_.size() <= 1) return columns;
  Column& joint = columns.emplace_back();
  joint.count = joint.exec_count = joint.match_count = static_cast<int>(sessions_.size());
  for (const Session& session : sessions_) {
    joint.exec += session.exec;
    joint.match += session.match;
  }
  return columns;
}

void OfficialTable::print_row(std::ostream& out, std::string_view name,
                              const std::vector<double>& cells) const {
  print_cells(out, name, cells, [](double value) { return fmt::format("{:<20.3f}", value); });
}

void OfficialTable::print(std::ostream& out) const {
  const std::vector<Column> all = columns();
  const auto collect = [](const auto& columns, auto value) {
    std::vector<decltype(value(columns.front()))> cells;
    for (const Column& column : columns) cells.push_back(value(column));
    return cells;
  };
  const auto count = [](const Column& column) { return column.count; };
  const auto exec = [](const Column& column) { return ratio(column.exec, column.exec_count); };
  const auto match = [](const Column& column) { return ratio(column.match, column.match_count); };

  print_cells(out, "", std::vector(kLevels.begin(), kLevels.begin() + std::ptrdiff_t(all.size())),
              text_cell);
  print_cells(out, "count", collect(all, count), count_cell);
  if (exec_) {
    out << "=====================   EXECUTION ACCURACY     =====================\n";
    print_row(out, "execution", collect(all, exec));
  }
  if (match_) {
    out << "\n====================== EXACT MATCHING ACCURACY =====================\n";
    print_row(out, "exact match", collect(all, match));
    const auto table = [&](std::string_view title, auto value) {
      out << title << '\n';
      for (std::size_t i = 0; i < kComponents; ++i)
        print_row(out, name_of(static_cast<Component>(i)), collect(all, [&](const Column& column) {
                    // A column without rows is not averaged and stays at 0.
                    return column.count == 0 ? 0.0 : value(column.parts[i]);
                  }));
    };
    const auto precision = [](const Part& part) {
      return ratio(part.precision, part.precision_count);
    };
    const auto recall = [](const Part& part) { return ratio(part.recall, part.recall_count); };
    table("\n---------------------PARTIAL MATCHING ACCURACY----------------------", precision);
    table("---------------------- PARTIAL MATCHING RECALL ----------------------", recall);
    // Where both are 0 the official program prints 1.
    table("---------------------- PARTIAL MATCHING F1 --------------------------",
          [&](const Part& part) {
            const double p = precision(part), r = recall(part);
            return p == 0 && r == 0 ? 1.0 : 2 * p * r / (r + p);
          });
  }
  if (sessions_.size() <= 1) return;
  out << "\n\n";
  print_cells(out, "", kTurns, text_cell);
  print_cells(out, "count", collect(turns_, count), count_cell);
  if (exec_) {
    out << "=====================   TURN EXECUTION ACCURACY     =====================\n";
    print_row(out, "execution", collect(turns_, exec));
  }
  if (match_) {
    out << "\n====================== TURN EXACT MATCHING ACCURACY =====================\n";
    print_row(out, "exact match", collect(turns_, match));
  }
}

}  // namespace tradeoff::sql
