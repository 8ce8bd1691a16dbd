#include "tradeoff/train/checkpoint.hpp"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/lora/peft.hpp"
#include "tradeoff/model/safetensors.hpp"

namespace tradeoff::train {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "checkpoint-";
constexpr const char *kManifest = "manifest.json", *kState = "trainer_state.json",
                     *kOptimizer = "optimizer.safetensors";
constexpr std::array kFiles = {"adapter_config.json", "adapter_model.safetensors", kOptimizer,
                               kState};
constexpr std::size_t kKept = 2;

fs::path folder_of(const fs::path& out, std::int64_t step) {
  return out / fmt::format("{}{}", kPrefix, step);
}

// So that a name made or removed in it outlives a power cut.
void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  check_errno(fd, "open " + folder.string());
  const int code = ::fsync(fd);
  ::close(fd);
  check_errno(code, "fsync " + folder.string());
}

void write_optimizer(const fs::path& file, const TrainCheckpoint& checkpoint) {
  const std::array tensors = {checkpoint.exp_avg, checkpoint.exp_avg_sq};
  std::vector<model::TensorSpec> specs;
  for (const char* name : {"exp_avg", "exp_avg_sq"}) {
    specs.push_back({name, model::Dtype::f32, {checkpoint.exp_avg.numel()}});
  }
  model::write_safetensors(file, specs, [&](std::size_t i) {
    return std::span(static_cast<const std::byte*>(tensors[i].const_data_ptr()), specs[i].bytes());
  });
}

void read_optimizer(const fs::path& path, TrainCheckpoint& checkpoint) {
  const model::SafetensorsFile file(path);
  for (const model::StoredTensor& tensor : file.tensors()) {
    check(tensor.dtype == model::Dtype::f32 &&
              tensor.shape == std::vector{checkpoint.parameters.numel()},
          fmt::format("{}: tensor {}: found [{}], expected float32 [{}]", path.string(),
                      tensor.name, fmt::join(tensor.shape, ", "), checkpoint.parameters.numel()));
    const at::Tensor values =
        at::from_blob(const_cast<std::byte*>(tensor.bytes.data()), tensor.shape,
                      at::TensorOptions(c10::ScalarType::Float));
    (tensor.name == "exp_avg" ? checkpoint.exp_avg : checkpoint.exp_avg_sq) = values.clone();
  }
  check(checkpoint.exp_avg.defined() && checkpoint.exp_avg_sq.defined(),
        path.string() + ": expected the tensors exp_avg and exp_avg_sq");
}

// Throws where a file is not the one that the manifest names.
void verify(const fs::path& folder) {
  const Json manifest = read_json(folder / kManifest);
  for (const char* name : kFiles) {
    const Json entry = field<Json>(manifest, name);
    const fs::path file = folder / name;
    check(fs::exists(file), file.string() + ": missing, though the manifest names it");
    const auto size = static_cast<std::int64_t>(fs::file_size(file));
    if (size != field<std::int64_t>(entry, "bytes")) {
      fail(fmt::format("{}: {} bytes, the manifest says {}", file.string(), size,
                       field<std::int64_t>(entry, "bytes")));
    }
    check(sha256_file(file) == field<std::string>(entry, "sha256"),
          file.string() + ": its SHA-256 is not the manifest's");
  }
}

std::vector<store::CurveRow> read_state_curve(const fs::path& file, const Json& state) {
  try {
    std::vector<store::CurveRow> rows = store::curve_of(state);
    check(store::is_whole_curve(rows, field<std::int64_t>(state, "step")),
          "key \"curve\": expected a row for each step");
    return rows;
  } catch (const Error& error) {
    fail(file.string() + ": " + error.what());
  }
}

TrainCheckpoint load(const fs::path& folder, const model::DecoderConfig& config) {
  verify(folder);
  TrainCheckpoint checkpoint;
  checkpoint.state = read_json(folder / kState);
  checkpoint.step = field<std::int64_t>(checkpoint.state, "step");
  checkpoint.curve = read_state_curve(folder / kState, checkpoint.state);
  checkpoint.parameters = lora::read_peft(folder, config).parameters;
  read_optimizer(folder / kOptimizer, checkpoint);
  return checkpoint;
}

}  // namespace

std::vector<std::int64_t> checkpoint_steps(const fs::path& out) {
  std::vector<std::int64_t> steps;
  if (!fs::is_directory(out)) return steps;
  for (const auto& entry : fs::directory_iterator(out)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t step = 0;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + kPrefix.size(), end, step);
    if (read.ec == std::errc() && read.ptr == end) steps.push_back(step);
  }
  std::ranges::sort(steps);
  return steps;
}

void save_checkpoint(const fs::path& out, const TrainCheckpoint& checkpoint,
                     const lora::Adapter& adapter, const std::string& base_model) {
  const c10::InferenceMode inference;
  const fs::path folder = folder_of(out, checkpoint.step);
  const fs::path partial = folder.string() + ".partial";
  fs::remove_all(partial);
  fs::create_directories(partial);
  lora::write_peft(partial, adapter, base_model);
  write_optimizer(partial / kOptimizer, checkpoint);
  Json state = checkpoint.state;
  state["curve"] = store::curve_json(checkpoint.curve);
  write_atomically(partial / kState, state.dump(2) + "\n");
  Json manifest = Json::object();
  for (const char* name : kFiles) {
    manifest[name] = {{"bytes", fs::file_size(partial / name)},
                      {"sha256", sha256_file(partial / name)}};
  }
  write_atomically(partial / kManifest, manifest.dump(2) + "\n");
  fs::remove_all(folder);
  fs::rename(partial, folder);
  sync_folder(out);
  std::vector<std::int64_t> steps = checkpoint_steps(out);
  while (steps.size() > kKept) {
    fs::remove_all(folder_of(out, steps.front()));
    steps.erase(steps.begin());
  }
}

Json newest_state(const fs::path& out) {
  return read_json(folder_of(out, checkpoint_steps(out).back()) / kState);
}

void remove_checkpoints(const fs::path& out) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(out)) {
    const bool ours = entry.path().filename().string().starts_with(kPrefix);
    if (ours && entry.is_directory()) folders.push_back(entry.path());
  }
  for (const fs::path& folder : folders) fs::remove_all(folder);
}

std::optional<TrainCheckpoint> load_newest_checkpoint(const fs::path& out,
                                                      const model::DecoderConfig& config,
                                                      std::vector<std::string>& damage) {
  const c10::InferenceMode inference;
  std::vector<std::int64_t> steps = checkpoint_steps(out);
  if (steps.empty()) return std::nullopt;
  for (; !steps.empty(); steps.pop_back()) {
    try {
      return load(folder_of(out, steps.back()), config);
    } catch (const std::exception& error) {
      damage.push_back(
          fmt::format("checkpoint {} is damaged and passed over: {}", steps.back(), error.what()));
    }
  }
  fail(fmt::format("{}: no checkpoint is whole ({}); start anew without --resume", out.string(),
                   fmt::join(damage, "; ")));
}

}  // namespace tradeoff::train
