# Uses ccache where it is installed; a build without it is the same, slower.
find_program(TRADEOFF_CCACHE ccache)
if(TRADEOFF_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${TRADEOFF_CCACHE}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${TRADEOFF_CCACHE}")
endif()
