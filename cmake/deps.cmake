# What the library needs from outside: POSIX threads, libm and libcrypto. Everything that is linked to
# the library or named in ramet.pc is decided here and nowhere else. The linker drops a library
# of which no symbol is used (--as-needed), so one that is opened at run time costs nothing.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)

add_library(ramet_deps INTERFACE)
target_include_directories(ramet_deps SYSTEM INTERFACE ${OPENSSL_INCLUDE_DIR})
target_link_options(ramet_deps INTERFACE LINKER:--as-needed)
target_link_libraries(ramet_deps INTERFACE OpenSSL::Crypto Threads::Threads ${CMAKE_DL_LIBS} m)
set(RAMET_PC_REQUIRES_PRIVATE "libcrypto")
set(RAMET_PC_LIBS_PRIVATE "-pthread -lm")
# The same in CMake's words, for those who link the static library (cmake/ramet-config.cmake.in).
set(RAMET_CMAKE_LIBS OpenSSL::Crypto Threads::Threads ${CMAKE_DL_LIBS} m)

# The command takes the few functions it needs out of the archive, where there is one: loading the
# shared libcrypto would double the time it takes to start.
find_library(RAMET_CRYPTO_ARCHIVE libcrypto.a)
if(NOT RAMET_CRYPTO_ARCHIVE)
	set(RAMET_CRYPTO_ARCHIVE "")
endif()

# SQLite is opened at run time (src/base/sql.c): nothing is linked.
if(RAMET_SQLITE)
	if(NOT RAMET_SQLITE_INCLUDE)
		message(FATAL_ERROR "RAMET_SQLITE is ON, but there is no sqlite3.h (libsqlite3-dev)")
	endif()
	target_include_directories(ramet_deps SYSTEM INTERFACE ${RAMET_SQLITE_INCLUDE})
endif()
