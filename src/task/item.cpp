#include "tradeoff/task/item.hpp"

#include <fmt/format.h>

#include <functional>
#include <limits>
#include <set>
#include <unordered_map>
#include <utility>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"

namespace tradeoff::task {
namespace {

constexpr std::size_t kFewestChoices = 2, kMostChoices = 10;

Json read_id(const Json& row) {
  const auto found = row.find("id");
  if (found == row.end()) fail("missing key \"id\"");
  if (!found->is_string() && !found->is_number_integer()) {
    fail(fmt::format("key \"id\": found {}, expected a string or an integer", to_line(*found)));
  }
  return *found;
}

std::vector<std::int32_t> read_prompt_ids(const Json& row) {
  const auto found = row.find("prompt_ids");
  if (found == row.end() || found->is_null()) return {};
  if (!found->is_array() || found->empty()) {
    fail("key \"prompt_ids\": expected a list of at least one token id");
  }
  std::vector<std::int32_t> ids;
  ids.reserve(found->size());
  for (const Json& id : *found) {
    const bool fits =
        id.is_number_unsigned() && std::in_range<std::int32_t>(id.get<std::uint64_t>());
    if (!fits) {
      fail(fmt::format("key \"prompt_ids\": entry {} is {}, expected a token id", ids.size(),
                       to_line(id)));
    }
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

void check_choices(const Item& item) {
  const std::set<std::string> different(item.choices.begin(), item.choices.end());
  const std::size_t count = item.choices.size();
  if (count < kFewestChoices || count > kMostChoices || different.size() != count ||
      different.contains("")) {
    fail(fmt::format("key \"choices\": found {}, expected 2 to 10 different strings such as {}",
                     to_line(Json(item.choices)), R"([" A"," B"," C"," D"])"));
  }
}

void check_answer(const Item& item) {
  const char last = static_cast<char>('A' + item.choices.size() - 1);
  if (item.answer.size() == 1 && item.answer[0] >= 'A' && item.answer[0] <= last) return;
  fail(fmt::format("key \"answer\": found \"{}\", expected a letter from A to {}", item.answer,
                   last));
}

// What every file of items has.
Item read_prompt(const Json& row) {
  Item item;
  item.id = read_id(row);
  item.prompt_ids = read_prompt_ids(row);
  item.prompt = field_or<std::string>(row, "prompt", "");
  item.skipped = field_or<bool>(row, "skipped", false);
  if (item.prompt.empty() && item.prompt_ids.empty() && !item.skipped) {
    fail(row.contains("prompt") ? "key \"prompt\" is empty, expected at least one token"
                                : "missing key \"prompt\" (or \"prompt_ids\")");
  }
  item.completion = field_or<std::string>(row, "completion", "");
  item.overflow = field_or<std::string>(row, "overflow", "");
  item.prompt_tokens = field_or<int>(row, "prompt_tokens", -1);
  item.shots_used = field_or<int>(row, "shots_used", -1);
  return item;
}

Item read_item(const Json& row, Kind kind) {
  Item item = read_prompt(row);
  const auto read = [&](const char* key, std::string& target) {
    target = field_or<std::string>(row, key, "");
  };
  if (kind == Kind::choice) {
    item.choices = field<std::vector<std::string>>(row, "choices");
    check_choices(item);
    read("answer", item.answer);
    if (!item.answer.empty()) check_answer(item);
    read("question", item.question);
    read("subject", item.subject);
    read("group", item.group);
  } else {
    read("db_id", item.db_id);
    read("question", item.question);
    read("query", item.query);
    read("schema", item.schema);
    read("hardness", item.hardness);
  }
  return item;
}

Item read_training_item(const Json& row) {
  Item item = read_item(row, Kind::sql);
  item.completion = field<std::string>(row, "completion");
  return item;
}

std::vector<Item> read_rows(const std::filesystem::path& path,
                            const std::function<Item(const Json&)>& read) {
  std::vector<Item> items;
  std::unordered_map<std::string, std::size_t> line_of;
  for_each_json_line(path, [&](Json& row, std::size_t line) {
    Item item = read(row);
    const auto [first, is_new] = line_of.emplace(id_text(item.id), line);
    if (!is_new) {
      fail(fmt::format("id {} occurs a second time (first in line {}), expected each id once",
                       to_line(item.id), first->second));
    }
    items.push_back(std::move(item));
  });
  if (items.empty()) fail(fmt::format("{}: found no items, expected at least one", path.string()));
  return items;
}

}  // namespace

std::string id_text(const Json& id) {
  return id.is_string() ? id.get<std::string>() : to_line(id);
}

std::vector<Item> read_items(const std::filesystem::path& path, Kind kind) {
  return read_rows(path, [kind](const Json& row) { return read_item(row, kind); });
}

std::vector<Item> read_training_items(const std::filesystem::path& path) {
  return read_rows(path, read_training_item);
}

Json to_json(const Item& item) {
  Json row;
  row["id"] = item.id;
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) row[key] = value;
  };
  put("db_id", item.db_id);
  put("subject", item.subject);
  put("group", item.group);
  put("question", item.question);
  put("query", item.query);
  put("schema", item.schema);
  put("hardness", item.hardness);
  put("prompt", item.prompt);
  if (!item.prompt_ids.empty()) row["prompt_ids"] = item.prompt_ids;
  put("completion", item.completion);
  if (!item.choices.empty()) row["choices"] = item.choices;
  put("answer", item.answer);
  if (item.prompt_tokens >= 0) row["prompt_tokens"] = item.prompt_tokens;
  if (item.shots_used >= 0) row["shots_used"] = item.shots_used;
  put("overflow", item.overflow);
  if (item.skipped) row["skipped"] = true;
  return row;
}

std::string write_items(const std::filesystem::path& path, std::span<const Item> items) {
  AtomicFile file(path);
  Sha256 hash;
  for (const Item& item : items) {
    const std::string line = to_line(to_json(item)) + "\n";
    file.write(line);
    hash.update(line);
  }
  file.commit();
  return hash.finish();
}

}  // namespace tradeoff::task
