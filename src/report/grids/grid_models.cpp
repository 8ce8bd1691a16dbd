#include <fmt/format.h>

#include "grids/grids.hpp"

namespace tradeoff::report {
namespace {

// The object `key` of `of`; an empty one where there is none.
Json part(const Json& of, const char* key) {
  const auto found = of.is_object() ? of.find(key) : of.end();
  return found != of.end() && found->is_object() ? *found : Json::object();
}

std::string text(const Json& of, const char* key, const std::string& otherwise) {
  const auto found = of.find(key);
  return found != of.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

// "NF4, computed in bfloat16".
std::string weights_text(const Json& model) {
  const std::string stored = text(model, "quantization", "none");
  return fmt::format("{}, computed in {}", stored == "nf4" ? "NF4" : "not quantised",
                     text(model, "dtype", "a type that was not recorded"));
}

std::string adapter_text(const Json& arm) {
  const Json given = part(arm, "adapter"), from = part(arm, "init_adapter"),
             train = part(arm, "train");
  if (!given.empty()) return "adapter " + text(given, "name", "without a name");
  if (train.empty()) return "none";
  const auto number = [&](const char* key) {
    return train.contains(key) ? to_line(train[key]) : std::string("?");
  };
  const bool by_steps = train.contains("max_steps") && train["max_steps"] != 0;
  const std::string length =
      by_steps ? number("max_steps") + " steps" : number("num_train_epochs") + " epochs";
  return fmt::format("trained here, r {}, {}{}", number("lora_r"), length,
                     from.empty() ? "" : ", from adapter " + text(from, "name", "without a name"));
}

}  // namespace

Grid models_grid(const Study& study, const Analysis& analysis) {
  Grid grid{"What each arm is.",
            "Names are those of the folders; what is in them is told by the hashes of the "
            "resolved configuration.",
            {"arm", "model", "weights", "adapter"},
            4,
            {},
            {}};
  const Json& config = study.predictions.config;
  Json shared = part(config, "model");
  for (const char* key : {"dtype", "quantization"})
    if (config.contains(key)) shared[key] = config[key];
  const Json arms = part(config, "arms");
  for (const std::string& name : analysis.arms) {
    const Json arm = part(arms, name.c_str());
    const Json own = part(arm, "model");
    const Json& model = own.empty() ? shared : own;
    grid.rows.push_back(
        {name, text(model, "name", "not recorded"), weights_text(model), adapter_text(arm)});
  }
  return grid;
}

}  // namespace tradeoff::report
