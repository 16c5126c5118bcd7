# Tests and benchmarks. Labels: unit contract fuzz header house golden cli fault.
#
# A runner script tells its counts in a line "N passed, N failed"; exit status 77 means skipped.

set(test_environment
	"RAMET_BIN=${PROJECT_BINARY_DIR}/ramet"
	"RAMET_BUILD=${PROJECT_BINARY_DIR}"
	"RAMET_SOURCE=${PROJECT_SOURCE_DIR}"
	"RAMET_SANITIZE=${RAMET_SANITIZE}"
	"LC_ALL=C.UTF-8"
	"XDG_CACHE_HOME=${PROJECT_BINARY_DIR}/cache"
	"PYTHONDONTWRITEBYTECODE=1"
	"ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1:allocator_may_return_null=1"
	"UBSAN_OPTIONS=print_stacktrace=1"
	"TSAN_OPTIONS=halt_on_error=1")
if(RAMET_COVERAGE)
	# What a process may not count (another user, a file size limit) is not its standard error.
	list(APPEND test_environment "GCOV_ERROR_FILE=/dev/null")
endif()

function(ramet_add_test name label timeout)
	add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
	set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout}
		SKIP_RETURN_CODE 77 ENVIRONMENT "${test_environment}")
endfunction()

# An executable made of one file and the static library; it lands in build/<folder of its source>.
function(ramet_add_tool target source)
	cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE where)
	cmake_path(GET where STEM LAST_ONLY stem)
	cmake_path(GET where PARENT_PATH where)
	add_executable(${target} "${source}" ${ARGN})
	target_link_libraries(${target} PRIVATE ramet_flags ramet_static ${RAMET_CRYPTO_ARCHIVE})
	set_target_properties(${target} PROPERTIES OUTPUT_NAME ${stem}
		RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${where}")
endfunction()

# ---- fuzz: libFuzzer targets, or a replay of tests/fuzz/corpus/<name> with a main of our own ----
ramet_glob(fuzz_sources "tests/fuzz/fuzz_*.c")
foreach(source IN LISTS fuzz_sources)
	cmake_path(GET source STEM stem)
	string(REPLACE fuzz_ "" name "${stem}")
	if(RAMET_FUZZ)
		ramet_add_tool(${stem} "${source}")
		target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
	else()
		ramet_add_tool(${stem} "${source}" "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.c")
		ramet_add_test(fuzz.${name} fuzz 300 ${stem} "tests/fuzz/corpus/${name}")
	endif()
	# libFuzzer has no header that declares what a target defines.
	set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS -Wno-missing-prototypes)
endforeach()
if(RAMET_FUZZ)
	return()
endif()

