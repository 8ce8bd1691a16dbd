#include "mmlu_redux.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "mmlu_files.hpp"
#include "tradeoff/base/csv.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/base/utf8.hpp"
#include "unicode.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> kErrors = {
    "ok",
    "bad_question_clarity",
    "bad_options_clarity",
    "no_correct_answer",
    "wrong_groundtruth",
    "multiple_correct_answers",
    "expert",
};

// An apostrophe as old Macs wrote it; the one byte of the data that is not UTF-8.
constexpr char kMacApostrophe = '\xD5';
constexpr std::string_view kApostrophe = "\xE2\x80\x99";

std::string text_of(const fs::path& path) {
  std::string text = read_text(path);
  while (const auto at = first_invalid_utf8(text)) {
    if (text[*at] != kMacApostrophe)
      fail(fmt::format("{}: byte {} is not UTF-8", path.string(), *at));
    text.replace(*at, 1, kApostrophe);
  }
  return text;
}

// Digits from 0 and letters from A, between blanks, commas, brackets, "and" and "or"; nothing
// where there is anything else.
std::set<std::string> letters_in(std::string_view text) {
  std::set<std::string> letters;
  std::string word;
  const auto take = [&] {
    if (word.empty() || word == "and" || word == "or") return true;
    const char c = word[0];
    const bool digit = c >= '0' && c <= '3', letter = c >= 'A' && c <= 'D';
    if (word.size() != 1 || (!digit && !letter)) return false;
    letters.insert(std::string(1, digit ? static_cast<char>('A' + (c - '0')) : c));
    return true;
  };
  for (const char c : std::string(text) + " ") {
    if (c != ' ' && c != ',' && c != '(' && c != ')') {
      word += c;
      continue;
    }
    if (!take()) return {};
    word.clear();
  }
  return letters;
}

class ListReader {
 public:
  explicit ListReader(std::string_view text) : text_(text) {}

  std::vector<std::string> read() {
    std::vector<std::string> texts;
    expect('[');
    do {
      skip_blanks();
      texts.push_back(read_text());
      skip_blanks();
    } while (take(','));
    expect(']');
    check(at_ == text_.size(), "text behind the list");
    return texts;
  }

