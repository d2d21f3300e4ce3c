/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/codec-inside.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

struct spelling {
	char *text;
	size_t used;
};

/* What does not fit is left out: the end of a path matters less than what is wrong there. */
static void spell(struct spelling *s, const char *text, size_t n)
{
	cf_utf8_clean(text, n, s->text + s->used, CF_PATH_ROOM - s->used);
	s->used += strlen(s->text + s->used);
}

static void spell_path(struct spelling *s, const struct cf_path *path)
{
	char index[24];

	if (path->up && path->up->up)
		spell_path(s, path->up);
	if (path->key) {
		if (s->used > 0)
			spell(s, ".", 1);
		spell(s, path->key, path->length);
		return;
	}
	snprintf(index, sizeof(index), "[%zu]", path->index);
	spell(s, index, strlen(index));
}

int cf_path_fail(const struct cf_blame *blame, const struct cf_path *path, int error, const char *fmt, ...)
{
	char where[CF_PATH_ROOM] = "", what[sizeof(blame->err->text)];
	struct spelling spelling = { .text = where };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	spell_path(&spelling, path);
	return cf_fail(blame->err, error, blame->code, "%s: %s", where, what);
}

const char *cf_field_key(const struct cf_field *f, char key[static CF_KEY_ROOM])
{
	const char *unit = f->kind == CF_KIND_SPAN ? "_ns" : f->kind == CF_KIND_MONO ? "_raw_ns" : "";
	int n = snprintf(key, CF_KEY_ROOM, "%s%s", f->name, unit);

	assert(n > 0 && n < CF_KEY_ROOM);
	(void)n;
	return key;
}

struct cf_shape cf_interval_shape(const struct cf_field *f, struct cf_field ends[static 2])
{
	ends[0] = (struct cf_field)CF_SPAN(struct cf_interval, low, f->min, f->max);
	ends[1] = (struct cf_field)CF_SPAN(struct cf_interval, high, f->min, f->max);
	return (struct cf_shape){
		.name = f->name,
		.size = sizeof(struct cf_interval),
		.fields = ends,
		.n_fields = 2,
	};
}

struct cf_field cf_list_element(const struct cf_field *f)
{
	return (struct cf_field){
		.name = f->name,
		.kind = f->shape ? CF_KIND_SHAPE : CF_KIND_TEXT,
		.size = f->size,
		.max = (int64_t)f->size - 1,
		.shape = f->shape,
	};
}

char *cf_number_text(double d, char ret[static CF_NUMBER_TEXT_ROOM])
{
	char digits[CF_NUMBER_TEXT_ROOM];
	size_t used = 0;
	bool plain = true;

	assert(isfinite(d));

	for (int precision = 15; precision <= 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*g", precision, d);
		if (strtod(digits, NULL) == d)
			break;
	}

	/* Whatever is no digit, sign or exponent is this locale's decimal point, in one byte or more. */
	for (const char *at = digits; *at; at++) {
		bool point = !strchr("0123456789+-e", *at);

		plain = plain && !point && *at != 'e';
		if (!point)
			ret[used++] = *at;
		else if (ret[used - 1] != '.')
			ret[used++] = '.';
	}
	strcpy(ret + used, plain ? ".0" : "");
	return ret;
}
