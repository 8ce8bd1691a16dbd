#pragma once
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/sql/sandbox/execute.hpp"
#include "tradeoff/sql/schema/schema.hpp"

namespace tradeoff::sql {

/// The ten parts of a query that exact set match compares, in the order of the official table.
enum class Component {
  select,
  select_no_agg,
  where,
  where_no_op,
  group_no_having,
  group,
  order,
  and_or,
  iuen,
  keywords,
};
inline constexpr std::size_t kComponents = 10;
/// "select(no AGG)".
std::string_view name_of(Component component);

/// One part of one pair: right or not, and whether each side has it (what the averages run over).
struct PartialScore {
  bool right = false;
  int gold_total = 0, predicted_total = 0;
};

struct MatchScore {
  bool exact = false;
  std::array<PartialScore, kComponents> parts;
};

/// Names and foreign keys as the official parser sees them: tables and columns from the database
/// itself, foreign keys from tables.json. Immutable once made; any number of threads may read it.
class MatchSchema {
 public:
  /// `foreign_keys` may be nullptr: then columns joined by keys stay different.
  MatchSchema(const std::vector<TableColumns>& tables, const Schema* foreign_keys);
  /// From tables.json alone.
  explicit MatchSchema(const Schema& schema);
  ~MatchSchema();
  MatchSchema(MatchSchema&&) noexcept;
  MatchSchema& operator=(MatchSchema&&) noexcept;

  struct Names;
  const Names& names() const { return *names_; }

 private:
  std::unique_ptr<const Names> names_;
};

/// A query parsed by the grammar of the official evaluator (Yu et al., EMNLP 2018; process_sql.py).
class MatchQuery {
 public:
  /// Empty when that grammar does not cover the text.
  static std::optional<MatchQuery> parse(const MatchSchema& schema, std::string_view sql);
  /// What an unparsable prediction counts as: nothing in any part.
  static MatchQuery nothing();

  /// "easy", "medium", "hard" or "extra", by the official rule on the parsed query.
  std::string hardness() const;

  struct Tree;
  const Tree& tree() const { return *tree_; }

 private:
  explicit MatchQuery(std::shared_ptr<const Tree> tree) : tree_(std::move(tree)) {}
  std::shared_ptr<const Tree> tree_;
};

/// Official exact set match: values and DISTINCT put aside, columns mapped through foreign keys.
MatchScore exact_match(const MatchSchema& schema, const MatchQuery& gold,
                       const MatchQuery& prediction);

}  // namespace tradeoff::sql
