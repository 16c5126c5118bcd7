/*
 * sidecar_image.c - the file system in memory, shared with crash_run.
 */
#include "crash_image.c"
