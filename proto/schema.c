/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/schema.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec-inside.h"
#include "proto/grow.h"
#include "proto/text.h"
#include "proto/version.h"

#define MOST_SHAPES	64
#define NAME_WIDTH	16

struct schema {
	struct cf_grow text;
	const struct cf_shape *shapes[MOST_SHAPES];
	size_t n_shapes;
};

static void put(struct schema *s, const char *text)
{
	cf_grow_add(&s->text, text, strlen(text));
}

static void note_shape(struct schema *s, const struct cf_shape *shape)
{
	for (size_t i = 0; i < s->n_shapes; i++)
		if (s->shapes[i] == shape)
			return;

	assert(s->n_shapes < MOST_SHAPES);
	s->shapes[s->n_shapes++] = shape;
}

/* The type's own range goes without saying. */
static void put_range(struct schema *s, const struct cf_field *f)
{
	if (f->min > INT64_MIN || f->max < INT64_MAX)
		cf_grow_printf(&s->text, ", %" PRId64 " to %" PRId64, f->min, f->max);
}

static void put_words(struct schema *s, const struct cf_field *f)
{
	const char *before = "one of ";

	for (int64_t i = 0; i <= f->max; i++) {
		if (!f->words[i])
			continue;
		put(s, before);
		put(s, f->words[i]);
		before = ", ";
	}
}

static void put_list(struct schema *s, const struct cf_field *f)
{
	if (f->shape) {
		put(s, "list of ");
		put(s, f->shape->name);
		note_shape(s, f->shape);
	} else {
		cf_grow_printf(&s->text, "list of texts of at most %zu bytes", f->size - 1);
	}
	cf_grow_printf(&s->text, ", at most %" PRId64, f->max);
}

static void put_kind(struct schema *s, const struct cf_field *f)
{
	char low[CF_NUMBER_TEXT_ROOM], high[CF_NUMBER_TEXT_ROOM];

	switch (f->kind) {
	case CF_KIND_BOOL:
		put(s, "true or false");
		return;
	case CF_KIND_INT:
	case CF_KIND_SPAN:
	case CF_KIND_MONO:
		put(s, "integer");
		put_range(s, f);
		return;
	case CF_KIND_REAL:
		cf_grow_printf(&s->text, "number, %s to %s", cf_number_text(f->low, low),
			       cf_number_text(f->high, high));
		return;
	case CF_KIND_TIME:
		put(s, "time, RFC 3339 UTC with nine digits");
		return;
	case CF_KIND_TEXT:
		cf_grow_printf(&s->text, "text, at most %" PRId64 " bytes", f->max);
		return;
	case CF_KIND_ENUM:
		put_words(s, f);
		return;
	case CF_KIND_INTERVAL:
		put(s, "{ low_ns, high_ns }, integers");
		put_range(s, f);
		return;
	case CF_KIND_SHAPE:
		put(s, f->shape->name);
		note_shape(s, f->shape);
		return;
	case CF_KIND_LIST:
		put_list(s, f);
		return;
	case CF_KIND_BLOB:
		cf_grow_printf(&s->text, "base64 of at most %" PRId64 " bytes", f->max);
		return;
	}
	abort();
}

static void put_parameter(struct schema *s, const struct cf_field *f)
{
	char low[CF_SPAN_TEXT_ROOM], high[CF_SPAN_TEXT_ROOM];

	if (f->kind == CF_KIND_SPAN)
		cf_grow_printf(&s->text, "span with its unit, %s to %s", cf_span_exact_text((cf_span){ f->min }, low),
			       cf_span_exact_text((cf_span){ f->max }, high));
	else if (f->kind == CF_KIND_LIST)
		cf_grow_printf(&s->text, "text, at most %zu bytes; up to %" PRId64 " times", f->size - 1, f->max);
	else
		put_kind(s, f);
}

/* One row; put_what() says what stands in it. */
static void put_row(struct schema *s, const char *key, const struct cf_field *f,
		    void (*put_what)(struct schema *s, const struct cf_field *f))
{
	cf_grow_printf(&s->text, "  %-*s ", NAME_WIDTH - 1, key);
	put_what(s, f);
	if (f->optional)
		put(s, "; optional");
	if (f->since > 0)
		cf_grow_printf(&s->text, "; since %d.%d", CF_MAJOR, f->since);
	put(s, "\n");
}

static void put_shape(struct schema *s, const struct cf_shape *shape)
{
	char key[CF_KEY_ROOM];

	put(s, shape->name);
	put(s, "\n");
	for (size_t i = 0; i < shape->n_fields; i++)
		put_row(s, cf_field_key(&shape->fields[i], key), &shape->fields[i], put_kind);
}

char *cf_schema(const struct cf_shape *shape)
{
	struct schema s = { .shapes = { shape }, .n_shapes = 1 };

	for (size_t i = 0; i < s.n_shapes; i++) {
		if (i > 0)
			put(&s, "\n");
		put_shape(&s, s.shapes[i]);
	}
	return cf_grow_take(&s.text);
}

char *cf_schema_query(const struct cf_shape *shape)
{
	struct schema s = { 0 };

	put(&s, shape->name);
	put(&s, "\n");
	for (size_t i = 0; i < shape->n_fields; i++)
		put_row(&s, shape->fields[i].name, &shape->fields[i], put_parameter);
	return cf_grow_take(&s.text);
}
