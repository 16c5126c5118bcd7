/*
 * from_store.c - the helpers of the store's tests, for those of this room that work on files.
 */
#include "store/faulty.c"
#include "store/temp_dir.c"
#include "store/written.c"
