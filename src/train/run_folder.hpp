#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/train/checkpoint.hpp"
#include "tradeoff/train/trainer.hpp"

namespace tradeoff::train {

/// The output folder of one training, locked by rank 0 against a second writer while this lives.
class RunFolder {
 public:
  /// `record` tells this training from others. Throws Error where another process holds the folder.
  RunFolder(const comm::Session& session, std::filesystem::path path, Json record, LockKind lock);

  /// The checkpoint to go on from, the same on every rank; none where the training starts anew, for
  /// which what an earlier one left is removed. Throws Error on all ranks when the folder holds
  /// another training.
  std::optional<TrainCheckpoint> open(const model::DecoderConfig& config, bool resume,
                                      std::int64_t total_steps) const;
  /// What this same training came to, the same on every rank, where it has ended already.
  /// Collective.
  std::optional<TrainResult> ended() const;
  /// Written last: the training has ended. Its checkpoints are of no use any more.
  void complete(const TrainResult& result, const std::vector<store::CurveRow>& curve) const;

 private:
  std::optional<TrainCheckpoint> open_first(const model::DecoderConfig& config, bool resume) const;

  const comm::Session& session_;
  std::filesystem::path path_;
  Json record_;
  std::optional<FileLock> lock_;
};

}  // namespace tradeoff::train
