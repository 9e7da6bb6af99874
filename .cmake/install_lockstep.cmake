# Install and export: find_package(lockstep) gives lockstep::sim and the libraries below it.

include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/lockstep")

install(TARGETS lockstep_topology lockstep_strategies lockstep_scenarios lockstep_sim
        EXPORT lockstep-targets ARCHIVE LIBRARY)
install(EXPORT lockstep-targets NAMESPACE lockstep:: DESTINATION "${package_dir}")

foreach(folder IN ITEMS topology strategies scenarios sim)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/lockstep"
          FILES_MATCHING PATTERN "*.hpp" PATTERN "sim/cli" EXCLUDE)
endforeach()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/scenarios" DESTINATION "${CMAKE_INSTALL_DATADIR}/lockstep"
        FILES_MATCHING PATTERN "*.yaml" PATTERN "*.json")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/.cmake/lockstep-config.cmake.in"
  "${PROJECT_BINARY_DIR}/lockstep-config.cmake" INSTALL_DESTINATION "${package_dir}")
# Before 1.0 every minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/lockstep-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/lockstep-config.cmake"
              "${PROJECT_BINARY_DIR}/lockstep-config-version.cmake"
        DESTINATION "${package_dir}")
