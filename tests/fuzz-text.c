/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "proto/text.h"
#include "proto/utf8.h"
#include "tests/fuzz.h"

static const cf_span lowest = { INT64_MIN }, highest = { INT64_MAX };

static void try_span(const char *text)
{
	char shown[CF_SPAN_TEXT_ROOM], again[CF_SPAN_TEXT_ROOM];
	cf_span s, back;

	if (cf_span_parse(text, lowest, highest, &s, NULL) < 0)
		return;
	must(cf_span_parse(text, s, s, &back, NULL) == 0 && back.ns == s.ns);
	must(cf_span_parse(cf_span_exact_text(s, shown), s, s, &back, NULL) == 0 && back.ns == s.ns);
	cf_span_text(s, shown);
	if (cf_span_parse(shown, lowest, highest, &back, NULL) == 0)
		must(strcmp(cf_span_text(back, again), shown) == 0);
}

static void try_real(const char *text)
{
	char shown[CF_REAL_TEXT_ROOM];
	cf_real t;

	if (cf_real_parse(text, &t, NULL) == 0)
		must(strcmp(cf_real_text(t, shown), text) == 0);
}

static void try_clean(const char *text, size_t size)
{
	char clean[24], again[24];

	cf_utf8_clean(text, size, clean, sizeof(clean));
	must(strcmp(cf_utf8_clean(clean, strlen(clean), again, sizeof(again)), clean) == 0);
}

/* Any sixteen bytes are an interval. */
static void try_interval(const uint8_t *data, size_t size)
{
	char text[CF_INTERVAL_TEXT_ROOM];
	struct cf_interval i;
	int64_t ends[2];

	if (size < sizeof(ends))
		return;
	memcpy(ends, data, sizeof(ends));
	i = cf_interval_of((cf_span){ ends[0] }, (cf_span){ ends[1] });
	must(strstr(cf_interval_text(i, text), " .. "));
	must(strstr(cf_interval_around_text(i, text), " +- "));
	must(*cf_real_text((cf_real){ ends[0] }, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	try_span(text);
	try_real(text);
	try_clean(text, size);
	try_interval(data, size);
	free(text);
	return 0;
}
