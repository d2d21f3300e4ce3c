/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Laws that every message of the API keeps: what a table cannot get past the
 * compiler wrong, it can still say wrong.
 */

#include <string.h>

#include "proto/base.h"
#include "proto/codec.h"
#include "proto/codec-inside.h"
#include "proto/problem.h"
#include "proto/query.h"
#include "proto/route.h"
#include "proto/schema.h"
#include "tests/tap.h"

static bool known_word(const struct cf_field *f, int64_t value)
{
	for (int64_t i = 0; i < value; i++)
		if (f->words[i] && strcmp(f->words[i], f->words[value]) == 0)
			return true;

	return false;
}

static bool words_good(const struct cf_field *f)
{
	for (int64_t i = 0; i <= f->max; i++)
		if (!f->words[i] || !*f->words[i] || known_word(f, i))
			return false;

	return f->size == sizeof(unsigned);
}

static bool range_good(const struct cf_field *f)
{
	switch (f->kind) {
	case CF_KIND_REAL:
		return f->low < f->high;
	case CF_KIND_ENUM:
		return words_good(f);
	case CF_KIND_BOOL:
	case CF_KIND_SHAPE:
		return true;
	default:
		return f->min < f->max;
	}
}

static bool inside(const struct cf_shape *shape, const struct cf_field *f)
{
	size_t size = f->kind == CF_KIND_LIST ? f->size * (size_t)f->max : f->size;

	return f->offset + size <= shape->size &&
	       (!f->optional || f->present + sizeof(bool) <= shape->size) &&
	       (f->kind != CF_KIND_LIST || f->count + sizeof(size_t) <= shape->size);
}

static bool key_is_new(const struct cf_shape *shape, size_t n)
{
	char key[CF_KEY_ROOM], other[CF_KEY_ROOM];

	cf_field_key(&shape->fields[n], key);
	for (size_t i = 0; i < n; i++)
		if (strcmp(key, cf_field_key(&shape->fields[i], other)) == 0)
			return false;

	return true;
}

/* Two rows about one member, or two members that share their has_x, would overwrite each other. */
static bool member_is_new(const struct cf_shape *shape, size_t n)
{
	const struct cf_field *f = &shape->fields[n];

	for (size_t i = 0; i < n; i++) {
		const struct cf_field *other = &shape->fields[i];

		if (f->offset == other->offset ||
		    (f->optional && other->optional && f->present == other->present))
			return false;
	}
	return true;
}

static bool since_good(const struct cf_field *f)
{
	return f->since >= 0 && f->since <= CF_MINOR &&
	       (f->since == 0 || f->optional || f->kind == CF_KIND_LIST);
}

static void try_fields(const struct cf_shape *shape)
{
	bool keys = true, members = true, ranges = true, versions = true;

	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];
		bool member = inside(shape, f) && member_is_new(shape, i);

		if (!key_is_new(shape, i) || !member || !range_good(f) || !since_good(f))
			printf("# %s.%s\n", shape->name, f->name);
		keys = keys && key_is_new(shape, i);
		members = members && member;
		ranges = ranges && range_good(f);
		versions = versions && since_good(f);
	}
	ok(keys, "%s has each key once", shape->name);
	ok(members, "... each member once, inside the struct");
	ok(ranges, "... ranges that hold something, and a word for each value");
	ok(versions, "... and nothing of a version that does not exist");
}

static int deeper(const struct cf_shape *shape)
{
	int deepest = 1;

	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];
		int depth = 1 + (f->kind == CF_KIND_INTERVAL) + (f->kind == CF_KIND_LIST);

		if (f->shape)
			depth += deeper(f->shape);
		if (depth > deepest)
			deepest = depth;
	}
	return deepest;
}

/* Values in the fullest message, the message itself included. */
static size_t most_values(const struct cf_shape *shape)
{
	size_t n = 1;

	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];
		size_t each = f->shape ? most_values(f->shape) : 1;

		if (f->kind == CF_KIND_INTERVAL)
			each = 3;
		n += f->kind == CF_KIND_LIST ? 1 + f->max * each : each;
	}
	return n;
}

static size_t largest_shape(const struct cf_shape *shape);

