/*
 * base/add.h - a literal text behind what a buffer holds; its length is known when it is compiled.
 */
#ifndef RAMETI_BASE_ADD_H
#define RAMETI_BASE_ADD_H

#include "ramet/base.h"

#define ADD(out, text) ramet_buf_add(out, (struct ramet_bytes){ text, sizeof(text) - 1 })

#endif
