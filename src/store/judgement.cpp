#include "tradeoff/store/judgement.hpp"

#include <fmt/format.h>

#include <utility>

#include "journal_format.hpp"
#include "keyed_row.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/store/run_columns.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr std::string_view kPrefix = "judged-";

// J is SqlJudgement or const SqlJudgement.
template <typename J, typename Visit>
void visit_keys(J& judgement, Visit& visit) {
  visit(column::kOutcome.name, judgement.outcome);
  visit(column::kErrorClass.name, judgement.error_class);
  visit(column::kMessage.name, judgement.message);
  visit(column::kResult.name, judgement.result);
  visit(column::kExec.name, judgement.exec);
  visit(column::kExecKeepDistinct.name, judgement.exec_keep_distinct);
  visit(column::kMatch.name, judgement.match);
  visit(column::kSet.name, judgement.set);
  visit(column::kStrict.name, judgement.strict);
  visit(column::kSoftF1.name, judgement.soft_f1);
  visit(column::kNonEmpty.name, judgement.non_empty);
  visit(column::kResultHash.name, judgement.result_hash);
}

bool has_header(const fs::path& file, const std::vector<SealedLine>& lines, const Json& header) {
  // A kill before the first line was whole leaves none.
  if (lines.empty()) return false;
  if (!lines.front().object)
    log::warn("{}:1: the line is not as it was written; what it judged is judged again",
              file.string());
  const Json first = lines.front().object.value_or(Json::object());
  return field_or<Json>(first, "judged", Json()) == kVersion &&
         field_or<Json>(first, "header", Json()) == header;
}

void take(const fs::path& file, const std::vector<SealedLine>& lines, Judgements& judged) {
  for (const auto& [object, number] : lines) {
    if (number == 1) continue;
    try {
      check(object.has_value(), "the line is not as it was written");
      judged[field<std::string>(*object, "of")] = read_judgement(field<Json>(*object, "judgement"));
    } catch (const Error& error) {
      log::warn("{}:{}: {}; what it judged is judged again", file.string(), number, error.what());
    }
  }
}

}  // namespace

Json to_json(const SqlJudgement& judgement) {
  KeyWriter writer;
  visit_keys(judgement, writer);
  return std::move(writer.row);
}

SqlJudgement read_judgement(const Json& row) {
  check(row.is_object(), "expected a judgement, an object");
  SqlJudgement judgement;
  KeyReader reader{row};
  visit_keys(judgement, reader);
  reader.check_no_other();
  return judgement;
}

JudgementWriter::JudgementWriter(fs::path folder, Json header)
    : folder_(std::move(folder)), header_(std::move(header)) {}

void JudgementWriter::append(const std::string& of, const SqlJudgement& judgement) {
  if (!file_) {
    file_ = std::make_unique<AppendFile>(new_file(folder_, kPrefix), Begin::new_file);
    file_->append(seal({{"judged", kVersion}, {"header", header_}}));
  }
  file_->append(seal({{"of", of}, {"judgement", to_json(judgement)}}));
}

Judgements read_judgements(const fs::path& folder, const Json& header) {
  Judgements judged;
  for (const fs::path& file : files_of(folder, kPrefix)) {
    const std::vector<SealedLine> lines = read_sealed(file);
    if (has_header(file, lines, header))
      take(file, lines, judged);
    else
      fs::remove(file);
  }
  return judged;
}

}  // namespace tradeoff::store