/* Bytes of the longest value, texts counted as what needs no escapes. */
static size_t largest(const struct cf_field *f)
{
	switch (f->kind) {
	case CF_KIND_BOOL:
		return strlen("false");
	case CF_KIND_INT:
	case CF_KIND_SPAN:
	case CF_KIND_MONO:
		return strlen("-9223372036854775808");
	case CF_KIND_REAL:
		return CF_NUMBER_TEXT_ROOM;
	case CF_KIND_TIME:
		return strlen("\"2026-01-31T12:00:00.000000000Z\"");
	case CF_KIND_TEXT:
		return f->max + 2;
	case CF_KIND_ENUM:
		return CF_KEY_ROOM;
	case CF_KIND_INTERVAL:
		return strlen("{\"low_ns\":,\"high_ns\":}") + 2 * strlen("-9223372036854775808");
	case CF_KIND_SHAPE:
		return largest_shape(f->shape);
	case CF_KIND_LIST:
		return 2 + f->max * (1 + (f->shape ? largest_shape(f->shape) : f->size + 2));
	case CF_KIND_BLOB:
		return 2 + ((size_t)f->max + 2) / 3 * 4;
	}
	return 0;
}

static size_t largest_shape(const struct cf_shape *shape)
{
	char key[CF_KEY_ROOM];
	size_t size = 2;

	for (size_t i = 0; i < shape->n_fields; i++)
		size += strlen("\"\":,") + strlen(cf_field_key(&shape->fields[i], key)) +
			largest(&shape->fields[i]);

	return size;
}

/* Numbers of a zeroed message may be out of range; what says so has to be the only thing wrong with it. */
static void try_message(const struct cf_shape *shape)
{
	char *zeroed = calloc(1, shape->size), *back = calloc(1, shape->size);
	char *schema = cf_schema(shape), *text;
	struct cf_error err = { 0 };
	int r;

	text = cf_encode(shape, zeroed, CF_MINOR);
	r = cf_decode(shape, CF_STRICT, text, strlen(text), back, &err);
	ok(r == 0 || strstr(err.text, " is below ") || strstr(err.text, " is above "),
	   "an empty %s can be read%s%s",
	   shape->name, r ? " but for: " : "", r ? err.text : "");
	if (r == 0)
		cf_message_clear(shape, back);
	ok(deeper(shape) <= CF_DEPTH, "... is %d deep at most", deeper(shape));
	ok(most_values(shape) <= CF_VALUES, "... has %zu values at most", most_values(shape));
	ok(schema && strncmp(schema, shape->name, strlen(shape->name)) == 0, "... and can be described");
	free(schema);
	free(text);
	free(back);
	free(zeroed);
}

struct seen {
	const struct cf_shape *shapes[128];
	size_t n;
};

static void visit(struct seen *seen, const struct cf_shape *shape)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->shapes[i] == shape)
			return;

	seen->shapes[seen->n++] = shape;
	try_fields(shape);
	try_message(shape);
	for (size_t i = 0; i < shape->n_fields; i++)
		if (shape->fields[i].shape)
			visit(seen, shape->fields[i].shape);
}

/* A query may leave anything out, and has only what a person can spell in one. */
static void try_query(const struct cf_shape *shape)
{
	const unsigned kinds = 1 << CF_KIND_BOOL | 1 << CF_KIND_INT | 1 << CF_KIND_SPAN | 1 << CF_KIND_TEXT | 1 << CF_KIND_ENUM;
	bool optional = true, plain = true;

	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];
		bool list = f->kind == CF_KIND_LIST && !f->shape;

		optional = optional && (f->optional || list);
		plain = plain && (list || (1 << f->kind & kinds)) &&
			(f->kind != CF_KIND_TEXT || f->size <= CF_QUERY_VALUE_ROOM);
	}
	ok(optional, "a query of %s may be empty", shape->name);
	ok(plain, "... and can be spelled");
}

int main(void)
{
	struct seen seen = { .n = 0 };

	for (size_t i = 0; i < CF_N_ROUTES; i++) {
		const struct cf_route *route = &cf_routes[i];

		printf("# %s %s: reply of %zu bytes at most\n", route->method, route->path,
		       largest_shape(route->reply));
		if (route->request) {
			visit(&seen, route->request);
			ok(largest_shape(route->request) <= route->body_limit, "the largest %s passes %s %s",
			   route->request->name, route->method, route->path);
		}
		visit(&seen, route->reply);
		if (route->query) {
			try_fields(route->query);
			try_query(route->query);
		}
	}
	visit(&seen, &cf_problem_shape);

	return done();
}
