// Coverage and false positives of what a report prints, by simulation with a known truth.
//
// usage: stats_simulation [STUDIES, 4000 if not given]
#include <array>
#include <cstdio>
#include <cstdlib>

#include "probit_study.hpp"

namespace tradeoff::stats {
namespace {

struct Scenario {
  const char* name;
  double run, failing, base;
  std::size_t samples = 1;
};

// Of a sampled answer, beside question x seed: as much as both are of a greedy one.
constexpr double kSampling = 0.6;

void apply(const Scenario& scenario, ProbitDesign& design) {
  design.run = scenario.run;
  design.failing = scenario.failing;
  design.base = scenario.base;
  design.samples = scenario.samples;
  design.sampling = scenario.samples > 1 ? kSampling : 0;
}

constexpr Scenario kScenarios[] = {
    {"runs alike", 0, 0, 0.45},          {"runs sd 2 points", 0.09, 0, 0.45},
    {"runs sd 5 points", 0.22, 0, 0.45}, {"one run in ten fails", 0.09, 0.1, 0.45},
    {"accuracy 3 %", 0.09, 0, 0.03},     {"5 samples, sd 2 points", 0.09, 0, 0.45, 5}};

// Outside these a cell is marked: coverage 95 +- 2 %, false positives at most 6.5 %.
const char* mark(double covered) {
  return covered < 0.93 ? " LOW" : covered > 0.97 ? " wide" : "";
}

void print_cell(const char* task, ProbitDesign design, const Scenario& scenario, std::size_t items,
                int studies) {
  apply(scenario, design);
  const ProbitShares none = simulate(design, studies, 20270);
  design.delta = 0.04;
  const ProbitShares four = simulate(design, studies, 20271);
  std::printf("%-7s %5zu %5zu %-26s %5.1f%-5s %5.1f%-5s %5.1f%-5s %5.1f%-5s %5.1f%-5s", task, items,
              design.seeds, scenario.name, 100 * none.covered, mark(none.covered),
              100 * four.covered, mark(four.covered), 100 * none.base_covered,
              mark(none.base_covered), 100 * none.trained_covered, mark(none.trained_covered),
              100 * none.called, none.called > 0.065 ? " HIGH" : "");
  std::printf(" %5.1f%-5s %5.1f %5.2f\n", 100 * none.without_covered, mark(none.without_covered),
              100 * none.named, 100 * none.misnamed);
  std::fflush(stdout);
}

void print_table(int studies) {
  std::printf(
      "%d studies a cell; 95 %% intervals hold the truth in %%, p < 0.05 without a "
      "difference in %%\n",
      studies);
  std::printf("%-7s %5s %5s %-26s %-10s %-10s %-10s %-10s %-10s %-10s %5s %s\n", "task", "items",
              "seeds", "scenario", "diff 0", "diff 4", "base", "trained", "called", "without",
              "named", "wrongly");
  for (const std::size_t items : {1034, 200}) {
    for (const std::size_t seeds : {1, 2, 3, 5}) {
      for (const Scenario& scenario : kScenarios) {
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
}

// A study of `items` questions on both tasks, the base on MMLU computed once.
std::array<ProbitDesign, 2> both_tasks(std::size_t items, std::size_t seeds,
                                       const Scenario& scenario) {
  ProbitDesign spider;
  spider.sizes = scaled_sizes(kSpiderSizes, items);
  spider.seeds = seeds;
  apply(scenario, spider);
  ProbitDesign mmlu = spider;
  mmlu.sizes = scaled_sizes(kMmluSizes, items);
  mmlu.once = true;
  return {spider, mmlu};
}

void print_families(int studies) {
  std::printf("\nany Holm p < 0.05 of base and two trained arms on both tasks, no difference:\n");
  for (const std::size_t items : {1034, 200}) {
    for (const std::size_t seeds : {3, 5}) {
      for (const Scenario& scenario : kScenarios) {
        const auto [spider, mmlu] = both_tasks(items, seeds, scenario);
        const double error = family_wise_error(spider, mmlu, studies / 2, 20272);
        std::printf("%5zu items, %zu seeds, %-26s %5.1f%s\n", items, seeds, scenario.name,
                    100 * error, error > 0.065 ? " HIGH" : "");
        std::fflush(stdout);
      }
    }
  }
}

void print_looks(int studies) {
  std::printf(
      "\nmissing the truth at any look from 3 to 22 seeds: the sequence, the fixed interval, %%\n");
  for (const std::size_t items : {1034, 200}) {
    for (const Scenario& scenario :
         {Scenario{"runs alike", 0, 0, 0.45}, Scenario{"runs sd 2 points", 0.09, 0, 0.45},
          Scenario{"runs sd 5 points", 0.22, 0, 0.45},
          Scenario{"5 samples, sd 2 points", 0.09, 0, 0.45, 5}}) {
      for (const ProbitDesign& design : both_tasks(items, 22, scenario)) {
        const double sequence = sequence_error(design, studies / 4, 20273);
        std::printf("%-7s %5zu %-26s %5.1f%-5s %5.1f\n", design.once ? "mmlu" : "spider", items,
                    scenario.name, 100 * sequence, sequence > 0.05 ? " HIGH" : "",
                    100 * looking_error(design, studies / 4, 20273));
        std::fflush(stdout);
      }
    }
  }
}

void print_posteriors(int studies) {
  std::printf("\n95 %% posterior intervals that hold the truth, %%: spider +6, mmlu -2 points\n");
  for (const std::size_t items : {1034, 200}) {
    for (const std::size_t seeds : {3, 5}) {
      for (const Scenario& scenario :
           {Scenario{"runs alike", 0, 0, 0.45}, Scenario{"runs sd 2 points", 0.09, 0, 0.45},
            Scenario{"runs sd 5 points", 0.22, 0, 0.45}, Scenario{"accuracy 3 %", 0.09, 0, 0.03},
            Scenario{"5 samples, sd 2 points", 0.09, 0, 0.45, 5}}) {
        auto [spider, mmlu] = both_tasks(items, seeds, scenario);
        spider.delta = 0.06;
        mmlu.delta = -0.02;
        const PosteriorShares got = simulate_posterior(spider, mmlu, studies / 2, 20274);
        std::printf("%5zu items, %zu seeds, %-26s %5.1f%-5s %5.1f%s\n", items, seeds, scenario.name,
                    100 * got.x_covered, mark(got.x_covered), 100 * got.y_covered,
                    mark(got.y_covered));
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
  tradeoff::stats::print_families(studies);
  tradeoff::stats::print_looks(studies);
  tradeoff::stats::print_posteriors(studies);
}
