#include "study_models.hpp"

#include <algorithm>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/model/device.hpp"

namespace tradeoff::study {
namespace {

bool same(const ModelOptions& a, const ModelOptions& b) {
  return a.model == b.model && a.quantization == b.quantization;
}

// The last name of a folder's path.
std::string folder_name(const std::filesystem::path& folder) {
  const auto whole = std::filesystem::absolute(folder).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

}  // namespace

StudyModels::StudyModels(const comm::Session& session, const StudyOptions& options) {
  const auto add = [&](const ModelOptions& model) {
    const auto is_it = [&](const auto& known) { return same(known.first, model); };
    if (std::ranges::none_of(known_, is_it))
      known_.emplace_back(model, model_identity(session, model));
  };
  add(options.model);
  for (const ArmOptions& arm : options.arms) add(arm.model);
}

const Json& StudyModels::identity(const ArmOptions& arm) const {
  for (const auto& [model, identity] : known_)
    if (same(model, arm.model)) return identity;
  fail("arm " + arm.name + ": its model is not one of the study; this is a fault of tradeoff");
}

LoadedModel& StudyModels::load(const comm::Session& session, const ArmOptions& arm) {
  if (loaded_ && same(which_, arm.model)) return *loaded_;
  loaded_.reset();
  const std::string folder = arm.model.model.string();
  if (session.rank() == 0) log::info("loading {}", folder);
  session.at("loading " + folder);
  loaded_.emplace(load_model(session, arm.model));
  which_ = arm.model;
  model::reset_peak_memory(loaded_->decoder->device());
  return *loaded_;
}

std::int64_t StudyModels::peak_memory(const comm::Session& session) {
  std::int64_t peak = model::peak_memory_bytes(loaded_->decoder->device());
  model::reset_peak_memory(loaded_->decoder->device());
  comm::all_reduce_max(session, std::span(&peak, 1));
  return peak;
}

void StudyModels::enter(Json& record, const StudyOptions& options) const {
  for (const char* key : {"config_sha256", "weights_sha256"})
    record["hashes"]["model_" + std::string(key)] = identity().at(key);
  for (const char* key : {"dtype", "quantization"}) record[key] = identity().at(key);
  record["model"]["name"] = folder_name(options.model.model);
  for (const ArmOptions& arm : options.arms) record["arms"][arm.name].update(record_of(arm));
}

Json StudyModels::record_of(const ArmOptions& arm) const {
  Json record = Json::object();
  if (!same(arm.model, known_.front().first)) {
    record["model"] = {{"name", folder_name(arm.model.model)}};
    record["model"].update(identity(arm));
    record["model"].erase("kernels");
  }
  const auto add = [&](const char* key, const std::filesystem::path& folder) {
    if (folder.empty()) return;
    record[key] = {{"name", folder_name(folder)}};
    record[key].update(adapter_identity(folder));
  };
  add("adapter", arm.adapter);
  add("init_adapter", arm.init_adapter);
  return record;
}

}  // namespace tradeoff::study
