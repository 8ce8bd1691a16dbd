#include "score_details.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <ostream>

#include "judge/gold_audit.hpp"
#include "tradeoff/sql/judge/error_class.hpp"

namespace tradeoff::sql {
namespace {

constexpr std::size_t kShownIds = 8;

struct Semantics {
  std::string_view name;
  std::optional<bool> (*of)(const Verdict&);
};

// The yes-or-no judgements of one row.
constexpr std::array<Semantics, 5> kSemantics = {{
    {"exec", [](const Verdict& v) { return v.exec; }},
    {"exec_keep_distinct", [](const Verdict& v) { return v.exec_keep_distinct; }},
    {"match", [](const Verdict& v) { return v.match; }},
    {"set", [](const Verdict& v) { return v.set; }},
    {"strict", [](const Verdict& v) { return v.strict; }},
}};

std::string ids_of(const std::vector<const ScoredRow*>& rows) {
  std::string ids;
  for (std::size_t i = 0; i < std::min(rows.size(), kShownIds); ++i)
    ids += (i ? " " : "") + rows[i]->id;
  return rows.size() > kShownIds ? ids + " ..." : ids;
}

void print_accuracies(const std::vector<ScoredRow>& rows, std::ostream& out) {
  out << "\nsemantics            right      of         accuracy\n";
  for (const Semantics& semantics : kSemantics) {
    int right = 0, judged = 0;
    for (const ScoredRow& row : rows)
      if (const auto value = semantics.of(row.verdict)) {
        ++judged;
        right += *value;
      }
    if (judged)
      out << fmt::format("{:20} {:<10} {:<10} {:.3f}\n", semantics.name, right, judged,
                         double(right) / judged);
  }
  double soft = 0;
  int judged = 0, non_empty = 0;
  for (const ScoredRow& row : rows)
    if (row.verdict.soft_f1) {
      ++judged;
      soft += *row.verdict.soft_f1;
      non_empty += row.verdict.non_empty.value_or(false);
    }
  if (!judged) return;
  out << fmt::format("{:20} {:<10} {:<10} {:.3f}\n", "soft_f1", "", judged, soft / judged);
  out << fmt::format("{:20} {:<10} {:<10} {:.3f}\n", "returns rows", non_empty, judged,
                     double(non_empty) / judged);
}

void print_members(std::string_view name, const std::vector<const ScoredRow*>& members,
                   std::ostream& out) {
  out << fmt::format("{:24} {:<10} {}\n", name, members.size(), ids_of(members));
}

// What the golds themselves are like.
void print_audit(Scorer& scorer, const std::vector<ScoredRow>& rows, std::ostream& out) {
  std::vector<const ScoredRow*> failed, empty, tied, quoted;
  for (const ScoredRow& row : rows) {
    if (row.verdict.outcome == Outcome::gold_error) {
      failed.push_back(&row);
      continue;
    }
    const GoldAudit audit =
        audit_gold(row.gold, [&](std::string_view sql) { return scorer.run(row.db_id, sql); });
    if (audit.empty) empty.push_back(&row);
    if (audit.tied) tied.push_back(&row);
    if (audit.quoted_strings) quoted.push_back(&row);
  }
  out << "\ngold queries that        rows       ids\n";
  print_members("fail", failed, out);
  print_members("return nothing", empty, out);
  print_members("tie at their LIMIT", tied, out);
  print_members("need \"x\" as a string", quoted, out);
}

// What answers without any skill would score, and what the golds themselves do.
void print_floors(Scorer& scorer, const std::vector<ScoredRow>& rows, std::ostream& out) {
  for (const auto& [name, text] : {std::pair{"always empty (SELECT 1 WHERE 0)", "SELECT 1 WHERE 0"},
                                   {"SELECT 1", "SELECT 1"},
                                   {"gold as prediction", ""}}) {
    std::vector<ScoredRow> copies = rows;
    for (ScoredRow& row : copies) row.prediction = *text ? text : row.gold;
    score_rows(scorer, copies, 1);
    int right = 0, judged = 0;
    for (const ScoredRow& row : copies)
      if (row.verdict.exec) {
        ++judged;
        right += *row.verdict.exec;
      }
    if (judged)
      out << fmt::format("exec of {:32} {}/{} = {:.3f}\n", name, right, judged,
                         double(right) / judged);
  }
}

void print_classes(const std::vector<ScoredRow>& rows, std::ostream& out) {
  std::map<std::string, std::vector<const ScoredRow*>> classes;
  for (const ScoredRow& row : rows)
    if (!row.verdict.error_class.empty()) classes[row.verdict.error_class].push_back(&row);
  if (classes.empty()) return;
  std::vector<std::pair<std::string, std::vector<const ScoredRow*>>> sorted(classes.begin(),
                                                                            classes.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  out << "\nwrong because            rows       ids\n";
  std::size_t wrong = 0;
  for (const auto& [name, members] : sorted) {
    print_members(name, members, out);
    wrong += members.size();
  }
  out << fmt::format("{:24} {}\n", "all wrong rows", wrong);
  out << "\nclass                    meaning\n";
  for (const auto& [name, members] : sorted)
    out << fmt::format("{:24} {}\n", name, meaning_of(name));
}

void print_matrix(const std::vector<ScoredRow>& rows, std::ostream& out) {
  out << "\nright by                 but not by               rows       ids\n";
  for (const Semantics& yes : kSemantics)
    for (const Semantics& no : kSemantics) {
      std::vector<const ScoredRow*> members;
      for (const ScoredRow& row : rows) {
        const auto a = yes.of(row.verdict), b = no.of(row.verdict);
        if (a && b && *a && !*b) members.push_back(&row);
      }
      if (!members.empty())
        out << fmt::format("{:24} {:24} {:<10} {}\n", yes.name, no.name, members.size(),
                           ids_of(members));
    }
}

}  // namespace

void print_failed_golds(const std::vector<ScoredRow>& rows, std::ostream& out) {
  std::vector<const ScoredRow*> failed, unparsed;
  for (const ScoredRow& row : rows) {
    if (row.verdict.outcome == Outcome::gold_error) {
      failed.push_back(&row);
    } else if (row.verdict.hardness.empty()) {
      unparsed.push_back(&row);
    }
  }
  if (!failed.empty()) {
    out << fmt::format("\n{} gold queries failed; their rows are not counted:\n", failed.size());
    for (const ScoredRow* row : failed)
      out << fmt::format("  {} ({}): {}\n", row->id, row->db_id, row->verdict.message);
  }
  if (!unparsed.empty())
    out << fmt::format(
        "\n{} gold queries are outside the official grammar (no level, no match): {}\n",
        unparsed.size(), ids_of(unparsed));
}

void print_left_out(Scorer& scorer, const std::set<std::string>& db_ids, std::ostream& out) {
  for (const std::string& db_id : db_ids) {
    const std::vector<std::string> tables = scorer.left_out_tables(db_id);
    if (!tables.empty())
      out << fmt::format("\n{}: left out, since only a module of SQLite could read it: {}\n", db_id,
                         fmt::join(tables, ", "));
  }
}

void print_official_defects(const std::vector<ScoredRow>& rows, std::ostream& out) {
  std::vector<const ScoredRow*> members;
  for (const ScoredRow& row : rows)
    if (row.verdict.error_class == name_of(ErrorClass::official_value)) members.push_back(&row);
  if (members.empty()) return;
  out << fmt::format(
      "\n{} predictions are right as written and wrong by the official rules, which put 1 in the "
      "place of every `value`, also where it is a name: {}\n",
      members.size(), ids_of(members));
}

void print_details(Scorer& scorer, const std::vector<ScoredRow>& rows, std::ostream& out) {
  print_accuracies(rows, out);
  const bool executed = std::any_of(
      rows.begin(), rows.end(), [](const ScoredRow& row) { return row.verdict.exec.has_value(); });
  if (executed) {
    print_audit(scorer, rows, out);
    out << '\n';
    print_floors(scorer, rows, out);
  }
  print_classes(rows, out);
  print_matrix(rows, out);
}

}  // namespace tradeoff::sql
