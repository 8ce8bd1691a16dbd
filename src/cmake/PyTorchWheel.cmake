# Links PyPI's torch from a Python environment, without torch's own package files and without a CUDA toolkit.
#   torch::wheel        the library, for host code (CPU and GPU tensors both)
#   torch::cuda_runtime the CUDA runtime's and NCCL's headers and libraries, without torch
#   torch::wheel_cuda   additionally the CUDA runtime's and NCCL's headers and libraries
#   torch::openmp       for sources that call at::parallel_for, a template that is serial where its caller has no OpenMP
if(TARGET torch::wheel)
  return()
endif()
set(PYTORCH_PYTHON "" CACHE FILEPATH "Python interpreter that has torch installed")
# A caller's own value of this name (tradeoffConfig.cmake) stays.
set(_site "${TRADEOFF_TORCH_SITE}")
set(TRADEOFF_TORCH_SITE "${_site}" CACHE PATH "Folder that holds torch and nvidia (pip install --target); empty: PYTORCH_PYTHON's own")
if(NOT _site)
  if(NOT PYTORCH_PYTHON)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    set(PYTORCH_PYTHON "${Python3_EXECUTABLE}")
  endif()
  execute_process(COMMAND "${PYTORCH_PYTHON}" -c "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    OUTPUT_VARIABLE _site OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
set(_torch "${_site}/torch")
if(NOT EXISTS "${_torch}/include/torch/csrc/api/include/torch/torch.h")
  message(FATAL_ERROR "torch is not installed for ${PYTORCH_PYTHON} (looked in ${_site}): run jobs/setup.sh, or set PYTORCH_PYTHON")
endif()
file(STRINGS "${_torch}/version.py" _line REGEX "^__version__")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" PyTorchWheel_VERSION "${_line}")
set(PyTorchWheel_VERSION "${PyTorchWheel_VERSION}" CACHE INTERNAL "Version of torch")
set(PyTorchWheel_SITE "${_site}" CACHE INTERNAL "Folder that holds torch and nvidia")
find_package(Threads REQUIRED)
add_library(torch::wheel INTERFACE IMPORTED GLOBAL)
# -idirafter: torch/include carries its own fmt (12), which must not hide the system's, whose library is linked.
foreach(_dir "${_torch}/include" "${_torch}/include/torch/csrc/api/include")
  target_compile_options(torch::wheel INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${_dir}>" "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-isystem ${_dir}>")
endforeach()
target_compile_definitions(torch::wheel INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
# libtorch.so is empty but for its links, also to libtorch_cuda.so, which needs 3 GB of CUDA libraries: a build without CUDA
# does with the CPU's part alone, and runs where they are not installed (jobs/setup.sh --cuda off).
set(_libs "${_torch}/lib/libtorch_cpu.so" "${_torch}/lib/libc10.so")
if(TRADEOFF_HAVE_CUDA)
  list(PREPEND _libs "${_torch}/lib/libtorch.so")
  list(APPEND _libs "${_torch}/lib/libtorch_cuda.so" "${_torch}/lib/libc10_cuda.so")
endif()
file(GLOB _nv LIST_DIRECTORIES true "${_site}/nvidia/*/lib")
set(_link "${_nv}")
list(TRANSFORM _link PREPEND "LINKER:-rpath-link,")
# --no-as-needed: libtorch_cuda.so registers its kernels when it is loaded; a linker that drops unused libraries must not drop it.
# stdc++ first: libtorch.so exports some of std::filesystem of its own (remove_all jumps to address 0), and the loader takes
# the first library that has a name.
target_link_libraries(torch::wheel INTERFACE stdc++ ${_libs} Threads::Threads)
target_link_options(torch::wheel INTERFACE "LINKER:--no-as-needed" ${_link})
# The wheel's own libgomp: the compiler's is another file of the same name, and one process must have one.
add_library(torch::openmp INTERFACE IMPORTED GLOBAL)
target_compile_options(torch::openmp INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_libraries(torch::openmp INTERFACE "${_torch}/lib/libgomp.so.1")
if(TRADEOFF_HAVE_CUDA)
  # Headers of a toolkit where there is one, else of the wheels (which need crt and cccl: setup.sh installs them); none where
  # CUDA is not compiled, as in a project that links the installed libraries.
  set(_cuda_include "")
  if(CMAKE_CUDA_COMPILER AND EXISTS "${_site}/nvidia/cu13/include/crt/host_config.h")
    set(_cuda_include "${_site}/nvidia/cu13/include" "${_site}/nvidia/cu13/include/cccl")
  elseif(CMAKE_CUDA_COMPILER)
    get_filename_component(_toolkit "${CMAKE_CUDA_COMPILER}" REALPATH)
    get_filename_component(_toolkit "${_toolkit}" DIRECTORY)
    set(_cuda_include "${_toolkit}/../include" "${_toolkit}/../include/cccl")
  endif()
  add_library(torch::cuda_runtime INTERFACE IMPORTED GLOBAL)
  target_include_directories(torch::cuda_runtime SYSTEM INTERFACE ${_cuda_include} "${_site}/nvidia/nccl/include")
  target_link_libraries(torch::cuda_runtime INTERFACE
    "${_site}/nvidia/cu13/lib/libcudart.so.13" "${_site}/nvidia/nccl/lib/libnccl.so.2")
  add_library(torch::wheel_cuda INTERFACE IMPORTED GLOBAL)
  target_link_libraries(torch::wheel_cuda INTERFACE torch::wheel torch::cuda_runtime)
endif()
message(STATUS "PyTorch ${PyTorchWheel_VERSION} from ${_torch}")
