#include "tradeoff/report/write.hpp"

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/report/tables.hpp"

namespace tradeoff::report {

void write_reports(const std::filesystem::path& output_dir, const study::StudyResult& result) {
  write_atomically(output_dir / "report.md", markdown(result));
  write_atomically(output_dir / "report.json", report_json(result).dump(2) + "\n");
}

}  // namespace tradeoff::report
