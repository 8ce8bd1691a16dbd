#include "tradeoff/results/primary.hpp"

namespace tradeoff::results {

namespace column = store::column;

const store::RunColumn<store::Flags>& column_of(Primary primary) {
  switch (primary) {
    case Primary::exec:
      return column::kExec;
    case Primary::set:
      return column::kSet;
    case Primary::strict:
      return column::kStrict;
  }
  return column::kExec;
}

std::string_view name_of(Primary primary) {
  return column_of(primary).name;
}

const store::RunColumn<store::Flags>& right_column(task::Kind kind, Primary primary) {
  return kind == task::Kind::sql ? column_of(primary) : column::kCorrect;
}

const store::RunColumn<store::Strings>& answer_column(task::Kind kind) {
  return kind == task::Kind::sql ? column::kSql : column::kAnswer;
}

const store::RunColumn<store::Strings>& vote_column(task::Kind kind) {
  return kind == task::Kind::sql ? column::kResultHash : column::kAnswer;
}

}  // namespace tradeoff::results
