#pragma once
#include <optional>
#include <utility>
#include <vector>

#include "tradeoff/study/options.hpp"

namespace tradeoff::study {

/// The models of a study's arms: what each is, and the one that is loaded.
class StudyModels {
 public:
  /// Hashes every model's weights, on rank 0. Collective.
  StudyModels(const comm::Session& session, const StudyOptions& options);

  /// model_identity of the arm's model.
  const Json& identity(const ArmOptions& arm) const;
  /// Of the study's own model.
  const Json& identity() const { return known_.front().second; }
  /// The arm's model, on this rank's device; another goes first. Collective over `session`.
  LoadedModel& load(const comm::Session& session, const ArmOptions& arm);
  /// Bytes on the device of the rank that needed most since this was asked before. A model is
  /// loaded. Collective.
  std::int64_t peak_memory(const comm::Session& session);

  /// Enters into the study's record what its own model is and, arm by arm, another model, adapter
  /// and starting adapter where it has such: names of folders, not where they lie, and hashes.
  void enter(Json& record, const StudyOptions& options) const;

 private:
  Json record_of(const ArmOptions& arm) const;

  std::vector<std::pair<ModelOptions, Json>> known_;
  std::optional<LoadedModel> loaded_;
  ModelOptions which_;
};

}  // namespace tradeoff::study
