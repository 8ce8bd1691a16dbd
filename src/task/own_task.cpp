#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>

#include "choice_questions.hpp"
#include "own_rows.hpp"
#include "sql_questions.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/sql/match/exact_match.hpp"
#include "tradeoff/task/draw.hpp"
#include "tradeoff/task/own.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

// Of /items/<task>: no group may have their names.
constexpr std::string_view kColumns[] = {"id",     "db_id",    "question",  "query",
                                         "schema", "hardness", "result",    "split_size",
                                         "answer", "choices",  "also_right"};

void hash_file(Sha256& hash, const fs::path& path) {
  hash.update(path.filename().string());
  hash.update(MappedFile(path).text());
}

// One query, or several that are equally right.
void read_queries(const OwnRow& row, SpiderExample& example) {
  const auto found = row.fields.find("query");
  if (found == row.fields.end() || !found->is_array()) {
    example.query = own_text(row, "query");
    return;
  }
  check(!found->empty(), row.place + ": key \"query\": expected at least one query");
  for (const Json& query : *found) {
    if (!query.is_string())
      fail(fmt::format("{}: key \"query\": found {}, expected a text", row.place, to_line(query)));
    (example.query.empty() ? example.query : example.also_right.emplace_back()) =
        query.get<std::string>();
  }
}

std::vector<SpiderExample> sql_examples(const fs::path& path, const std::string& group) {
  std::vector<SpiderExample> examples;
  for (const OwnRow& row : read_own_rows(path)) {
    SpiderExample& example = examples.emplace_back();
    example.index = examples.size() - 1;
    example.id = row.id;
    example.db_id = own_text(row, "db_id");
    example.question = own_text(row, "question");
    example.label = own_group(row, group);
    read_queries(row, example);
  }
  return examples;
}

// What tables.json or, without one, the databases say of those that are asked about.
void read_schemas(const OwnData& data, Spider& spider) {
  if (!data.tables.empty()) spider.schemas = sql::Schemas(data.tables, sql::SchemaUse::prompt);
  for (const auto* part : {&spider.dev, &spider.train}) {
    for (const SpiderExample& example : *part) {
      if (spider.schemas.find(example.db_id)) continue;
      if (!data.tables.empty())
        fail(fmt::format("{}: no entry \"{}\", which question {} is about", data.tables.string(),
                         example.db_id, example.id));
      spider.schemas.add(schema_of_database(spider.database_of(example.db_id), example.db_id));
    }
  }
}

void read_hardness(Spider& spider) {
  if (spider.tables.empty()) return;
  for (SpiderExample& example : spider.dev) {
    const sql::MatchSchema schema(spider.schema_of(example));
    const auto query = sql::MatchQuery::parse(schema, example.query);
    if (query) example.hardness = query->hardness();
  }
}

Questions read_own_sql(const std::string& name, const OwnData& data, const Draw& draw) {
  Spider spider;
  spider.databases = data.databases;
  spider.tables = data.tables;
  Sha256 hash;
  hash_file(hash, data.items);
  spider.dev = sql_examples(data.items, data.group);
  if (data.train.empty()) {
    spider.missing_train = fmt::format("[task.{}] train", name);
  } else {
    hash_file(hash, data.train);
    spider.train = sql_examples(data.train, "");
  }
  std::set<std::string> databases;
  for (const SpiderExample& example : spider.dev) {
    const fs::path path = spider.database_of(example.db_id);
    if (!fs::is_regular_file(path))
      fail(fmt::format("{}: no such file, but question {} of {} is about it", path.string(),
                       example.id, data.items.string()));
    databases.insert(example.db_id);
  }
  for (const std::string& db_id : databases) hash_file(hash, spider.database_of(db_id));
  if (!data.tables.empty()) hash_file(hash, data.tables);
  read_schemas(data, spider);
  read_hardness(spider);
  spider.sha256 = hash.finish();
  Questions questions = sql_questions(std::move(spider), draw);
  if (data.train.empty()) questions.train_items = nullptr;
  return questions;
}

std::vector<std::string> read_choices(const OwnRow& row) {
  std::vector<std::string> choices;
  const auto listed = row.fields.find("choices");
  if (listed == row.fields.end()) {
    for (char letter = 'A'; row.fields.contains(std::string(1, letter)); ++letter)
      choices.push_back(own_text(row, std::string(1, letter).c_str()));
  } else {
    Json list = *listed;
    if (list.is_string()) list = parse_json(list.get<std::string>());
    check(list.is_array(), row.place + ": key \"choices\": expected a list of texts");
    for (const Json& one : list) {
      if (!one.is_string())
        fail(
            fmt::format("{}: key \"choices\": found {}, expected a text", row.place, to_line(one)));
      choices.push_back(one.get<std::string>());
    }
  }
  if (choices.size() < 2 || choices.size() > 10)
    fail(fmt::format("{}: found {} choices, expected 2 to 10", row.place, choices.size()));
  return choices;
}

