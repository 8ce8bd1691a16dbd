#include "tradeoff/store/predictions_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "samples.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_name.hpp"
#include "tradeoff/store/run_columns.hpp"
#include "trust.hpp"

namespace tradeoff::store {
namespace {

constexpr std::string_view kTraining = "training", kSeed = "seed-";

std::string cell_path(const std::string& arm, std::uint64_t seed) {
  return fmt::format("/runs/{}/{}{}", arm, kSeed, seed);
}

// Every item has its row, skipped and unscored ones too: a missing row would leave the denominator.
void check_rows(const Table& rows, const Predictions& predictions, const std::string& task,
                const std::string& where) {
  const auto items = predictions.items.find(task);
  check(items != predictions.items.end(), fmt::format("{}: no items of task \"{}\"", where, task));
  const Ints& index = rows.at(column::kItem);
  check(index.size() == items->second.rows(),
        fmt::format("{}: {} rows, but /items/{} has {}", where, index.size(), task,
                    items->second.rows()));
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (index[i] == static_cast<std::int64_t>(i)) continue;
    fail(fmt::format("{}: row {} is of item {}, expected item {}", where, i, index[i], i));
  }
}

// Names become folders and files of exports, whoever wrote the file.
void check_layout(const Predictions& predictions) {
  if (const auto study = predictions.config.find("study");
      study != predictions.config.end() && study->is_object() && study->contains("name")) {
    check_file_name("config: study.name", field<std::string>(*study, "name"));
  }
  for (const auto& [task, table] : predictions.items) check_file_name("task", task);
  for (const auto& [name, table] : predictions.summary) check_file_name("summary", name);
  for (const auto& [cell, table] : predictions.training) check_file_name("arm", cell.first);
  for (const auto& [key, run] : predictions.runs) {
    check_file_name("arm", key.arm);
    check_file_name("task", key.task);
    check(key.task != kTraining, "a task may not be called \"training\"");
    for (std::size_t k = 0; k < run.samples(); ++k)
      check_rows(run.sample(k), predictions, key.task,
                 cell_path(key.arm, key.seed) + "/" + key.task);
  }
}

std::uint64_t seed_of(const std::string& group) {
  std::uint64_t seed = 0;
  const char* end = group.data() + group.size();
  const bool named = group.starts_with(kSeed);
  const auto [stop, error] = std::from_chars(group.data() + (named ? kSeed.size() : 0), end, seed);
  check(named && error == std::errc() && stop == end,
        fmt::format("found group \"{}\", expected \"seed-<number>\"", group));
  return seed;
}

template <typename T>
T attribute_as(const Attributes& attributes, const std::string& name) {
  const auto found = attributes.find(name);
  check(found != attributes.end(), fmt::format("attribute \"{}\" is missing", name));
  const T* value = std::get_if<T>(&found->second);
  check(value != nullptr, fmt::format("attribute \"{}\" has another type", name));
  return *value;
}

void read_head(const Hdf5Reader& file, Predictions& predictions) {
  const Attributes head = file.attributes("/");
  check(head.contains("schema_version"),
        "not a predictions file of tradeoff: attribute \"schema_version\" is missing");
  const auto version = attribute_as<std::int64_t>(head, "schema_version");
  check(version == kPredictionsSchema || version == kSampledSchema,
        fmt::format("found schema version {}, expected {} or {}", version, kPredictionsSchema,
                    kSampledSchema));
  predictions.config = parse_json(attribute_as<std::string>(head, "config"));
  predictions.commit = attribute_as<std::string>(head, "commit");
  const Json versions = parse_json(attribute_as<std::string>(head, "versions"));
  for (const auto& [name, _] : versions.items()) {
    predictions.versions[name] = field<std::string>(versions, name);
  }
}

// A run whose rows have samples tells how they were drawn.
void split_run(Run& run) {
  check(run.sampled() && run.rows.has(column::kSample),
        "column \"sample\" and attribute \"samples\" stand together; found one alone");
  for (const char* name : {"temperature", "top_p"})
    (void)attribute_as<double>(run.attributes, name);
  for (const char* name : {"top_k", "sample_seed"})
    (void)attribute_as<std::int64_t>(run.attributes, name);
  std::vector<Table> samples = split_samples(run.rows);
  const auto told = attribute_as<std::int64_t>(run.attributes, "samples");
  check(std::cmp_equal(told, samples.size()),
        fmt::format("attribute \"samples\" is {}, the rows have {}", told, samples.size()));
  run.rows = std::move(samples.front());
  run.further.assign(std::make_move_iterator(samples.begin() + 1),
                     std::make_move_iterator(samples.end()));
}

Run read_run(const Hdf5Reader& file, const std::string& path) {
  Run run{file.table(path), {}, file.attributes(path)};
  if (!run.rows.has(column::kSample) && !run.sampled()) return run;
  try {
    split_run(run);
  } catch (const Error& error) {
    fail(path + ": " + error.what());
  }
  return run;
}

void read_cell(const Hdf5Reader& file, const std::string& arm, const std::string& seed_group,
               Predictions& predictions) {
  const std::string cell = fmt::format("/runs/{}/{}", arm, seed_group);
  const std::uint64_t seed = seed_of(seed_group);
  for (const auto& name : file.children(cell)) {
    const std::string path = cell + "/" + name;
    if (name == kTraining) {
      predictions.training[{arm, seed}] = file.table(path);
    } else {
      predictions.runs[{arm, seed, name}] = read_run(file, path);
    }
  }
}

// The table, and what each of its columns holds.
void write_table(Hdf5Writer& file, const std::string& path, const Table& table) {
  file.table(path, table);
  for (const auto& [name, column] : table.columns())
    if (const std::string_view text = column_text(name); !text.empty())
      file.attribute(path + "/" + name, "description", std::string(text));
}

}  // namespace

