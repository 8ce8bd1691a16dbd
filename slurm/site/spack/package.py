"""Spack recipe: a folder packages/tradeoff of a repository of yours gets this file; `spack dev-build tradeoff@main` in a
checkout builds it. LibTorch comes from PyPI (jobs/fetch.sh torch), as Spack's own is another build."""

from spack.package import *


class Tradeoff(CMakePackage):
    """What fine-tuning a language model buys and what it costs: Spider and MMLU before and after QLoRA."""

    license("Apache-2.0")
    version("main")

    variant("torch_site", default="none", description="Folder that holds torch and nvidia (pip install --target)", values=str)

    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("python@3.9:", type=("build", "run"))
    depends_on("openmpi@4.1:")
    depends_on("hdf5~mpi+hl")
    depends_on("sqlite")
    depends_on("boost+program_options")
    depends_on("openssl")
    depends_on("zlib-api")
    depends_on("nlohmann-json")
    depends_on("fmt")
    depends_on("googletest")

    def cmake_args(self):
        site = self.spec.variants["torch_site"].value
        if site == "none":
            raise InstallError("torch_site: found none, expected the folder of `pip install --target DIR torch==2.11.0`")
        return [self.define("TRADEOFF_TORCH_SITE", site), self.define("TRADEOFF_CUDA", False)]
