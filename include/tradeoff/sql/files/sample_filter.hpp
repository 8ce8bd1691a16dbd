#pragma once
#include <set>
#include <string>

#include "tradeoff/base/json.hpp"

namespace tradeoff::sql {

/// Which samples of lm-evaluation-harness count where a file holds each question once a filter
/// ("strict-match", "flexible-extract"). Samples that name no filter are one filter of their own.
class SampleFilter {
 public:
  /// wanted  the filter's name; empty: the only one there is.
  explicit SampleFilter(std::string wanted) : wanted_(std::move(wanted)) {}

  bool takes(const Json& row);
  /// When all rows were seen: throws Error naming the filters where there are several and none is
  /// chosen, or where none is the wanted one.
  void finish(const std::string& file) const;

 private:
  std::string wanted_;
  std::set<std::string> names_;
  std::string first_;
};

}  // namespace tradeoff::sql
