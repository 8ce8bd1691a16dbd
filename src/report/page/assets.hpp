#pragma once
#include <string_view>

/// The files of src/report/page/assets, built in.
namespace tradeoff::report {

std::string_view asset_style();      // report.css
std::string_view asset_sql();        // sql.js, and so on: one script, in this order
std::string_view asset_tables();     // tables.js
std::string_view asset_address();    // address.js
std::string_view asset_list();       // list.js
std::string_view asset_questions();  // questions.html

}  // namespace tradeoff::report
