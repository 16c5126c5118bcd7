/*
 * sidecar_fs.c - the file system in memory, shared with crash_run.
 */
#include "crash_fs.c"
