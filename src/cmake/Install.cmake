# cmake --install build/release --prefix DIR: the programs, jobs, configs and Slurm scripts, a man page and completion.
# The folder may be moved afterwards: everything is found from the program's own place.
#   bin/tradeoff                 -> ../libexec/tradeoff/tradeoff
#   libexec/tradeoff             the program and its helpers
#   include, lib, lib/cmake      the libraries, for find_package(tradeoff) in other projects (not with TRADEOFF_PACKAGE)
#   lib/tradeoff/site            LibTorch: a link to what it was built with, or with TRADEOFF_PACKAGE nothing (jobs/fetch.sh)
#   share/tradeoff               jobs, configs, slurm: the folder to stand in
if(NOT TARGET tradeoff-full)
  return()
endif()
include(GNUInstallDirs)
option(TRADEOFF_PACKAGE "Install for another machine: without the link to this machine's LibTorch" OFF)
set(_site "$ORIGIN/../../lib/tradeoff/site")
set_target_properties(tradeoff-full PROPERTIES
  INSTALL_RPATH "${_site}/torch/lib:${_site}/nvidia/cu13/lib:${_site}/nvidia/nccl/lib")
install(TARGETS tradeoff tradeoff-full tradeoff-sql-worker RUNTIME DESTINATION libexec/tradeoff)
install(CODE "
  set(_prefix \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
  file(MAKE_DIRECTORY \"\${_prefix}/bin\" \"\${_prefix}/lib/tradeoff\")
  file(CREATE_LINK ../libexec/tradeoff/tradeoff \"\${_prefix}/bin/tradeoff\" SYMBOLIC)
  set(_package \"${TRADEOFF_PACKAGE}\")
  if(NOT _package)
    file(CREATE_LINK \"${PyTorchWheel_SITE}\" \"\${_prefix}/lib/tradeoff/site\" SYMBOLIC)
  endif()")
install(DIRECTORY jobs configs slurm DESTINATION share/tradeoff USE_SOURCE_PERMISSIONS
  PATTERN setup.sh EXCLUDE PATTERN demo.sh EXCLUDE PATTERN join_parts.py EXCLUDE PATTERN as_owner.sh EXCLUDE)
install(FILES README.md LICENSE NOTICE DESTINATION share/doc/tradeoff)

# What another project needs of the libraries: not the program's own (front, app), nor the sandbox, which is its worker's.
if(NOT TRADEOFF_PACKAGE)
  get_property(_libraries GLOBAL PROPERTY TRADEOFF_LIBRARIES)
  list(FILTER _libraries EXCLUDE REGEX "^tradeoff_(front|app)$")
  install(TARGETS ${_libraries} EXPORT tradeoffTargets ARCHIVE DESTINATION lib)
  install(EXPORT tradeoffTargets NAMESPACE tradeoff:: DESTINATION lib/cmake/tradeoff)
  install(DIRECTORY include/tradeoff DESTINATION include PATTERN front EXCLUDE)
  include(CMakePackageConfigHelpers)
  set(TRADEOFF_SITE lib/tradeoff/site)
  configure_package_config_file(src/cmake/tradeoffConfig.cmake.in "${CMAKE_BINARY_DIR}/tradeoffConfig.cmake"
    INSTALL_DESTINATION lib/cmake/tradeoff PATH_VARS TRADEOFF_SITE)
  write_basic_package_version_file("${CMAKE_BINARY_DIR}/tradeoffConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
  install(FILES "${CMAKE_BINARY_DIR}/tradeoffConfig.cmake" "${CMAKE_BINARY_DIR}/tradeoffConfigVersion.cmake"
    src/cmake/PyTorchWheel.cmake DESTINATION lib/cmake/tradeoff)
endif()

# Man page and completion are made of what the program itself says of its options.
install(CODE "
  execute_process(COMMAND \"${CMAKE_COMMAND}\" -DPROGRAM=${CMAKE_BINARY_DIR}/tradeoff -DVERSION=${PROJECT_VERSION}
    -DOUT=${CMAKE_BINARY_DIR}/manual -P \"${CMAKE_SOURCE_DIR}/src/cmake/Manual.cmake\" COMMAND_ERROR_IS_FATAL ANY)")
install(FILES "${CMAKE_BINARY_DIR}/manual/tradeoff.1" DESTINATION share/man/man1)
install(FILES "${CMAKE_BINARY_DIR}/manual/tradeoff.bash" DESTINATION share/bash-completion/completions RENAME tradeoff)

# cpack -G DEB (with TRADEOFF_PACKAGE): for the Debian that it is made on.
set(CPACK_PACKAGE_NAME tradeoff)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "the tradeoff project")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "What fine-tuning a language model buys and what it costs
 Measures text-to-SQL and multiple choice before and after QLoRA, over ranks and seeds. LibTorch is not in the package:
 /usr/share/tradeoff/jobs/fetch.sh torch brings it.")
set(CPACK_DEBIAN_PACKAGE_DEPENDS "python3-venv, ca-certificates, openmpi-bin, libopenmpi3, libhdf5-103-1, libsqlite3-0, libboost-program-options1.74.0, libssl3, libfmt9, zlib1g, libstdc++6")
set(CPACK_STRIP_FILES ON)
include(CPack)
