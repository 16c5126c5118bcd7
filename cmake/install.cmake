# Install rules. DESTDIR is honoured, and `cmake --install BUILD --prefix DIR` may name another
# place than was configured: ramet.pc and the CMake package find their files from where they are.
#
#   the command, man pages, completions for bash, zsh and fish
#   both libraries, the public headers, ramet.pc, the CMake package ramet
#   README, guide, reference and examples

if(TARGET ramet)
	install(TARGETS ramet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	install(DIRECTORY docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
		FILES_MATCHING PATTERN "*.1")
	install(FILES tools/completions/ramet.bash
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ramet)
	install(FILES tools/completions/_ramet
		DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
	install(FILES tools/completions/ramet.fish
		DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

install(TARGETS ramet_static ramet_shared EXPORT ramet
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# ---- pkg-config ----
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
	BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" OUTPUT_VARIABLE RAMET_PC_UP)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR
	BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE RAMET_PC_LIBDIR)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR
	BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE RAMET_PC_INCLUDEDIR)
configure_file(cmake/ramet.pc.in ramet.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/ramet.pc" DESTINATION ${pc_dir})

# ---- CMake: find_package(ramet 0.1) gives ramet::ramet and ramet::static ----
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ramet)
set(compatible SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
	set(compatible SameMinorVersion)
endif()
configure_package_config_file(cmake/ramet-config.cmake.in ramet-config.cmake
	INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ramet-config-version.cmake"
	COMPATIBILITY ${compatible})
install(FILES "${PROJECT_BINARY_DIR}/ramet-config.cmake"
	"${PROJECT_BINARY_DIR}/ramet-config-version.cmake" DESTINATION ${package_dir})
install(EXPORT ramet NAMESPACE ramet:: FILE ramet-targets.cmake DESTINATION ${package_dir})

# ---- documents ----
install(FILES LICENSE README.md ARCHITECTURE.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
	FILES_MATCHING PATTERN "*.c" PATTERN "*.jsonl")
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR}
	FILES_MATCHING PATTERN "*.md" PATTERN "abi.txt" PATTERN man EXCLUDE PATTERN design EXCLUDE)
