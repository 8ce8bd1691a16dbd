#pragma once
#include <string>
#include <string_view>

namespace tradeoff {

/// How this process was started, as its environment tells before MPI is there.
struct Launch {
  enum class By {
    nobody,
    mpirun,       // Open MPI's
    srun_pmix,    // srun --mpi=pmix
    other_mpi,    // a launcher whose ranks this program's MPI cannot join
    slurm_alone,  // a task of Slurm that knows nothing of MPI, also the script of a job
  };

  By by = By::nobody;
  // The variable that told, and the one that has the number of ranks; empty for nobody.
  std::string_view variable, size_variable;
  // 0 of 1 where no variable says otherwise.
  int rank = 0, ranks = 1;
  // The launch's name, equal for all its ranks; empty where it has none.
  std::string name;

  /// A rank of MPI, of whichever.
  bool of_mpi() const { return joins() || by == By::other_mpi; }
  /// A rank that this program's MPI joins.
  bool joins() const { return by == By::mpirun || by == By::srun_pmix; }
};

Launch launch_of_environment();

/// Whether a scheduler (Slurm, PBS, LSF, Grid Engine) says itself where ranks go, and how many.
bool in_allocation();

}  // namespace tradeoff
