#include "authorizer.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace tradeoff::sql {
namespace {

// Sorted. Left out on purpose: printf and format (a width hangs), zeroblob and randomblob, random,
// soundex, JSON, load_extension, fts3_tokenizer, sqlite_*, changes, last_insert_rowid, current_*.
// Dates are here for columns; their 'now' is refused by the clock.
constexpr std::array kAllowed = {
    "abs",          "acos",      "asin",       "atan",   "atan2",        "avg",       "ceil",
    "ceiling",      "char",      "coalesce",   "cos",    "count",        "cume_dist", "date",
    "datetime",     "degrees",   "dense_rank", "exp",    "first_value",  "floor",     "glob",
    "group_concat", "hex",       "ifnull",     "iif",    "instr",        "julianday", "lag",
    "last_value",   "lead",      "length",     "like",   "likelihood",   "likely",    "ln",
    "log",          "log10",     "log2",       "lower",  "ltrim",        "max",       "min",
    "mod",          "nth_value", "ntile",      "nullif", "percent_rank", "pi",        "pow",
    "power",        "quote",     "radians",    "rank",   "replace",      "round",     "row_number",
    "rtrim",        "sign",      "sin",        "sqrt",   "strftime",     "substr",    "substring",
    "sum",          "tan",       "time",       "total",  "trim",         "trunc",     "typeof",
    "unicode",      "unixepoch", "unlikely",   "upper"};

std::string lower(const char* text) {
  std::string result = text ? text : "";
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

}  // namespace

bool function_allowed(std::string_view name) {
  return std::binary_search(kAllowed.begin(), kAllowed.end(), name);
}

void Authorizer::install(sqlite3* db) {
  sqlite3_set_authorizer(db, &Authorizer::decide, this);
}

int Authorizer::refuse(std::string text) {
  if (refusal_.empty()) refusal_ = std::move(text);
  return SQLITE_DENY;
}

int Authorizer::decide(void* self, int action, const char* first, const char* second,
                       const char* /*database*/, const char* /*trigger*/) {
  auto& authorizer = *static_cast<Authorizer*>(self);
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_READ:
      // pragma_* tables run a PRAGMA when they are read.
      if (lower(first).starts_with("pragma_"))
        return authorizer.refuse("table " + lower(first) + " is not allowed");
      return SQLITE_OK;
    case SQLITE_FUNCTION: {
      const std::string name = lower(second);
      if (function_allowed(name) ||
          (!authorizer.extra_function_.empty() && name == authorizer.extra_function_))
        return SQLITE_OK;
      return authorizer.refuse("function " + name + " is not allowed");
    }
    case SQLITE_PRAGMA:
      return authorizer.refuse("PRAGMA " + lower(first) + " is not allowed");
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return authorizer.refuse("ATTACH and DETACH are not allowed");
    default:
      return authorizer.refuse("only a SELECT is allowed");
  }
}

}  // namespace tradeoff::sql
