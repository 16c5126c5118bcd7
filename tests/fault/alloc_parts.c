/*
 * alloc_store.c - directories for each try, and whole states.
 */
#include "../unit/store/temp_dir.c"
#include "whole.c"
