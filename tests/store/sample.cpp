// store_sample OUT.h5 N: a predictions file of N items a task whose values predictions_oracle.py
// states anew.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <limits>
#include <string>

#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::store {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string text_of(int i) {
  switch (i % 4) {
    case 0:
      return "";
    case 1:
      return "naïve “Ω” 漢字 🙂\n\ttab";
    case 2:
      return std::string(static_cast<std::size_t>(i) * 10, 'x');
    default:
      return fmt::format("SELECT name FROM t{} WHERE a = 'b'", i);
  }
}

Table spider_items(int n) {
  Strings id, question;
  for (int i = 0; i < n; ++i) {
    id.push_back(fmt::format("spider-{}", i));
    question.push_back(fmt::format("How many rows has table {}?", i));
  }
  Table table;
  table.add("id", id);
  table.add("question", question);
  return table;
}

Table spider_rows(int n, int seed) {
  Ints item, tokens;
  Strings text, outcome;
  RaggedInts token_ids;
  Flags set, exec;
  Doubles soft_f1;
  for (int i = 0; i < n; ++i) {
    item.push_back(i);
    text.push_back(text_of(i + seed));
    Ints ids;
    for (int k = 0; k < i % 5; ++k) ids.push_back(1000 * i + k);
    tokens.push_back(static_cast<std::int64_t>(ids.size()));
    token_ids.add(ids);
    set.push_back(static_cast<std::int8_t>(i % 3 - 1));
    exec.push_back(static_cast<std::int8_t>((i * seed) % 2));
    soft_f1.push_back(i % 3 == 0 ? kNan : 1.0 / (i + seed));
    outcome.push_back(i % 2 ? "ok" : "sql_error");
  }
  Table table;
  table.add("item", item);
  table.add("text", text);
  table.add("token_ids", token_ids);
  table.add("tokens", tokens);
  table.add("set", set);
  table.add("exec", exec);
  table.add("soft_f1", soft_f1);
  table.add("outcome", outcome);
  return table;
}

Table mmlu_rows(int n) {
  Ints item;
  Matrix logprobs{4, {}};
  Strings answer;
  for (int i = 0; i < n; ++i) {
    item.push_back(i);
    for (int k = 0; k < 4; ++k) logprobs.values.push_back(-1.0 / (i + k + 1));
    answer.push_back(std::string(1, "ABCD"[i % 4]));
  }
  Table table;
  table.add("item", item);
  table.add("choice_logprobs", logprobs);
  table.add("answer", answer);
  return table;
}

Predictions sample(int n) {
  Predictions predictions;
  predictions.config = {{"study", "sample"}, {"seeds", {1, 2}}, {"note", std::string(100000, 'c')}};
  predictions.commit = "0123456789abcdef";
  predictions.versions = {{"task.spider", "1"}, {"hdf5", "any"}};
  predictions.items["spider"] = spider_items(n);
  Table mmlu;
  Strings id;
  for (int i = 0; i < n; ++i) id.push_back(fmt::format("mmlu-{}", i));
  mmlu.add("id", id);
  predictions.items["mmlu"] = mmlu;
  for (const std::string arm : {"base", "qlora-50", "qlora-200"}) {
    for (const int seed : {1, 2}) {
      predictions.runs[{arm, static_cast<std::uint64_t>(seed), "spider"}] = {
          spider_rows(n, seed),
          {},
          {{"adapter", arm + "-sha"}, {"rank", std::int64_t{8}}, {"scale", 0.1}}};
    }
  }
  predictions.runs[{"base", 1, "mmlu"}] = {mmlu_rows(n), {}};
  Table curve;
  curve.add("step", Ints{1, 2, 3});
  curve.add("loss", Doubles{2.5, 1.25, 0.1});
  predictions.training[{"qlora-50", 2}] = curve;
  Table summary;
  summary.add("arm", Strings{"base", "qlora-50"});
  summary.add("accuracy", Doubles{0.52, 0.515});
  predictions.summary["spider"] = summary;
  return predictions;
}

}  // namespace
}  // namespace tradeoff::store

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    tradeoff::store::write_predictions(argv[1], tradeoff::store::sample(std::stoi(argv[2])));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
