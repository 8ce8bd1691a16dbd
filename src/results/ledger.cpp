#include "tradeoff/results/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/lines.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::results {
namespace {

Json to_json(const LedgerEntry& entry) {
  return {{"arm", entry.arm},
          {"seed", entry.seed},
          {"task", entry.task},
          {"questions", entry.questions},
          {"prompt_tokens", entry.prompt_tokens},
          {"new_tokens", entry.new_tokens},
          {"seconds", entry.seconds},
          {"ranks", entry.ranks},
          {"device_seconds", entry.device_seconds},
          {"peak_bytes", entry.peak_bytes},
          {"starts", entry.starts},
          {"cut_starts", entry.cut_starts},
          {"redone", entry.redone},
          {"redone_seconds", entry.redone_seconds}};
}

// What a ledger of an earlier version does not tell was not recorded then.
LedgerEntry entry_of(const Json& row) {
  const auto count = [&](const char* key, std::int64_t fallback) {
    const auto found = field_or<std::int64_t>(row, key, fallback);
    check(found >= 0, fmt::format("key \"{}\": found {}, expected at least 0", key, found));
    return found;
  };
  const auto time = [&](const char* key, double fallback) {
    const auto found = field_or<double>(row, key, fallback);
    check(found >= 0, fmt::format("key \"{}\": found {}, expected at least 0", key, found));
    return found;
  };
  LedgerEntry entry;
  entry.arm = field<std::string>(row, "arm");
  entry.task = field<std::string>(row, "task");
  entry.seed = field<std::uint64_t>(row, "seed");
  entry.questions = count("questions", 0);
  entry.prompt_tokens = count("prompt_tokens", 0);
  entry.new_tokens = count("new_tokens", 0);
  check(row.contains("seconds"), "missing key \"seconds\"");
  entry.seconds = time("seconds", 0);
  entry.ranks = count("ranks", 1);
  entry.device_seconds = time("device_seconds", entry.seconds * static_cast<double>(entry.ranks));
  entry.peak_bytes = count("peak_bytes", 0);
  entry.starts = count("starts", 1);
  entry.cut_starts = count("cut_starts", 0);
  entry.redone = count("redone", 0);
  entry.redone_seconds = time("redone_seconds", 0);
  return entry;
}

}  // namespace

std::vector<LedgerEntry> read_ledger(const std::filesystem::path& file,
                                     std::vector<std::string>& damage) {
  std::vector<LedgerEntry> entries;
  if (!std::filesystem::exists(file)) return entries;
  const MappedFile mapped(file);
  Lines lines(mapped.text());
  while (const auto text = lines.next()) {
    if (text->find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      check(lines.end() != Lines::End::too_long, kNoLineEnd);
      const Json row = parse_json(*text);
      check(row.is_object(), "expected an object");
      entries.push_back(entry_of(row));
    } catch (const Error& error) {
      damage.push_back(fmt::format("{}:{}: not a line of a ledger, left out: {}", file.string(),
                                   lines.number(), error.what()));
    }
  }
  return entries;
}

void record_cost(const std::filesystem::path& file, LedgerEntry entry) {
  std::vector<std::string> damage;
  std::vector<LedgerEntry> entries = read_ledger(file, damage);
  for (const std::string& line : damage) log::warn("{}", line);
  const auto same = [&](const LedgerEntry& other) {
    return other.arm == entry.arm && other.seed == entry.seed && other.task == entry.task;
  };
  const auto first = std::ranges::find_if(entries, same);
  if (first == entries.end()) {
    entries.push_back(std::move(entry));
  } else {
    for (const LedgerEntry& other : entries) {
      if (same(other)) entry.peak_bytes = std::max(entry.peak_bytes, other.peak_bytes);
    }
    const bool known = *first == entry && std::ranges::count_if(entries, same) == 1;
    if (known && damage.empty()) return;
    *first = entry;
    entries.erase(std::remove_if(first + 1, entries.end(), same), entries.end());
  }
  std::string text;
  for (const LedgerEntry& each : entries) text += to_line(to_json(each)) + "\n";
  write_atomically(file, text);
}

}  // namespace tradeoff::results
