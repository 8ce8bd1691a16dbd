#pragma once
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// The development questions that the project ships.
namespace tradeoff::sql {

inline const std::filesystem::path kSpider =
    std::filesystem::path(TRADEOFF_SOURCE_DIR) / "jobs/data/spider";

struct GoldLine {
  std::string sql, db_id;
};

/// dev_gold.sql, 1,034 lines.
inline std::vector<GoldLine> dev_golds() {
  std::vector<GoldLine> golds;
  std::ifstream in(kSpider / "dev_gold.sql");
  for (std::string line; std::getline(in, line);) {
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos) golds.push_back({line.substr(0, tab), line.substr(tab + 1)});
  }
  return golds;
}

}  // namespace tradeoff::sql
