/*
 * ramet.h - sessions of AI coding agents: trees of entries in append-only JSONL files.
 *
 *     struct ramet_session *s;
 *     struct ramet_error err;
 *     if (ramet_session_open(&s, "session.jsonl", NULL, &err) < 0) ...
 *
 * See docs/guide/ for tasks and examples/ for whole programs.
 */
#ifndef RAMET_H
#define RAMET_H

#include <ramet/base.h>
#include <ramet/json.h>
#include <ramet/model.h>
#include <ramet/codec.h>
#include <ramet/store.h>
#include <ramet/ops.h>
#include <ramet/ggcode.h>
#include <ramet/ckptmgr.h>
#include <ramet/pirust.h>
#include <ramet/yoi.h>

#endif
