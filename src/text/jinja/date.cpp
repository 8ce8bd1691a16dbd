#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

#include "library.hpp"

namespace tradeoff::text::jinja {

std::string format_date(const std::string& date, const std::string& format) {
  int year = 0, month = 0, day = 0;
  const auto part = [&](std::size_t at, std::size_t size, int& number) {
    const char* end = date.data() + at + size;
    return std::from_chars(date.data() + at, end, number).ptr == end;
  };
  const bool digits = date.size() == 10 && date[4] == '-' && date[7] == '-' && part(0, 4, year) &&
                      part(5, 2, month) && part(8, 2, day);
  const std::chrono::year_month_day when{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!digits || !when.ok())
    refuse("template_date: found \"" + date + "\", expected a day as YYYY-MM-DD");
  static constexpr std::array kMonths = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
  static constexpr std::array kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
  const std::string month_name = kMonths[static_cast<std::size_t>(month - 1)];
  const std::string day_name =
      kDays[std::chrono::weekday(std::chrono::sys_days(when)).c_encoding()];
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    const char letter = ++i < format.size() ? format[i] : ' ';
    // clang-format off
    switch (letter) {
      case 'd': text += fmt::format("{:02}", day); break;
      case 'm': text += fmt::format("{:02}", month); break;
      case 'Y': text += std::to_string(year); break;
      case 'y': text += fmt::format("{:02}", year % 100); break;
      case 'B': text += month_name; break;
      case 'b': text += month_name.substr(0, 3); break;
      case 'A': text += day_name; break;
      case 'a': text += day_name.substr(0, 3); break;
      case 'F': text += date; break;
      case 'H': case 'M': case 'S': text += "00"; break;
      case '%': text += '%'; break;
      default: refuse(std::string("strftime_now: found %") + letter + ", which is not supported");
    }
    // clang-format on
  }
  return text;
}

}  // namespace tradeoff::text::jinja