void write_predictions(const std::filesystem::path& path, const Predictions& predictions) {
  check_layout(predictions);
  Hdf5Writer file(path);
  Json versions = Json::object();
  for (const auto& [name, version] : predictions.versions) versions[name] = version;
  const bool sampled = std::ranges::any_of(
      predictions.runs, [](const auto& entry) { return entry.second.sampled(); });
  file.attribute("/", "schema_version", sampled ? kSampledSchema : kPredictionsSchema);
  file.attribute("/", "config", to_line(predictions.config));
  file.attribute("/", "commit", predictions.commit);
  file.attribute("/", "versions", to_line(versions));
  for (const char* group : {"/items", "/runs", "/summary"}) file.group(group);
  for (const auto& [task, table] : predictions.items) write_table(file, "/items/" + task, table);
  for (const auto& [key, run] : predictions.runs) {
    const std::string group = cell_path(key.arm, key.seed) + "/" + key.task;
    write_table(file, group, run.sampled() ? join_samples(run) : run.rows);
    for (const auto& [name, value] : run.attributes) file.attribute(group, name, value);
  }
  for (const auto& [cell, table] : predictions.training) {
    write_table(file, fmt::format("{}/{}", cell_path(cell.first, cell.second), kTraining), table);
  }
  for (const auto& [name, table] : predictions.summary)
    write_table(file, "/summary/" + name, table);
  file.commit();
}

namespace {

Predictions read_here(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  Predictions predictions;
  try {
    read_head(file, predictions);
    for (const auto& task : file.children("/items")) {
      predictions.items[task] = file.table("/items/" + task);
    }
    for (const auto& arm : file.children("/runs")) {
      for (const auto& seed : file.children("/runs/" + arm))
        read_cell(file, arm, seed, predictions);
    }
    for (const auto& name : file.children("/summary")) {
      predictions.summary[name] = file.table("/summary/" + name);
    }
    check_layout(predictions);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    fail(what.starts_with(path.string()) ? what : path.string() + ": " + what);
  }
  return predictions;
}

}  // namespace

Predictions read_predictions(const std::filesystem::path& path) {
  check_readable(path, [&] { (void)read_here(path); });
  return read_here(path);
}

}  // namespace tradeoff::store
