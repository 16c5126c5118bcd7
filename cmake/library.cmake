# The library, twice from the same objects, and the command.

# All C files of a room, in a stable order; asked again at every build.
function(ramet_glob out)
	set(all)
	foreach(pattern IN LISTS ARGN)
		file(GLOB found CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${pattern}")
		list(SORT found)
		list(APPEND all ${found})
	endforeach()
	set(${out} "${all}" PARENT_SCOPE)
endfunction()

set(room_patterns ${RAMET_ROOMS})
list(TRANSFORM room_patterns REPLACE "(.+)" "src/\\1/*.c")
ramet_glob(library_sources ${room_patterns})
# One of the two makes the calls of src/base/sql.h.
if(RAMET_SQLITE)
	list(FILTER library_sources EXCLUDE REGEX "/src/base/sql_none\\.c$")
else()
	list(FILTER library_sources EXCLUDE REGEX "/src/base/sql\\.c$")
endif()
if(NOT library_sources)
	message(FATAL_ERROR "no source files in src/")
endif()

add_library(ramet_objects OBJECT ${library_sources})
target_link_libraries(ramet_objects PRIVATE ramet_flags ramet_deps)
# From how many bytes on a session is read by a second thread, too: all are where that is tested.
set(records_much 1048576)
if(RAMET_SANITIZE OR RAMET_COVERAGE)
	set(records_much 1)
endif()
target_compile_definitions(ramet_objects PRIVATE RAMETI_RECORDS_MUCH=${records_much})

# What a name of the library promises (docs/guide/versions.md): while 0.x, each minor version may
# change calls and structs and has a name of its own; from 1.0 on the major version counts.
set(RAMET_SOVERSION ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)
	set(RAMET_SOVERSION 0.${PROJECT_VERSION_MINOR})
endif()

add_library(ramet_static STATIC $<TARGET_OBJECTS:ramet_objects>)
set_target_properties(ramet_static PROPERTIES OUTPUT_NAME ramet LINKER_LANGUAGE C
	EXPORT_NAME static)
target_include_directories(ramet_static INTERFACE
	$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
	$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(ramet_static PUBLIC $<BUILD_INTERFACE:ramet_deps>)
foreach(library IN LISTS RAMET_CMAKE_LIBS)
	target_link_libraries(ramet_static INTERFACE $<INSTALL_INTERFACE:${library}>)
endforeach()

add_library(ramet_shared SHARED $<TARGET_OBJECTS:ramet_objects>)
set_target_properties(ramet_shared PROPERTIES OUTPUT_NAME ramet LINKER_LANGUAGE C
	VERSION ${PROJECT_VERSION} SOVERSION ${RAMET_SOVERSION} EXPORT_NAME ramet)
target_include_directories(ramet_shared INTERFACE
	$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
	$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(ramet_shared PRIVATE $<BUILD_INTERFACE:ramet_deps>)
if(NOT RAMET_SANITIZE AND NOT RAMET_FUZZ)
	target_link_options(ramet_shared PRIVATE LINKER:-z,defs)
endif()

# The faces: everything but main.c in one object library, so that unit tests can have it too.
ramet_glob(face_sources src/ui/*.c src/cli/*.c)
ramet_glob(main_source src/cli/main.c)
list(REMOVE_ITEM face_sources ${main_source})
if(face_sources)
	add_library(ramet_faces OBJECT ${face_sources})
	target_link_libraries(ramet_faces PRIVATE ramet_flags ramet_deps)
endif()
if(main_source)
	add_executable(ramet ${main_source})
	if(face_sources)
		target_sources(ramet PRIVATE $<TARGET_OBJECTS:ramet_faces>)
	endif()
	target_link_libraries(ramet PRIVATE ramet_flags ramet_static ${RAMET_CRYPTO_ARCHIVE})
endif()

# What plain `make` builds.
add_custom_target(product DEPENDS ramet_static ramet_shared)
if(TARGET ramet)
	add_dependencies(product ramet)
endif()
