#include <cstdio>
#include <exception>
#include <string>

#include "synthetic_study.hpp"

// report_synthetic FOLDER SEEDS SPIDER MMLU [NAME [SAMPLES]]
int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: report_synthetic FOLDER SEEDS SPIDER MMLU [NAME [SAMPLES]]\n");
    return 2;
  }
  try {
    tradeoff::report::SyntheticOptions options;
    options.steps_of = {{"qlora-50", 50}};
    options.seeds.clear();
    for (std::uint64_t seed = 1; seed <= std::stoull(argv[2]); ++seed)
      options.seeds.push_back(seed);
    options.spider = std::stoull(argv[3]);
    options.mmlu = std::stoull(argv[4]);
    if (argc > 5) options.name = argv[5];
    if (argc > 6) options.samples = std::stoull(argv[6]);
    tradeoff::report::write_synthetic(argv[1], options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "report_synthetic: %s\n", error.what());
    return 1;
  }
}
