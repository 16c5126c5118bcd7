/*
 * sidecar_env.c - the file system in memory, shared with crash_run.
 */
#include "crash_env.c"
