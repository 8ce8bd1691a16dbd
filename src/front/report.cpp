#include <fmt/format.h>

#include <memory>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_report.hpp"
#include "tradeoff/front/commands.hpp"
#include "tradeoff/front/exit_codes.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/report/files/select.hpp"
#include "tradeoff/report/page/tables.hpp"
#include "tradeoff/report/page/write.hpp"

namespace tradeoff::front {
namespace {

namespace fs = std::filesystem;

void write_report(report::ReportOptions options) {
  for (fs::path& file : options.files) {
    if (fs::is_directory(file)) file /= "predictions.h5";
  }
  report::Study study = report::read_study(options.files);
  report::select(study, options.selection);
  const report::Analysis analysis = report::analyse(study);
  if (options.output_dir.empty()) options.output_dir = fs::absolute(options.files[0]).parent_path();
  fs::create_directories(options.output_dir);
  if (options.exports) report::write_exports(options.output_dir / "export", study, analysis);
  report::write_reports(options.output_dir, study, analysis);
  if (!log::quiet()) fmt::print("{}", report::markdown(study, analysis));
  log::info("wrote {}/report.html, report.md, report.json", options.output_dir.string());
}

}  // namespace

std::function<int()> report_of(std::span<const std::string> words) {
  auto options = std::make_shared<report::ReportOptions>();
  bool quiet = false;
  config::OptionTable table;
  bind(table, *options);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  if (!config::parse_command_line(
          {"report", "Reduces one study's predictions.h5 and writes its report and exports.",
           "tradeoff report results/demo --arms base,qlora-200"},
          table, words))
    return {};
  if (options->files.size() > 1 && options->output_dir.empty()) {
    throw config::UsageError(
        "several files and no --output-dir; expected the folder where their common report goes");
  }
  return [options, quiet] {
    log::configure(quiet ? log::Level::quiet : log::Level::normal, "");
    write_report(*options);
    return kComplete;
  };
}

}  // namespace tradeoff::front
