#pragma once
#include <string_view>

/// The files of src/report/page/assets, built in.
namespace tradeoff::report {

std::string_view asset_style();      // report.css
std::string_view asset_script();     // report.js
std::string_view asset_questions();  // questions.html

}  // namespace tradeoff::report
