#include "tradeoff/base/csv.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/base/utf8.hpp"

namespace tradeoff {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::filesystem::path& path, char separator)
      : path_(path), text_(text), separator_(separator), ends_{separator, '\r', '\n', '\0'} {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  std::vector<CsvRow> read() {
    std::vector<CsvRow> rows;
    while (at_ < text_.size()) {
      if (skip_line_end()) continue;
      record_ = {.fields = {}, .row = rows.size() + 1, .line = line_};
      do {
        read_field();
      } while (skip(separator_));
      if (at_ < text_.size() && !skip_line_end()) {
        bad(fmt::format("found '{}' after a closing quote, expected '{}' or the end of the line",
                        text_[at_], separator_));
      }
      rows.push_back(std::move(record_));
    }
    return rows;
  }

 private:
  [[noreturn]] void bad(const std::string& what) const {
    fail(fmt::format("{}:{}: row {}: {}", path_.string(), record_.line, record_.row, what));
  }

  // Python's readers refuse it too, and a hole of gigabytes is full of them.
  [[noreturn]] void no_text() const {
    bad(fmt::format("field {} holds a NUL byte, expected text", record_.fields.size() + 1));
  }

  bool skip(char wanted) {
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool skip_line_end() {
    const bool carriage = skip('\r');
    if (!skip('\n') && !carriage) return false;
    ++line_;
    return true;
  }

  void read_field() {
    std::string value;
    if (skip('"')) {
      read_quoted(value);
    } else {
      const std::size_t end = std::min(text_.find_first_of(ends_, at_), text_.size());
      if (end < text_.size() && text_[end] == '\0') no_text();
      value = text_.substr(at_, end - at_);
      at_ = end;
    }
    if (const auto offset = first_invalid_utf8(value)) {
      bad(fmt::format("field {} is not UTF-8 at its byte {}", record_.fields.size() + 1, *offset));
    }
    record_.fields.push_back(std::move(value));
  }

  void read_quoted(std::string& value) {
    for (;;) {
      if (at_ == text_.size()) {
        bad(fmt::format("the quote that opens field {} is never closed",
                        record_.fields.size() + 1));
      }
      const char c = text_[at_++];
      if (c == '\0') no_text();
      if (c == '"' && !skip('"')) return;
      if (c == '\n') ++line_;
      value.push_back(c);
    }
  }

  std::filesystem::path path_;
  std::string_view text_;
  char separator_;
  // Of an unquoted field.
  std::string ends_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  CsvRow record_;
};

}  // namespace

std::vector<CsvRow> read_csv(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_csv(file.text(), path);
}

std::vector<CsvRow> parse_csv(std::string_view text, const std::filesystem::path& path,
                              char separator) {
  return CsvReader(text, path, separator).read();
}

}  // namespace tradeoff
