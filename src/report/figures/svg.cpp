#include "svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "grids/grid.hpp"

namespace tradeoff::report {
namespace {

std::string end_of(std::string_view element, std::string_view tip) {
  if (tip.empty()) return "/>\n";
  return fmt::format("><title>{}</title></{}>\n", escape_html(tip), element);
}

// 1, 2 or 5 times a power of ten, at least `wanted`.
double round_step(double wanted) {
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= wanted * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

Svg::Svg(double width, double height, std::string_view title, std::string_view description)
    : head_(fmt::format("<svg viewBox=\"0 0 {:g} {:g}\" style=\"--w:{:g}px\" role=\"img\">"
                        "<title>{}</title><desc>{}</desc>\n",
                        width, height, width, escape_html(title), escape_html(description))) {}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view style) {
  body_ +=
      fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                  style, x1, y1, x2, y2);
}

void Svg::circle(double x, double y, double radius, std::string_view style, std::string_view tip) {
  body_ += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\"{}", style, x, y,
                       radius, end_of("circle", tip));
}

void Svg::rect(double x, double y, double width, double height, std::string_view style,
               std::string_view tip, std::optional<double> strength) {
  const std::string depth = strength ? fmt::format(" style=\"--s:{:.2f}\"", *strength) : "";
  body_ += fmt::format(
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"{}{}", style,
      x, y, width, height, depth, end_of("rect", tip));
}

void Svg::text(double x, double y, std::string_view words, std::string_view style,
               std::string_view anchor) {
  body_ +=
      fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
                  style, x, y, anchor, escape_html(words));
}

void Svg::vertical_text(double x, double y, std::string_view words, std::string_view style) {
  body_ += fmt::format(
      "<text class=\"{}\" text-anchor=\"middle\" transform=\"translate({:.1f} {:.1f}) "
      "rotate(-90)\">{}"
      "</text>\n",
      style, x, y, escape_html(words));
}

void Svg::path(const std::vector<std::array<double, 2>>& points, bool closed,
               std::string_view style, std::string_view tip) {
  std::string d;
  for (const auto& [x, y] : points)
    d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? "M" : "L", x, y);
  if (closed) d += "Z";
  body_ += fmt::format("<path class=\"{}\" d=\"{}\"{}", style, d, end_of("path", tip));
}

std::string Svg::finish() const {
  return head_ + body_ + "</svg>\n";
}

Scale scale_around(const std::vector<double>& values, double from, double to) {
  double low = 0, high = 0;
  if (!values.empty()) {
    low = *std::ranges::min_element(values);
    high = *std::ranges::max_element(values);
  }
  if (high - low < 1e-9) {
    low -= 1;
    high += 1;
  }
  const double room = 0.06 * (high - low), step = round_step((high - low) / 8);
  return {std::floor((low - room) / step) * step, std::ceil((high + room) / step) * step, from, to};
}

Scale percent_scale(const std::vector<double>& values, double from, double to) {
  Scale scale = scale_around(values, from, to);
  scale.low = std::max(scale.low, 0.0);
  scale.high = std::min(scale.high, 100.0);
  return scale;
}

std::vector<double> ticks(const Scale& scale, int count) {
  const double step = round_step((scale.high - scale.low) / count);
  std::vector<double> out;
  const auto first = static_cast<long>(std::ceil(scale.low / step - 1e-9));
  const auto last = static_cast<long>(std::floor(scale.high / step + 1e-9));
  for (long i = first; i <= last; ++i) out.push_back(static_cast<double>(i) * step);
  return out;
}

std::string tick_text(double value, const std::vector<double>& all) {
  const double step = all.size() > 1 ? all[1] - all[0] : 1;
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
  return fmt::format("{:.{}f}", value == 0 ? 0.0 : value, decimals);
}

namespace {

// The first `front` and the last `back` characters.
std::string ends_of(std::string_view text, std::size_t front, std::size_t back) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const auto letters = static_cast<std::size_t>(std::ranges::count_if(text, begins));
  if (letters <= front + 1 + back) return std::string(text);
  std::string out, end;
  std::size_t seen = 0;
  for (const char c : text) {
    if (begins(c)) ++seen;
    if (seen <= front) out += c;
    if (seen > letters - back) end += c;
  }
  return out + "…" + end;
}

}  // namespace

std::string shortened(std::string_view text, std::size_t most) {
  return ends_of(text, most / 2, most - most / 2 - 1);
}

std::vector<std::string> shortened_apart(const std::vector<std::string>& texts, std::size_t most) {
  std::vector<std::string> out;
  for (const std::string& text : texts) out.push_back(shortened(text, most));
  const std::vector<std::string> alike = out;
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (std::ranges::count(alike, alike[i]) > 1) out[i] = ends_of(texts[i], 0, most - 1);
  return out;
}

bool PointNames::free(const Box& box) const {
  constexpr double kLine = 13;
  return std::ranges::none_of(taken_, [&](const Box& other) {
    return box.left < other.right && other.left < box.right &&
           std::abs(box.base - other.base) < kLine;
  });
}

void PointNames::add(double x, double y, std::string_view name) {
  constexpr double kLetter = 7, kAway = 7;  // a letter's width at most; from the point
  const std::string words = shortened(name);
  const double width = kLetter * static_cast<double>(words.size());
  const bool end = x > frame_.right - 80;
  Box box{end ? x - kAway - width : x + kAway, end ? x - kAway : x + kAway + width, 0};
  // Above the point, below it, and on in both directions.
  for (const double dy : {-6.0, 14.0, -19.0, 27.0, -32.0, 40.0}) {
    box.base = y + dy;
    const bool inside = box.base > frame_.top + 6 && box.base < frame_.bottom;
    if (inside && free(box)) break;
  }
  taken_.push_back(box);
  svg_.text(end ? box.right : box.left, box.base, words, "label", end ? "end" : "start");
}

void draw_axes(Svg& svg, const Frame& frame, const Scale& x, const Scale& y,
               std::string_view x_words, std::string_view y_words) {
  const auto x_marks = ticks(x, 6), y_marks = ticks(y, 6);
  for (const double t : x_marks) {
    svg.line(x.at(t), frame.top, x.at(t), frame.bottom, "rule");
    svg.text(x.at(t), frame.bottom + 15, tick_text(t, x_marks), "tick", "middle");
  }
  for (const double t : y_marks) {
    svg.line(frame.left, y.at(t), frame.right, y.at(t), "rule");
    svg.text(frame.left - 5, y.at(t) + 4, tick_text(t, y_marks), "tick", "end");
  }
  svg.text((frame.left + frame.right) / 2, frame.bottom + 32, x_words, "axis", "middle");
  svg.vertical_text(12, (frame.top + frame.bottom) / 2, y_words, "axis");
}

}  // namespace tradeoff::report
