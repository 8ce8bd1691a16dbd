#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <exception>

#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/report/page/write.hpp"

// report_files FOLDER [--exports]: what `tradeoff report FOLDER` does, and on standard output what
// it took: processor seconds and the peak of memory.
int main(int argc, char** argv) {
  using namespace tradeoff::report;
  if (argc < 2) {
    std::fprintf(stderr, "usage: report_files FOLDER [--exports]\n");
    return 2;
  }
  try {
    const std::filesystem::path folder = argv[1], files[] = {folder / "predictions.h5"};
    const Study study = read_study(files);
    const Analysis analysis = analyse(study);
    write_reports(folder, study, analysis);
    if (argc > 2) write_exports(folder / "export", study, analysis);
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    fmt::print("{{\"cpu_s\": {:.3f}, \"peak_mib\": {:.1f}}}\n",
               seconds(used.ru_utime) + seconds(used.ru_stime),
               static_cast<double>(used.ru_maxrss) / 1024);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "report_files: %s\n", error.what());
    return 1;
  }
}
