-- Modulefile (Lmod): copy it into MODULEPATH as tradeoff/0.2.0.lua, with `root` where it was installed
-- (cmake --install build/release --prefix ROOT). Jobs: cd $TRADEOFF_HOME, then slurm/submit.sh.
local root = "/opt/tradeoff"
help("tradeoff: what fine-tuning buys and what it costs. `tradeoff --help`, `man tradeoff`.")
whatis("Name: tradeoff")
whatis("Version: 0.2.0")
prepend_path("PATH", pathJoin(root, "bin"))
prepend_path("MANPATH", pathJoin(root, "share/man"))
setenv("TRADEOFF_HOME", pathJoin(root, "share/tradeoff"))
-- The Open MPI that it was built with, where that is a module of its own:
-- depends_on("openmpi/4.1")
