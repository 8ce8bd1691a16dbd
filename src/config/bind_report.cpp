#include "tradeoff/config/bind_report.hpp"

namespace tradeoff::config {

void bind(Table& table, report::ReportOptions& options) {
  table
      .add("files", &options.files,
           "predictions.h5 of one study, or folders that hold one; several are put together",
           {"predictions"})
      .required()
      .local()
      .placeholder("F.h5");
  table.positional("files");
  table
      .add("output_dir", &options.output_dir,
           "Where report.html, report.md, report.json and export/ go; the file's folder where there "
           "is one file",
           {"out"})
      .local()
      .placeholder("DIR");
  table.add("exports", &options.exports, "Write export/ too: official, lm-eval's and CSV files")
      .local();
}

}  // namespace tradeoff::config
