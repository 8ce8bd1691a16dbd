#include "tradeoff/report/page/write.hpp"

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/report/page/tables.hpp"

namespace tradeoff::report {

void write_reports(const std::filesystem::path& output_dir, const Study& study,
                   const Analysis& analysis) {
  write_atomically(output_dir / "report.md", markdown(study, analysis));
  write_atomically(output_dir / "report.json", to_lines(report_json(study, analysis)));
  write_atomically(output_dir / "report.html", html(study, analysis));
}

}  // namespace tradeoff::report