# ---- unit: tests/unit/<room>/test_*.c; other .c files beside them are shared by the room ----
find_path(CMOCKA_INCLUDE_DIR cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
if(CMOCKA_INCLUDE_DIR AND CMOCKA_LIBRARY)
	foreach(room IN LISTS RAMET_ROOMS RAMET_FACES)
		ramet_glob(tests "tests/unit/${room}/test_*.c")
		ramet_glob(helpers "tests/unit/${room}/*.c" "tests/unit/*.c")
		list(FILTER helpers EXCLUDE REGEX "/probe_[a-z_]*\\.c$")
		if(NOT RAMET_SQLITE)
			list(FILTER tests EXCLUDE REGEX "/test_(home_.*sqlite.*|pirust_index.*|sql.*|store_foreign|store_odd|target)\\.c$")
			list(FILTER helpers EXCLUDE REGEX "/test_")
		endif()
		if(tests)
			list(REMOVE_ITEM helpers ${tests})
		endif()
		foreach(source IN LISTS tests)
			cmake_path(GET source STEM stem)
			string(REPLACE test_ "" stem "${stem}")
			set(target unit_${room}_${stem})
			ramet_add_tool(${target} "${source}" ${helpers})
			target_include_directories(${target} SYSTEM PRIVATE "${CMOCKA_INCLUDE_DIR}")
			target_include_directories(${target} PRIVATE
				tests/unit "tests/unit/${room}")
			target_link_libraries(${target} PRIVATE "${CMOCKA_LIBRARY}")
			if(room IN_LIST RAMET_FACES AND TARGET ramet_faces)
				target_sources(${target} PRIVATE $<TARGET_OBJECTS:ramet_faces>)
			endif()
			ramet_add_test(unit.${room}.${stem} unit 300 ${target})
		endforeach()
	endforeach()
	# ---- contract: every case in every home; the .c files beside test_*.c are shared ----
	ramet_glob(tests "tests/contract/test_*.c")
	ramet_glob(helpers "tests/contract/*.c")
	list(REMOVE_ITEM helpers ${tests})
	foreach(source IN LISTS tests)
		cmake_path(GET source STEM stem)
		string(REPLACE test_ "" stem "${stem}")
		ramet_add_tool(contract_${stem} "${source}" ${helpers}
			tests/unit/store/temp_dir.c tests/unit/store/written.c tests/fault/whole.c)
		target_include_directories(contract_${stem} SYSTEM PRIVATE "${CMOCKA_INCLUDE_DIR}")
		target_include_directories(contract_${stem} PRIVATE
			tests/unit tests/unit/store tests/fault)
		target_link_libraries(contract_${stem} PRIVATE "${CMOCKA_LIBRARY}")
		ramet_add_test(contract.${stem} contract 300 contract_${stem})
	endforeach()
else()
	message(STATUS "cmocka is not installed: unit and contract tests are left out")
endif()

# ---- helpers of the golden runners, and benchmarks: plain executables ----
ramet_glob(tool_sources "tests/golden/probe*.c" "tests/interop/probe*.c"
	"tests/unit/*/probe_*.c" "bench/*.c")
foreach(source IN LISTS tool_sources)
	cmake_path(GET source STEM stem)
	ramet_add_tool(${stem} "${source}")
endforeach()

# ---- fault: tests/fault/NAME_run.c is a program, the other NAME_*.c files belong to it ----
ramet_glob(fault_runners "tests/fault/*_run.c")
foreach(source IN LISTS fault_runners)
	cmake_path(GET source STEM stem)
	string(REPLACE _run "" name "${stem}")
	ramet_glob(parts "tests/fault/${name}_*.c")
	list(REMOVE_ITEM parts "${source}")
	ramet_add_tool(${stem} "${source}" ${parts})
	# run_procs.py drives this one
	if(NOT name STREQUAL "procs")
		ramet_add_test(fault.${name} fault 300 ${stem} quick)
	endif()
endforeach()

# ---- what Node says of the same texts: JSON.parse and Date.parse ----
find_program(RAMET_NODE node)
if(RAMET_NODE)
	ramet_add_test(unit.json.differential unit 300 "${RAMET_NODE}"
		tests/unit/json/differential.mjs "$<TARGET_FILE:probe_json>" 20000)
	ramet_add_test(unit.base.time_differential unit 300 "${RAMET_NODE}"
		tests/unit/base/time_differential.mjs "$<TARGET_FILE:probe_time>" 2000)
else()
	message(STATUS "node is not installed: comparisons with JSON.parse and Date.parse are left out")
endif()

# ---- scripts ----
find_program(RAMET_PYTHON python3)
if(RAMET_PYTHON)
	foreach(kind golden cli fault)
		ramet_glob(runners "tests/${kind}/run_*.py")
		foreach(runner IN LISTS runners)
			cmake_path(GET runner STEM stem)
			string(REPLACE run_ "" stem "${stem}")
			ramet_add_test(${kind}.${stem} ${kind} 900 "${RAMET_PYTHON}" "${runner}")
		endforeach()
	endforeach()
	ramet_glob(house_tests "tests/house/test_*.py")
	foreach(script IN LISTS house_tests)
		cmake_path(GET script STEM stem)
		string(REPLACE test_ "" stem "${stem}")
		ramet_add_test(house.${stem} house 120 "${RAMET_PYTHON}" "${script}")
	endforeach()
	ramet_add_test(house.rooms house 60 "${RAMET_PYTHON}" tools/room-check.py)
	ramet_add_test(house.banned house 60 "${RAMET_PYTHON}" tools/banned-check.py)
	if(NOT RAMET_SANITIZE AND NOT RAMET_COVERAGE)
		ramet_add_test(house.symbols house 60
			"${RAMET_PYTHON}" tools/symbol-check.py "${PROJECT_BINARY_DIR}")
		ramet_add_test(header.examples header 300
			"${RAMET_PYTHON}" tests/header/examples.py "${PROJECT_BINARY_DIR}")
	endif()
else()
	message(STATUS "python3 is not installed: script tests are left out")
endif()
ramet_add_test(header.alone header 120 sh tests/header/alone.sh)
ramet_add_test(header.linked header 120 sh tests/header/linked.sh "${PROJECT_BINARY_DIR}")
