#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::report {

/// A drawing in the page: colours come from the style sheet by class names, so that dark mode and
/// print need nothing here. Coordinates are pixels of the view box; text is escaped.
class Svg {
 public:
  /// `title` and `description` are what a screen reader says instead.
  Svg(double width, double height, std::string_view title, std::string_view description);
  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void circle(double x, double y, double radius, std::string_view style, std::string_view tip = "");
  /// strength: 0 to 1, which the style sheet makes a depth of colour.
  void rect(double x, double y, double width, double height, std::string_view style,
            std::string_view tip = "", std::optional<double> strength = {});
  /// anchor: "start", "middle" or "end".
  void text(double x, double y, std::string_view words, std::string_view style,
            std::string_view anchor = "start");
  void path(const std::vector<std::array<double, 2>>& points, bool closed, std::string_view style,
            std::string_view tip = "");
  /// Words upwards along a vertical axis.
  void vertical_text(double x, double y, std::string_view words, std::string_view style);
  std::string finish() const;

 private:
  std::string head_, body_;
};

/// A linear scale between data and pixels.
struct Scale {
  double low = 0, high = 1, from = 0, to = 1;
  double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

/// The scale that holds every one of `values` with some room, ends at round numbers; never empty.
Scale scale_around(const std::vector<double>& values, double from, double to);
/// The same for values of 0 to 100 %, whose axis goes no further.
Scale percent_scale(const std::vector<double>& values, double from, double to);
/// About `count` round numbers within the scale.
std::vector<double> ticks(const Scale& scale, int count);
/// A tick's number, with as many decimals as the ticks' distance needs.
std::string tick_text(double value, const std::vector<double>& all);

/// Every drawing is so wide, in units of its view box: on a telephone (366 px) its letters, which
/// the style sheet sets larger there, can still be read.
inline constexpr double kFigureWidth = 460;
/// Characters that fit beside a plot's left edge at that size, in `kLabelWidth` units.
inline constexpr double kLabelWidth = 152;
inline constexpr std::size_t kLabelLetters = 22;

/// `text`, its middle left out where it has more than `most` characters.
std::string shortened(std::string_view text, std::size_t most = kLabelLetters);
/// Each shortened; those that would then look alike keep their ends instead.
std::vector<std::string> shortened_apart(const std::vector<std::string>& texts, std::size_t most);

/// The plot's area within a drawing.
struct Frame {
  double left = 0, right = 0, top = 0, bottom = 0;
};
/// Names beside points: on the side where the plot has room, and not over an earlier name.
class PointNames {
 public:
  PointNames(Svg& svg, const Frame& frame) : svg_(svg), frame_(frame) {}
  void add(double x, double y, std::string_view name);

 private:
  struct Box {
    double left, right, base;
  };
  bool free(const Box& box) const;

  Svg& svg_;
  Frame frame_;
  std::vector<Box> taken_;
};
/// Lines and numbers of two axes, and what they are.
void draw_axes(Svg& svg, const Frame& frame, const Scale& x, const Scale& y,
               std::string_view x_words, std::string_view y_words);

}  // namespace tradeoff::report
