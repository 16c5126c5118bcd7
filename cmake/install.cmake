# Install rules: the command, both libraries, the public headers, ramet.pc, man pages and completions.

if(TARGET ramet)
	install(TARGETS ramet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	install(DIRECTORY docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
		FILES_MATCHING PATTERN "*.1")
	install(FILES tools/completions/ramet.bash
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ramet)
	install(FILES tools/completions/_ramet
		DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()
install(TARGETS ramet_static ramet_shared
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

configure_file(cmake/ramet.pc.in ramet.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/ramet.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/findings.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(DIRECTORY docs/guide docs/format DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs
	FILES_MATCHING PATTERN "*.md")
