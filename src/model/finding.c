/*
 * model/finding.c - a bounded list of findings that owns its texts.
 */
#include "model/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include "base/error.h"
#include "base/mem.h"

#define TEXTS_MAX (64u << 20)

static struct rameti_arena *texts(struct ramet_findings *f)
{
	if (!f->priv) {
		f->priv = ramet_alloc(sizeof(struct rameti_arena));
		if (f->priv)
			rameti_arena_init(f->priv, TEXTS_MAX);
	}
	return f->priv;
}

int rameti_finding_add(struct ramet_findings *f, int severity, const char *code, uint64_t line,
		       uint64_t offset, struct ramet_bytes id, const char *fmt, ...)
{
	char text[256];
	struct rameti_arena *a = texts(f);
	struct ramet_finding *item;
	va_list ap;

	if (f->n >= RAMET_FINDINGS_MAX) {
		f->n_dropped++;
		return 0;
	}
	if (!a || rameti_grow((void **)&f->items, &f->cap, f->n, sizeof(*f->items),
			      RAMET_FINDINGS_MAX) < 0)
		return RAMET_ENOMEM;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (id.len > 256)
		id.len = 256;
	item = &f->items[f->n];
	item->severity = severity;
	item->code = code;
	item->line = line;
	item->offset = offset;
	item->text = rameti_arena_dup(a, ramet_bytes_of(text));
	item->id = id.ptr ? rameti_arena_dup(a, id) : id;
	if (!item->text.ptr || (id.ptr && !item->id.ptr))
		return RAMET_ENOMEM;
	f->n++;
	return 0;
}

void ramet_findings_release(struct ramet_findings *f)
{
	if (f->priv)
		rameti_arena_release(f->priv);
	ramet_free(f->priv);
	ramet_free(f->items);
	f->items = NULL;
	f->n = f->cap = 0;
	f->n_dropped = 0;
	f->priv = NULL;
}

const char *ramet_severity_name(int severity)
{
	switch (severity) {
	case RAMET_INFO: return "info";
	case RAMET_WARNING: return "warning";
	case RAMET_DAMAGE: return "damage";
	default: return "";
	}
}

int rameti_finding_copy(struct ramet_findings *f, const struct ramet_finding *from)
{
	struct ramet_bytes code;
	uint32_t n = f->n;
	int r = rameti_finding_add(f, from->severity, from->code, from->line, from->offset,
				   from->id, "%.*s", RAMET_FMT(from->text));

	if (r < 0 || f->n == n)
		return r;
	code = rameti_arena_dup(texts(f), ramet_bytes_of(from->code));
	if (!code.ptr)
		return RAMET_ENOMEM;
	f->items[n].code = code.ptr;
	return 0;
}