// A letter, or a number from 0.
char read_answer(const OwnRow& row, std::size_t choices) {
  const auto found = row.fields.find("answer");
  if (found == row.fields.end()) fail(row.place + ": missing key \"answer\"");
  const std::string text = id_text(*found);
  const std::size_t place =
      text.size() != 1                   ? choices
      : text[0] >= '0' && text[0] <= '9' ? static_cast<std::size_t>(text[0] - '0')
      : text[0] >= 'A' && text[0] <= 'J' ? static_cast<std::size_t>(text[0] - 'A')
                                         : choices;
  if (place >= choices)
    fail(
        fmt::format("{}: key \"answer\": found {}, expected a letter from A to {} or a number "
                    "from 0 to {}",
                    row.place, to_line(*found), static_cast<char>('A' + choices - 1), choices - 1));
  return static_cast<char>('A' + place);
}

MmluQuestion choice_question(const OwnRow& row) {
  MmluQuestion question;
  question.id = row.id;
  question.question = own_text(row, "question");
  question.choices = read_choices(row);
  question.answer = read_answer(row, question.choices.size());
  return question;
}

// Without groups all questions are of one subject, called as the task.
Mmlu read_subjects(const std::string& name, const OwnData& data) {
  Mmlu mmlu;
  std::map<std::string, std::size_t> place;
  const auto subject_of = [&](const OwnRow& row) -> MmluSubject& {
    const std::string group = data.group.empty() ? name : own_group(row, data.group);
    const auto [found, is_new] = place.emplace(group, mmlu.subjects.size());
    if (is_new) mmlu.subjects.push_back({group, data.group.empty() ? "all" : group, {}, {}});
    return mmlu.subjects[found->second];
  };
  for (const OwnRow& row : read_own_rows(data.items)) {
    MmluQuestion question = choice_question(row);
    auto& test = subject_of(row).test;
    question.row = test.size();
    test.push_back(std::move(question));
  }
  if (data.train.empty()) return mmlu;
  const std::size_t asked = mmlu.subjects.size();
  std::vector<MmluQuestion> all;
  bool grouped = !data.group.empty();
  const auto rows = read_own_rows(data.train);
  for (const OwnRow& row : rows) grouped = grouped && row.fields.contains(data.group);
  for (const OwnRow& row : rows) {
    if (grouped) {
      subject_of(row).dev.push_back(choice_question(row));
    } else {
      all.push_back(choice_question(row));
    }
  }
  mmlu.subjects.resize(asked);  // examples of a group that is not asked about
  if (!grouped)
    for (MmluSubject& subject : mmlu.subjects) subject.dev = all;
  return mmlu;
}

Questions read_own_choices(const std::string& name, const OwnData& data, const Draw& draw) {
  Mmlu mmlu = read_subjects(name, data);
  Sha256 hash;
  hash_file(hash, data.items);
  if (!data.train.empty()) hash_file(hash, data.train);
  mmlu.sha256 = hash.finish();
  std::vector<MmluPlace> all, drawn;
  for (std::size_t s = 0; s < mmlu.subjects.size(); ++s)
    for (std::size_t q = 0; q < mmlu.subjects[s].test.size(); ++q) all.push_back({s, q});
  if (draw.questions > all.size())
    fail(fmt::format("{} questions of {} are asked, but {} has {}", draw.questions, name,
                     data.items.string(), all.size()));
  std::size_t count = draw.questions > 0 ? draw.questions : all.size();
  if (draw.limit > 0) count = std::min(count, draw.limit);
  std::vector<std::size_t> places(count);
  std::iota(places.begin(), places.end(), std::size_t{0});
  if (draw.questions > 0)
    places = first_of_draw(all.size(), count, draw.data_seed, name + "-questions");
  for (const std::size_t i : places) drawn.push_back(all[i]);
  return choice_questions(std::move(mmlu), drawn);
}

void check_data(const std::string& name, const OwnData& data) {
  const auto refuse = [&](const char* key, const std::string& why) {
    fail(fmt::format("[task.{}] {}: {}", name, key, why));
  };
  if (data.items.empty()) refuse("items", "missing; expected a .jsonl, .csv or .json file");
  if (data.kind == Kind::sql) {
    if (data.databases.empty()) refuse("databases", "missing; expected a folder of databases");
  } else {
    if (!data.databases.empty()) refuse("databases", "is for kind = sql");
    if (!data.tables.empty()) refuse("tables", "is for kind = sql");
  }
  if (std::ranges::find(kColumns, data.group) != std::end(kColumns))
    refuse("group", fmt::format("\"{}\" is a column of its own", data.group));
  if (data.shots > 0 && data.train.empty())
    refuse("train", fmt::format("missing; {} solved examples are asked", data.shots));
}

}  // namespace

Task own_task_words(const std::string& name, Kind kind, const std::string& group) {
  Task task = plain_task(name, kind);
  if (group.empty()) return task;
  if (kind == Kind::sql) {
    task.words.label = group;
  } else {
    task.words.cluster = group;
    task.words.clusters = group + "s";
  }
  return task;
}

Task own_task(const std::string& name, const OwnData& data) {
  check_data(name, data);
  Task task = own_task_words(name, data.kind, data.group);
  const bool sql = data.kind == Kind::sql;
  task.answer = data.answer;
  task.trains = sql && !data.train.empty();
  task.prompt = {.shots = data.shots, .prompt_template = sql ? Template::chat : Template::plain};
  task.read = [name, data](const Source&, const Draw& draw) {
    return data.kind == Kind::sql ? read_own_sql(name, data, draw)
                                  : read_own_choices(name, data, draw);
  };
  return task;
}

}  // namespace tradeoff::task
