# How every C file here is compiled.

if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Asserts stay in every build: a caller's bug must not pass silently.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g3")

add_library(ramet_flags INTERFACE)
target_compile_definitions(ramet_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
target_include_directories(ramet_flags INTERFACE
	"${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
target_compile_options(ramet_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow
	-Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wwrite-strings
	-fno-common $<$<BOOL:${RAMET_WERROR}>:-Werror>)

# The sanitizers belong to every object and every link, so they are set globally.
if(RAMET_SANITIZE)
	add_compile_options(-fsanitize=${RAMET_SANITIZE} -fno-sanitize-recover=all
		-fno-omit-frame-pointer)
	add_link_options(-fsanitize=${RAMET_SANITIZE})
endif()
if(RAMET_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(RAMET_COVERAGE)
	# A function inlined by order would be counted once per caller, copies nobody takes included.
	add_compile_options(--coverage -fprofile-update=atomic -Dalways_inline=unused)
	add_link_options(--coverage)
endif()