 private:
  bool take(char wanted) {
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) fail(fmt::format("expected '{}' at byte {} of a list", wanted, at_));
  }
  void skip_blanks() {
    while (take(' ')) {
    }
  }

  std::string read_text() {
    const char quote = take('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    std::string text;
    while (!take(quote)) {
      check(at_ < text_.size(), "a text of the list is never closed");
      const char c = text_[at_++];
      if (c == '\\') {
        read_escape(text);
      } else {
        text += c;
      }
    }
    return text;
  }

  void read_escape(std::string& text) {
    check(at_ < text_.size(), "the list ends in a backslash");
    const char c = text_[at_++];
    if (c == 'n') {
      text += '\n';
    } else if (c == 't') {
      text += '\t';
    } else if (c == 'x') {
      append_code(text, 2);
    } else if (c == 'u') {
      append_code(text, 4);
    } else if (c == '\\' || c == '\'' || c == '"' || c == '/') {
      text += c;
    } else {
      fail(fmt::format("unknown escape \\{} in a list", c));
    }
  }

  void append_code(std::string& text, std::size_t digits) {
    unsigned code = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = at_ < text_.size() ? text_[at_++] : '\0';
      const std::size_t value = std::string_view("0123456789abcdef").find(c | 0x20);
      check(value != std::string_view::npos && c != '\0', "an escape of a list lacks digits");
      code = code * 16 + static_cast<unsigned>(value);
    }
    text += Json::parse(fmt::format("\"\\u{:04x}\"", code)).get<std::string>();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// Which field of a row a name of the header means.
class Header {
 public:
  explicit Header(const CsvRow& row) {
    for (std::size_t i = 0; i < row.fields.size(); ++i) {
      const std::string name(strip(row.fields[i]));
      if (!name.empty() && !places_.emplace(name, i).second) fail("column " + name + " twice");
    }
    for (const char* name : {"question", "choices", "answer", "error_type", "correct_answer"}) {
      if (!places_.contains(name)) fail(fmt::format("no column \"{}\"", name));
    }
    width_ = row.fields.size();
  }
  const std::string& at(const CsvRow& row, const std::string& name) const {
    if (row.fields.size() != width_)
      fail(fmt::format("found {} fields, expected {}", row.fields.size(), width_));
    return row.fields[places_.at(name)];
  }

 private:
  std::map<std::string, std::size_t> places_;
  std::size_t width_ = 0;
};

MmluQuestion read_row(const CsvRow& row, const Header& header) {
  MmluQuestion question;
  question.question = header.at(row, "question");
  question.choices = python_list(header.at(row, "choices"));
  check(question.choices.size() == 4,
        fmt::format("found {} choices, expected 4", question.choices.size()));
  const std::string& answer = header.at(row, "answer");
  check(answer.size() == 1 && answer[0] >= '0' && answer[0] <= '3',
        "found the answer \"" + answer + "\", expected 0 to 3");
  question.answer = static_cast<char>('A' + (answer[0] - '0'));
  question.label = error_name(header.at(row, "error_type"));
  question.corrected =
      corrected_letters(question.label, question.answer, header.at(row, "correct_answer"));
  return question;
}

std::vector<MmluQuestion> read_redux_rows(const fs::path& path) {
  std::string text = text_of(path);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  const std::size_t comma = std::min(text.find(','), text.size());
  const char separator = text.find(';') < comma ? ';' : ',';
  const std::vector<CsvRow> rows = parse_csv(text, path, separator);
  std::vector<MmluQuestion> questions;
  std::optional<Header> header;
  for (const CsvRow& row : rows) {
    try {
      if (!header) {
        header.emplace(row);
        continue;
      }
      questions.push_back(read_row(row, *header));
      questions.back().row = questions.size() - 1;
    } catch (const Error& error) {
      fail(fmt::format("{}:{}: row {}: {}", path.string(), row.line, row.row, error.what()));
    }
  }
  if (questions.empty()) fail(path.string() + ": found no rows, expected questions");
  return questions;
}

}  // namespace

std::string error_name(std::string_view written) {
  std::string name(strip(written));
  for (char& c : name) c = c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  if (std::ranges::find(kErrors, name) == kErrors.end()) {
    fail(fmt::format("found the error type \"{}\", expected one of {}", written,
                     fmt::join(kErrors, ", ")));
  }
  return name;
}

std::vector<std::string> corrected_letters(const std::string& error, char published,
                                           std::string_view correct_answer) {
  const std::string own(1, published);
  if (error == "ok") return {own};
  std::set<std::string> letters = letters_in(correct_answer);
  if (error == "multiple_correct_answers") {
    if (letters.size() == 1) letters.insert(own);
  } else if (error != "wrong_groundtruth" || letters.size() != 1) {
    return {};
  }
  return {letters.begin(), letters.end()};
}

std::vector<std::string> python_list(std::string_view text) {
  return ListReader(strip(text)).read();
}

Mmlu load_mmlu_redux(const fs::path& folder, const fs::path& mmlu) {
  if (!fs::is_directory(folder))
    fail(fmt::format("{}: no such folder, expected mmlu_<subject>.csv in it", folder.string()));
  constexpr std::string_view kBegin = "mmlu_", kEnd = ".csv";
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) continue;
    names.insert(name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size()));
  }
  if (names.empty()) fail(folder.string() + ": found no file named mmlu_<subject>.csv");
  Mmlu data;
  Sha256 hash;
  for (const std::string& name : names) {
    MmluSubject subject;
    subject.name = name;
    subject.group = mmlu_group_of(name);
    const fs::path test = folder / fmt::format("{}{}{}", kBegin, name, kEnd);
    const fs::path dev = mmlu / "dev" / (name + "_dev.csv");
    subject.dev = read_mmlu_rows(dev);
    subject.test = read_redux_rows(test);
    for (const fs::path& path : {dev, test}) {
      hash.update(path.filename().string());
      hash.update(MappedFile(path).text());
    }
    data.subjects.push_back(std::move(subject));
  }
  data.sha256 = hash.finish();
  return data;
}

}  // namespace tradeoff::task
