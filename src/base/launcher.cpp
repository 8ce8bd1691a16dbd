#include "tradeoff/base/launcher.hpp"

#include <charconv>
#include <cstdlib>

namespace tradeoff {
namespace {

struct Launcher {
  Launch::By by;
  std::string_view rank, size;
  // Whether the size alone tells: an allocation of Slurm also has it for ranks of another launcher.
  bool size_tells;
};
// The first that is found: mpirun in a job of Slurm leaves that one's variables to its ranks, and
// gives them PMIx's as well.
constexpr Launcher kLaunchers[] = {
    {Launch::By::mpirun, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", true},
    {Launch::By::srun_pmix, "PMIX_RANK", "SLURM_NTASKS", false},
    {Launch::By::other_mpi, "PMI_RANK", "PMI_SIZE", true},
    {Launch::By::slurm_alone, "SLURM_PROCID", "SLURM_NTASKS", true}};

// Names here are literals.
const char* text_of(std::string_view name) {
  return std::getenv(name.data());
}

int number_of(std::string_view name, int fallback) {
  const char* const text = text_of(name);
  const std::string_view digits = text ? text : "";
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole ? value : fallback;
}

}  // namespace

Launch launch_of_environment() {
  for (const Launcher& known : kLaunchers) {
    const bool has_rank = text_of(known.rank) != nullptr;
    if (!has_rank && !(known.size_tells && text_of(known.size))) continue;
    const char* const name = text_of("PMIX_NAMESPACE");
    return {known.by,
            has_rank ? known.rank : known.size,
            known.size,
            number_of(known.rank, 0),
            number_of(known.size, 1),
            name ? name : ""};
  }
  return {};
}

bool in_allocation() {
  for (const std::string_view variable :
       {"SLURM_JOB_ID", "PBS_NODEFILE", "LSB_HOSTS", "PE_HOSTFILE"})
    if (text_of(variable)) return true;
  return false;
}

}  // namespace tradeoff
