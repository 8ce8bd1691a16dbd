#include "rope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <string>

#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

double number(const Json& json, const char* key, double least, bool above = false) {
  const auto value = field<double>(json, key);
  if (!std::isfinite(value) || value < least || (above && value == least)) {
    fail(fmt::format("key \"{}\": found {}, expected a number {} {}", key, to_line(json.at(key)),
                     above ? "above" : "of at least", least));
  }
  return value;
}
double number_or(const Json& json, const char* key, double fallback, double least) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? fallback : number(json, key, least);
}

std::vector<float> frequencies_of(double theta, std::int64_t rotary) {
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < rotary / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary);
    frequencies.push_back(1.0f / std::pow(static_cast<float>(theta), exponent));
  }
  return frequencies;
}

// Llama 3.1: long wavelengths are stretched by `factor`, those between smoothly.
void scale_llama3(const Json& json, Rope& rope) {
  const double factor = number(json, "factor", 1), low = number(json, "low_freq_factor", 0, true),
               high = number(json, "high_freq_factor", 0, true),
               length = number(json, "original_max_position_embeddings", 0, true);
  check(high > low, "key \"high_freq_factor\": expected more than low_freq_factor");
  for (float& frequency : rope.inverse_frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < length / high) continue;
    if (wavelength > length / low) {
      frequency = static_cast<float>(frequency / factor);
    } else {
      const double smooth = (length / wavelength - low) / (high - low);
      frequency = static_cast<float>((1 - smooth) * frequency / factor + smooth * frequency);
    }
  }
}

// Peng et al. 2023, arXiv:2309.00071.
void scale_yarn(const Json& json, double theta, std::int64_t rotary, std::int64_t positions,
                Rope& rope) {
  const double length = number(json, "original_max_position_embeddings", 0, true);
  const double factor = number_or(json, "factor", static_cast<double>(positions) / length, 1);
  const auto attention = [&](double scale) {
    return factor <= 1 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0;
  };
  const double mscale = number_or(json, "mscale", 0, 0),
               all_dim = number_or(json, "mscale_all_dim", 0, 0);
  rope.attention_factor = number_or(
      json, "attention_factor",
      mscale > 0 && all_dim > 0 ? attention(mscale) / attention(all_dim) : attention(1), 0);
  const auto dim = static_cast<double>(rotary);
  const auto turn = [&](double rotations) {
    return dim * std::log(length / (rotations * 2 * std::numbers::pi)) / (2 * std::log(theta));
  };
  double low = turn(number_or(json, "beta_fast", 32, 0)),
         high = turn(number_or(json, "beta_slow", 1, 0));
  if (field_or<bool>(json, "truncate", true)) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < rope.inverse_frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const double plain = rope.inverse_frequencies[i];
    rope.inverse_frequencies[i] = static_cast<float>(plain / factor * ramp + plain * (1 - ramp));
  }
  // Ministral 3 also scales queries, by 1 up to the length it was first trained with.
  if (number_or(json, "llama_4_scaling_beta", 0, 0) > 0)
    rope.max_positions = static_cast<std::int64_t>(length);
}

// Ding et al. 2024, arXiv:2402.13753: the short factors, which hold up to the original length.
void scale_longrope(const Json& json, std::int64_t positions, Rope& rope) {
  const double length =
      number_or(json, "original_max_position_embeddings", static_cast<double>(positions), 1);
  const double factor = number_or(json, "factor", static_cast<double>(positions) / length, 0);
  rope.attention_factor =
      number_or(json, "attention_factor",
                factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(length)), 0);
  const auto factors = field<std::vector<double>>(json, "short_factor");
  check(factors.size() == rope.inverse_frequencies.size(),
        fmt::format("key \"short_factor\": found {} numbers, expected {}", factors.size(),
                    rope.inverse_frequencies.size()));
  for (std::size_t i = 0; i < factors.size(); ++i) {
    check(std::isfinite(factors[i]) && factors[i] > 0,
          "key \"short_factor\": expected numbers above 0");
    rope.inverse_frequencies[i] =
        static_cast<float>(rope.inverse_frequencies[i] / static_cast<float>(factors[i]));
  }
  rope.max_positions = static_cast<std::int64_t>(length);
}

void check_keys(const Json& json) {
  static const std::set<std::string> kKnown = {"rope_theta",
                                               "rope_type",
                                               "type",
                                               "factor",
                                               "low_freq_factor",
                                               "high_freq_factor",
                                               "original_max_position_embeddings",
                                               "max_position_embeddings",
                                               "attention_factor",
                                               "beta_fast",
                                               "beta_slow",
                                               "mscale",
                                               "mscale_all_dim",
                                               "truncate",
                                               "short_factor",
                                               "long_factor",
                                               "llama_4_scaling_beta",
                                               "alpha",
                                               "partial_rotary_factor"};
  for (const auto& [key, value] : json.items()) {
    if (!kKnown.contains(key))
      fail(fmt::format("rope parameters: key \"{}\" is not known (value {})", key, to_line(value)));
  }
}

}  // namespace

Rope make_rope(const Json& json, std::int64_t rotary, std::int64_t positions) {
  check_keys(json);
  const auto type =
      field_or<std::string>(json, "rope_type", field_or<std::string>(json, "type", "default"));
  double theta = number(json, "rope_theta", 0, true);
  const double alpha = number_or(json, "alpha", 0, 0);
  if (type == "dynamic" && alpha > 0) {
    // Hunyuan: a fixed stretch of the base.
    const auto dim = static_cast<double>(rotary);
    theta *= std::pow(alpha, dim / (dim - 2));
  }
  Rope rope;
  rope.inverse_frequencies = frequencies_of(theta, rotary);
  if (type == "linear") {
    const auto factor = static_cast<float>(number(json, "factor", 0, true));
    for (float& frequency : rope.inverse_frequencies) frequency /= factor;
  } else if (type == "llama3") {
    scale_llama3(json, rope);
  } else if (type == "yarn") {
    scale_yarn(json, theta, rotary, positions, rope);
  } else if (type == "longrope" || type == "su") {
    scale_longrope(json, positions, rope);
  } else if (type == "dynamic") {
    if (alpha <= 0) rope.max_positions = positions;
  } else if (type != "default") {
    fail("key \"rope_type\": found \"" + type +
         "\", expected default, linear, dynamic, llama3, yarn or longrope");
  }
  // Each parameter may be in its range and the whole be out of it.
  for (const float frequency : rope.inverse_frequencies) {
    check(std::isfinite(frequency) && std::isfinite(rope.attention_factor),
          "rope parameters: they give a frequency that is no number: " + to_line(json));
  }
  return rope;
}

}  // namespace tradeoff::model
