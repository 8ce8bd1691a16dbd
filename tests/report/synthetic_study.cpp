#include "synthetic_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "tradeoff/base/hash.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/results/reduce.hpp"
#include "tradeoff/stats/accuracy.hpp"
#include "tradeoff/stats/reduce.hpp"

namespace tradeoff::report {
namespace {

using Generator = std::mt19937_64;

double uniform(Generator& random) {
  return static_cast<double>(random() >> 11U) * 0x1p-53;
}

std::string words(Generator& random, std::size_t count) {
  static const char* const kWords[] = {"which",   "students", "have",     "the",   "average",
                                       "age",     "of",       "singers",  "whose", "concert",
                                       "in",      "stadium",  "name",     "year",  "each",
                                       "country", "number",   "countries"};
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += ' ';
    text += kWords[random() % 18];
  }
  return text;
}

std::string query(Generator& random, const std::string& db) {
  return fmt::format(
      "SELECT T1.{} , count(*) FROM {}_{} AS T1 JOIN {}_x AS T2 ON T1.id = T2.id WHERE "
      "T2.year > {} GROUP BY T1.id ORDER BY count(*) DESC LIMIT {}",
      words(random, 1), db, words(random, 1), db, 1900 + random() % 120, random() % 9);
}

store::Table spider_items(const SyntheticOptions& options) {
  Generator random(options.data_seed);
  store::Strings id, db_id, question, gold, hardness, schema;
  std::vector<std::string> schemas;
  for (int db = 0; db < 20; ++db) {
    std::string text;
    for (int table = 0; table < 6; ++table) {
      text += fmt::format("# table_{} ( id , {} )\n", table, words(random, 12));
    }
    schemas.push_back(text);
  }
  for (std::size_t i = 0; i < options.spider; ++i) {
    const std::size_t db = random() % 20 * (random() % 20) / 20;  // unequal databases
    id.push_back(std::to_string(i));
    db_id.push_back(fmt::format("database_{}", db));
    question.push_back(fmt::format("{}{}?", options.odd_text, words(random, 14)));
    gold.push_back(query(random, db_id.back()));
    hardness.emplace_back(
        std::vector<const char*>{"easy", "medium", "hard", "extra"}[random() % 4]);
    schema.push_back(schemas[db]);
  }
  store::Table table;
  table.add("id", id);
  table.add("db_id", db_id);
  table.add("question", question);
  table.add("query", gold);
  table.add("hardness", hardness);
  table.add("schema", schema);
  return table;
}

store::Table mmlu_items(const SyntheticOptions& options) {
  Generator random(options.data_seed + 1);
  store::Strings id, subject, group, question, answer;
  static const char* const kGroups[] = {"stem", "humanities", "social_sciences"};
  for (std::size_t i = 0; i < options.mmlu; ++i) {
    const std::size_t s = i % 57;
    subject.push_back(fmt::format("subject_{:02}", s));
    group.emplace_back(kGroups[s % 3]);
    id.push_back(fmt::format("{}/{}", subject.back(), i / 57));
    question.push_back(fmt::format("{}{}?", options.odd_text, words(random, 45)));
    answer.emplace_back(1, static_cast<char>('A' + random() % 4));
  }
  store::Table table;
  table.add("id", id);
  table.add("subject", subject);
  table.add("group", group);
  table.add("question", question);
  table.add("answer", answer);
  return table;
}

// The same for all arms, so that arms are right on much the same questions.
double difficulty(std::size_t item, std::uint64_t data_seed, const char* task) {
  Generator random(data_seed * 1000003 + item * 97 + static_cast<unsigned char>(task[0]));
  random.discard(3);
  return uniform(random);
}

std::uint64_t stream(const std::string& arm, std::uint64_t seed, const char* task) {
  std::uint64_t code = 1469598103934665603ULL + seed;
  for (const char c : arm + "/" + task)
    code = (code ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return code;
}

void add_ledger(store::Table& table, std::size_t n, Generator& random) {
  store::Ints item, prompt_tokens, shots;
  store::Flags skipped;
  store::Strings overflow;
  for (std::size_t i = 0; i < n; ++i) {
    item.push_back(static_cast<std::int64_t>(i));
    prompt_tokens.push_back(400 + static_cast<std::int64_t>(random() % 500));
    const bool dropped = random() % 100 == 0;
    shots.push_back(dropped ? 2 : 3);
    skipped.push_back(random() % 500 == 0 ? 1 : 0);
    overflow.emplace_back(dropped          ? "4200 tokens, limit 4096: 1 example dropped"
                          : skipped.back() ? "5000 tokens, limit 4096"
                                           : "");
  }
  table.add("item", item);
  table.add("prompt_tokens", prompt_tokens);
  table.add("shots_used", shots);
  table.add("skipped", skipped);
  table.add("overflow", overflow);
}

store::Table spider_rows(const SyntheticOptions& options, const store::Table& items, double rate,
                         const std::string& arm, std::uint64_t seed, std::size_t sample = 0) {
  static const char* const kClasses[] = {"column_invented", "column_of_other_table",
                                         "table_invented",  "syntax",
                                         "other_rows",      "extra_columns"};
  Generator random(stream(arm, seed, "spider") + 7919 * sample);
  // Apart, so that what is sampled shifts none of the other draws.
  Generator drawn(stream(arm, seed, "spider samples") + 7919 * sample);
  const double shift = 0.02 * (uniform(random) - 0.5);
  store::Strings text, finish, sql, outcome, error_class, message;
  store::Ints tokens;
  store::RaggedInts token_ids;
  store::Flags exec, non_empty;
  store::Doubles soft, logprob;
  store::Strings result_hash;
  const auto& gold = items.at<store::Strings>("query");
  for (std::size_t i = 0; i < items.rows(); ++i) {
    const double score = 0.75 * difficulty(i, options.data_seed, "spider") + 0.25 * uniform(random);
    const bool right = score < rate + shift;
    const char* why = kClasses[random() % 6];
    const bool fails =
        !right && std::string_view(why) != "other_rows" && std::string_view(why) != "extra_columns";
    sql.push_back(right                ? gold[i]
                  : random() % 40 == 0 ? ""
                                       : options.odd_text + query(random, "made_up"));
    text.push_back(random() % 3 == 0 ? sql.back() + "\n\nThis query lists them." : sql.back());
    finish.emplace_back(random() % 10 == 0 ? "length" : "stop");
    outcome.emplace_back(sql.back().empty() ? "no_sql" : fails ? "sql_error" : "ok");
    error_class.emplace_back(right ? "" : sql.back().empty() ? "no_sql" : why);
    message.emplace_back(fails ? "no such column: T2.Name" : "");
    tokens.push_back(30 + static_cast<std::int64_t>(random() % 40));
    token_ids.add(std::vector<std::int64_t>(40, 11));
    exec.push_back(right ? 1 : 0);
    non_empty.push_back(right && i % 13 != 0 ? 1 : 0);
    soft.push_back(right ? 1 : 0.2);
    // Few wrong results, so that they form groups too.
    logprob.push_back(-1 - 20 * uniform(drawn));
    result_hash.push_back(outcome.back() != "ok" ? ""
                          : right                ? fmt::format("{:016x}", i)
                                  : fmt::format("{:016x}", 1000000 + i * 10 + drawn() % 3));
  }
  store::Table table;
  add_ledger(table, items.rows(), random);
  table.add("text", text);
  table.add("token_ids", token_ids);
  table.add("tokens", tokens);
  table.add("finish", finish);
  table.add("sql", sql);
  table.add("outcome", outcome);
  table.add("error_class", error_class);
  table.add("message", message);
  for (const char* name : {"exec", "exec_keep_distinct", "match", "set", "strict"})
    table.add(name, exec);
  table.add("soft_f1", soft);
  table.add("non_empty", non_empty);
  if (options.samples > 0) {
    table.add("logprob", logprob);
    table.add("result_hash", result_hash);
  }
  return table;
}

store::Run spider_run(const SyntheticOptions& options, const store::Table& items, double rate,
                      const std::string& arm, std::uint64_t seed) {
  store::Run run{spider_rows(options, items, rate, arm, seed), {}, {}};
  for (std::size_t k = 1; k < options.samples; ++k)
    run.further.push_back(spider_rows(options, items, rate, arm, seed, k));
  if (options.samples > 0)
    run.attributes = {{"temperature", 0.6},
                      {"top_p", 0.9},
                      {"top_k", std::int64_t{0}},
                      {"samples", static_cast<std::int64_t>(options.samples)},
                      {"sample_seed", std::int64_t{0}}};
  return run;
}

store::Table mmlu_rows(const SyntheticOptions& options, const store::Table& items, double rate,
                       const std::string& arm, std::uint64_t seed) {
  Generator random(stream(arm, seed, "mmlu"));
  const auto& gold = items.at<store::Strings>("answer");
  store::Strings answer;
  store::Flags correct;
  store::Matrix logprobs{4, {}};
  for (std::size_t i = 0; i < items.rows(); ++i) {
    const double score = 0.9 * difficulty(i, options.data_seed, "mmlu") + 0.1 * uniform(random);
    const bool right = score < rate;
    const auto truth = static_cast<std::size_t>(gold[i][0] - 'A');
    const std::size_t choice = right ? truth : (truth + 1 + random() % 3) % 4;
    answer.emplace_back(1, static_cast<char>('A' + choice));
    correct.push_back(right ? 1 : 0);
    for (std::size_t c = 0; c < 4; ++c) {
      logprobs.values.push_back(c == choice ? -0.5 - uniform(random) : -1.6 - uniform(random));
    }
  }
  store::Table table;
  add_ledger(table, items.rows(), random);
  table.add("answer", answer);
  table.add("correct", correct);
  table.add("choice_logprobs", logprobs);
  return table;
}

store::Table loss_curve(std::size_t steps, const std::string& arm, std::uint64_t seed) {
  Generator random(stream(arm, seed, "training"));
  store::Ints step;
  store::Doubles loss;
  for (std::size_t i = 1; i <= steps; ++i) {
    step.push_back(static_cast<std::int64_t>(i));
    loss.push_back(0.05 + 1.8 * std::exp(-static_cast<double>(i) / 25) + 0.15 * uniform(random));
  }
  store::Table table;
  table.add("step", step);
  table.add("loss", loss);
  return table;
}

Json config_of(const SyntheticOptions& options) {
  const Json prompt = {{"shots", 3}, {"template", "chat"}};
  Json config;
  config["study"] = {
      {"name", options.name}, {"seeds", options.seeds}, {"data_seed", options.data_seed}};
  config["study"]["tasks"] = Json::array();
  if (options.spider > 0) config["study"]["tasks"].push_back("spider");
  if (options.mmlu > 0) config["study"]["tasks"].push_back("mmlu");
  config["study"]["primary"] = "exec";
  config["spider"] = {{"questions", options.spider}};
  config["mmlu"] = {{"questions", options.mmlu}};
  for (const std::string& arm : options.arms) {
    config["arms"][arm] = {{"spider", prompt}, {"mmlu", {{"shots", 4}, {"template", "plain"}}}};
  }
  config["hashes"] = {{"spider_sha256", sha256(std::to_string(options.data_seed))},
                      {"model_weights_sha256", sha256("weights")}};
  return config;
}

}  // namespace

store::Predictions synthetic_study(const SyntheticOptions& options) {
  static constexpr double kSpider[] = {0.30, 0.36, 0.45, 0.50}, kMmlu[] = {0.46, 0.455, 0.44, 0.43};
  store::Predictions out;
  out.config = config_of(options);
  out.commit = "0123456789abcdef0123456789abcdef01234567";
  out.versions = {{"tradeoff", "0.1.0"}, {"spider_prompt", "1"}, {"mmlu_prompt", "1"}};
  if (options.spider > 0) out.items["spider"] = spider_items(options);
  if (options.mmlu > 0) out.items["mmlu"] = mmlu_items(options);
  for (std::size_t a = 0; a < options.arms.size(); ++a) {
    const std::string& arm = options.arms[a];
    // Known arms keep their rates in a file that holds them alone.
    const std::vector<std::string> known = {"base", "qlora-50", "qlora-200"};
    const auto at = std::ranges::find(known, arm);
    const std::size_t place = at == known.end() ? std::min<std::size_t>(a, 3)
                                                : static_cast<std::size_t>(at - known.begin());
    for (const std::uint64_t seed : options.seeds) {
      if (options.spider > 0) {
        store::Run run = spider_run(options, out.items["spider"], kSpider[place], arm, seed);
        run.attributes["prompts_sha256"] =
            sha256(fmt::format("spider {} {}", options.data_seed, seed));
        out.runs[{arm, seed, "spider"}] = std::move(run);
      }
      const bool once = arm == "base";
      if (options.mmlu > 0 && (!once || seed == options.seeds.front())) {
        store::Run run{
            mmlu_rows(options, out.items["mmlu"], kMmlu[place], arm, once ? 0 : seed), {}, {}};
        run.attributes["prompts_sha256"] = sha256(fmt::format("mmlu {}", options.data_seed));
        if (once) run.attributes["computed_once"] = std::string("no random stream reaches it");
        out.runs[{arm, seed, "mmlu"}] = std::move(run);
      }
      if (!once && options.training_steps > 0) {
        const auto own = options.steps_of.find(arm);
        const std::size_t steps =
            own == options.steps_of.end() ? options.training_steps : own->second;
        out.training[{arm, seed}] = loss_curve(steps, arm, seed);
      }
    }
  }
  // Runs of a seed share their prompts: an instruction with examples, then the question.
  for (const auto& [key, run] : out.runs) {
    const auto& hash = std::get<std::string>(run.attributes.at("prompts_sha256"));
    std::vector<std::string> texts;
    for (const std::string& question : out.items[key.task].at<store::Strings>("question")) {
      texts.push_back("Answer the quéstion 🙂 " + hash + "\n" + question + "\nAnswer:");
    }
    out.summary[results::prompt_table_name(hash)] = results::prompt_table(texts);
  }
  std::vector<stats::TaskFloors> floors;
  if (options.spider > 0) {
    floors.push_back({"spider",
                      {{"always_empty", options.spider / 12, options.spider},
                       {"gold_as_prediction", options.spider, options.spider}}});
  }
  if (options.mmlu > 0) {
    floors.push_back(
        {"mmlu", stats::letter_floors(out.items["mmlu"].at<store::Strings>("answer"))});
  }
  stats::PairOptions few_draws;
  few_draws.bootstrap.draws = 100;
  const auto summary =
      stats::reduce(results::score_tables(out, results::Primary::exec), floors, few_draws);
  out.summary = results::summary_tables(out, summary);
  return out;
}

void write_synthetic(const std::filesystem::path& folder, const SyntheticOptions& options) {
  std::filesystem::create_directories(folder);
  const store::Predictions study = synthetic_study(options);
  store::write_predictions(folder / "predictions.h5", study);
  std::ofstream ledger(folder / "ledger.jsonl");
  for (const auto& [key, run] : study.runs) {
    const auto n = static_cast<std::int64_t>(run.rows.rows());
    const Json row = {{"arm", key.arm},
                      {"seed", key.seed},
                      {"task", key.task},
                      {"questions", n},
                      {"prompt_tokens", 600 * n},
                      {"new_tokens", key.task == "spider" ? 50 * n : 0},
                      {"seconds", 0.2 * static_cast<double>(n)},
                      {"ranks", 2}};
    ledger << to_line(row) << "\n";
  }
  for (const auto& [cell, curve] : study.training) {
    const Json row = {{"arm", cell.first},
                      {"seed", cell.second},
                      {"task", "training"},
                      {"seconds", 3.5 * static_cast<double>(curve.rows())},
                      {"ranks", 2}};
    ledger << to_line(row) << "\n";
  }
}

}  // namespace tradeoff::report
