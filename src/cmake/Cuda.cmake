# Sets TRADEOFF_HAVE_CUDA, as TRADEOFF_CUDA says:
#   AUTO  the kernels are compiled where jobs/gpu_here.sh finds a use for them and there is a CUDA compiler: they take
#         minutes, and a machine without a GPU cannot run them
#   ON    always; without a CUDA compiler CMake stops. Also the check, on a machine without a GPU, that CUDA code compiles.
#   OFF   never
set(TRADEOFF_HAVE_CUDA OFF CACHE INTERNAL "Whether the CUDA kernels are compiled")
# Folders of earlier versions hold it as a switch, on by default.
get_property(_type CACHE TRADEOFF_CUDA PROPERTY TYPE)
if(_type STREQUAL "BOOL" AND TRADEOFF_CUDA)
  set(TRADEOFF_CUDA AUTO CACHE STRING "AUTO, ON or OFF" FORCE)
endif()
set_property(CACHE TRADEOFF_CUDA PROPERTY TYPE STRING)
set_property(CACHE TRADEOFF_CUDA PROPERTY STRINGS AUTO ON OFF)
string(TOUPPER "${TRADEOFF_CUDA}" _wanted)
if(_wanted STREQUAL "OFF")
  message(STATUS "CUDA: off (TRADEOFF_CUDA=OFF); this build runs on the CPU only")
  return()
elseif(_wanted STREQUAL "AUTO")
  execute_process(COMMAND "${CMAKE_CURRENT_LIST_DIR}/../../jobs/gpu_here.sh" OUTPUT_VARIABLE _here OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE _code)
  if(NOT _code EQUAL 0)
    message(STATUS "CUDA: off (${_here}; TRADEOFF_CUDA=ON compiles it nonetheless); this build runs on the CPU only")
    return()
  endif()
elseif(NOT _wanted STREQUAL "ON")
  message(FATAL_ERROR "TRADEOFF_CUDA=${TRADEOFF_CUDA}: expected AUTO, ON or OFF")
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(_wanted STREQUAL "ON")
    message(FATAL_ERROR "TRADEOFF_CUDA=ON: no CUDA compiler found; name one with CMAKE_CUDA_COMPILER, or use AUTO or OFF")
  endif()
  message(STATUS "CUDA: ${_here}, but no compiler found; this build runs on the CPU only")
  return()
endif()
# CMake 3.25 knows no C++20 for CUDA 13, so the flag is given by hand; PyPI's nvcc keeps its libraries in lib, not lib64.
get_filename_component(_cuda_root "${CMAKE_CUDA_COMPILER}" DIRECTORY)
get_filename_component(_cuda_root "${_cuda_root}" DIRECTORY)
# Unset, the standard would be that of C++, and required.
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED OFF)
if(NOT TRADEOFF_CUDA_ARCHITECTURES)
  # Each costs compiling time: those of this machine's GPUs, else the common ones, for GPUs elsewhere.
  set(TRADEOFF_CUDA_ARCHITECTURES 80 90)
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
    OUTPUT_VARIABLE _here ERROR_QUIET RESULT_VARIABLE _code)
  if(_code EQUAL 0 AND _here MATCHES "[0-9]+\\.[0-9]")
    string(REGEX MATCHALL "[0-9]+\\.[0-9]" _here "${_here}")
    list(TRANSFORM _here REPLACE "\\." "")
    list(REMOVE_DUPLICATES _here)
    list(SORT _here)
    set(TRADEOFF_CUDA_ARCHITECTURES ${_here})
  endif()
endif()
# 9.0 has instructions that no later card has, so its code is made for it alone; later cards translate what is for all.
set(CMAKE_CUDA_ARCHITECTURES "${TRADEOFF_CUDA_ARCHITECTURES}")
list(TRANSFORM CMAKE_CUDA_ARCHITECTURES REPLACE "^90$" "90a-real;90-virtual")
set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -std=c++20 -L${_cuda_root}/lib")
enable_language(CUDA)
# The runtime is the wheel's shared one (torch::wheel_cuda), as torch's own; a static second one would be another.
set(CMAKE_CUDA_RUNTIME_LIBRARY None)
set(TRADEOFF_HAVE_CUDA ON CACHE INTERNAL "Whether the CUDA kernels are compiled")
message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER} (${CMAKE_CUDA_COMPILER_VERSION}), architectures ${TRADEOFF_CUDA_ARCHITECTURES}")
