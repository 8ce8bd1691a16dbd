#pragma once
#include <sqlite3.h>

#include <string>
#include <string_view>

namespace tradeoff::sql {

/// Lets one connection compile read-only queries over the allowed functions and nothing else.
/// The first refusal of a statement is kept, for its message.
class Authorizer {
 public:
  /// One more function that is allowed (tests register one); empty for none.
  void allow(std::string_view extra_function) { extra_function_ = extra_function; }
  void install(sqlite3* db);
  void reset() { refusal_.clear(); }
  /// "function printf is not allowed"; empty when nothing was refused since reset().
  const std::string& refusal() const { return refusal_; }

 private:
  static int decide(void* self, int action, const char* first, const char* second,
                    const char* database, const char* trigger);
  int refuse(std::string text);

  std::string extra_function_, refusal_;
};

/// True for the functions a statement may call; `name` in lower case.
bool function_allowed(std::string_view name);

}  // namespace tradeoff::sql
