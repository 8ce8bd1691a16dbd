// Coverage and false positives of what a report prints, by simulation with a known truth.
//
// usage: stats_simulation [STUDIES, 4000 if not given]
#include <cstdio>
#include <cstdlib>

#include "probit_study.hpp"

namespace tradeoff::stats {
namespace {

struct Scenario {
  const char* name;
  double run, failing, base;
};

// Outside these a cell is marked: coverage 95 +- 2 %, false positives at most 6.5 %.
const char* mark(double covered) {
  return covered < 0.93 ? " LOW" : covered > 0.97 ? " wide" : "";
}

void print_cell(const char* task, ProbitDesign design, const Scenario& scenario, std::size_t items,
                int studies) {
  design.run = scenario.run;
  design.failing = scenario.failing;
  design.base = scenario.base;
  const ProbitShares none = simulate(design, studies, 20270);
  design.delta = 0.04;
  const ProbitShares four = simulate(design, studies, 20271);
  std::printf("%-7s %5zu %5zu %-26s %5.1f%-5s %5.1f%-5s %5.1f%-5s %5.1f%-5s %5.1f%s\n", task, items,
              design.seeds, scenario.name, 100 * none.covered, mark(none.covered),
              100 * four.covered, mark(four.covered), 100 * none.base_covered,
              mark(none.base_covered), 100 * none.trained_covered, mark(none.trained_covered),
              100 * none.called, none.called > 0.065 ? " HIGH" : "");
  std::fflush(stdout);
}

void print_table(int studies) {
  const Scenario scenarios[] = {{"runs alike", 0, 0, 0.45},
                                {"runs sd 2 points", 0.09, 0, 0.45},
                                {"runs sd 5 points", 0.22, 0, 0.45},
                                {"one run in ten fails", 0.09, 0.1, 0.45},
                                {"accuracy 3 %", 0.09, 0, 0.03}};
  std::printf(
      "%d studies a cell; 95 %% intervals hold the truth in %%, p < 0.05 without a "
      "difference in %%\n",
      studies);
  std::printf("%-7s %5s %5s %-26s %-10s %-10s %-10s %-10s %s\n", "task", "items", "seeds",
              "scenario", "diff 0", "diff 4", "base", "trained", "called");
  for (const std::size_t items : {1034, 200}) {
    for (const std::size_t seeds : {1, 2, 3, 5}) {
      for (const Scenario& scenario : scenarios) {
        ProbitDesign spider;
        spider.sizes = scaled_sizes(kSpiderSizes, items);
        spider.seeds = seeds;
        ProbitDesign mmlu = spider;
        mmlu.sizes = scaled_sizes(kMmluSizes, items);
        mmlu.cluster = 0.3;
        mmlu.arm_cluster = 0.1;
        mmlu.once = true;
        Scenario one = scenario;
        if (seeds == 1) {
          // One seed stands for these runs and draws alone, so that they must not differ.
          if (scenario.run > 0 && scenario.base > 0.1) continue;
          one.run = spider.draw = 0;
        }
        print_cell("spider", spider, one, items, studies);
        print_cell("mmlu", mmlu, one, items, studies);
      }
    }
  }
  std::printf("\nany Holm p < 0.05 of base and two trained arms on both tasks, no difference:\n");
  for (const std::size_t items : {1034, 200}) {
    for (const std::size_t seeds : {3, 5}) {
      for (const Scenario& scenario : scenarios) {
        ProbitDesign spider;
        spider.sizes = scaled_sizes(kSpiderSizes, items);
        spider.seeds = seeds;
        spider.run = scenario.run;
        spider.failing = scenario.failing;
        spider.base = scenario.base;
        ProbitDesign mmlu = spider;
        mmlu.sizes = scaled_sizes(kMmluSizes, items);
        mmlu.once = true;
        const double error = family_wise_error(spider, mmlu, studies / 2, 20272);
        std::printf("%5zu items, %zu seeds, %-26s %5.1f%s\n", items, seeds, scenario.name,
                    100 * error, error > 0.065 ? " HIGH" : "");
        std::fflush(stdout);
      }
    }
  }
}

}  // namespace
}  // namespace tradeoff::stats

int main(int argc, char** argv) {
  const int studies = argc > 1 ? std::atoi(argv[1]) : 4000;
  if (argc > 2 || studies < 2) {
    std::fprintf(stderr, "usage: stats_simulation [STUDIES, at least 2]\n");
    return 2;
  }
  tradeoff::stats::print_table(studies);
}
