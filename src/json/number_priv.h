/*
 * number_priv.h - numbers as text, without the document around them.
 */
#ifndef RAMETI_JSON_NUMBER_PRIV_H
#define RAMETI_JSON_NUMBER_PRIV_H

#include "ramet/json.h"

#define RAMETI_NUMBER_MAX 40

/* raw is a JSON number. Correctly rounded; infinite beyond the range. */
double rameti_number_parse(struct ramet_bytes raw);
/* As JSON.stringify writes x (null if it is not finite); length without a NUL. */
size_t rameti_number_format(double x, char out[RAMETI_NUMBER_MAX]);

#endif
