/*
 * points_store.c - the fault table and the directories of the store's tests, and whole states.
 */
#include "../unit/store/faulty.c"
#include "../unit/store/temp_dir.c"
#include "whole.c"
