/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/query.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "proto/percent.h"
#include "proto/text.h"
#include "proto/utf8.h"

#define SHOWN_ROOM 64	/* of what a sender wrote, in an error */

/* One "key=value", decoded, and its key as an error shows it. */
struct pair {
	char key[64];
	char value[CF_QUERY_VALUE_ROOM];
	char shown[SHOWN_ROOM];
};

static int fail(const struct pair *pair, int error, const char *what, struct cf_error *err)
{
	return cf_fail(err, error, CF_BAD_REQUEST, "%s: %s", pair->shown, what);
}

/* The same about the value. */
static int fail_value(const struct pair *pair, const char *what, struct cf_error *err)
{
	char value[SHOWN_ROOM];

	cf_utf8_clean(pair->value, strlen(pair->value), value, sizeof(value));
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s: '%s' is %s", pair->shown, value, what);
}

static int take_bool(const struct pair *pair, bool *ret, struct cf_error *err)
{
	bool yes = strcmp(pair->value, "true") == 0;

	if (!yes && strcmp(pair->value, "false") != 0)
		return fail_value(pair, "neither true nor false", err);
	*ret = yes;
	return 0;
}

static int take_int(const struct cf_field *f, const struct pair *pair, int64_t *ret, struct cf_error *err)
{
	const char *digits = pair->value + (pair->value[0] == '-');
	int64_t n;

	if (!*digits || digits[strspn(digits, "0123456789")])
		return fail_value(pair, "no whole number", err);
	errno = 0;
	n = strtoll(pair->value, NULL, 10);
	if (errno || n < f->min || n > f->max)
		return cf_fail(err, ERANGE, CF_BAD_REQUEST, "%s: %.20s is not within %" PRId64 " to %" PRId64,
			       pair->shown, pair->value, f->min, f->max);
	*ret = n;
	return 0;
}

static int take_span(const struct cf_field *f, const struct pair *pair, cf_span *ret, struct cf_error *err)
{
	struct cf_error why;
	int r;

	r = cf_span_parse(pair->value, (cf_span){ f->min }, (cf_span){ f->max }, ret, &why);
	return r < 0 ? fail(pair, -r, why.text, err) : 0;
}

static int take_enum(const struct cf_field *f, const struct pair *pair, unsigned *ret, struct cf_error *err)
{
	for (unsigned i = 0; i <= f->max; i++)
		if (f->words[i] && strcmp(f->words[i], pair->value) == 0) {
			*ret = i;
			return 0;
		}
	return fail_value(pair, "none of the words there are", err);
}

static bool is_utf8(const char *text)
{
	size_t n = strlen(text), length;

	for (size_t i = 0; i < n; i += length) {
		length = cf_utf8_length(text + i, n - i);
		if (length == 0)
			return false;
	}
	return true;
}

static int take_text(const struct pair *pair, char *ret, size_t room, struct cf_error *err)
{
	size_t n = strlen(pair->value);

	if (!is_utf8(pair->value))
		return fail(pair, EINVAL, "not UTF-8", err);
	if (n >= room)
		return cf_fail(err, E2BIG, CF_BAD_REQUEST, "%s: longer than %zu bytes", pair->shown, room - 1);
	memcpy(ret, pair->value, n + 1);
	return 0;
}

static int take_element(const struct cf_field *f, const struct pair *pair, char *base, struct cf_error *err)
{
	size_t *n = (size_t *)(base + f->count);
	int r;

	if (*n == (size_t)f->max)
		return fail(pair, E2BIG, "given too often", err);
	r = take_text(pair, base + f->offset + *n * f->size, f->size, err);
	*n += r == 0;
	return r;
}

static int take_value(const struct cf_field *f, const struct pair *pair, char *base, struct cf_error *err)
{
	void *member = base + f->offset;

	switch (f->kind) {
	case CF_KIND_BOOL:
		return take_bool(pair, member, err);
	case CF_KIND_INT:
		return take_int(f, pair, member, err);
	case CF_KIND_SPAN:
		return take_span(f, pair, member, err);
	case CF_KIND_ENUM:
		return take_enum(f, pair, member, err);
	case CF_KIND_TEXT:
		return take_text(pair, member, f->size, err);
	case CF_KIND_LIST:
		return take_element(f, pair, base, err);
	default:
		abort();
	}
}

static int take_pair(const struct cf_shape *shape, const struct pair *pair, char *base, struct cf_error *err)
{
	for (size_t i = 0; shape && i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];
		bool *present = (bool *)(base + f->present);
		int r;

		if (strcmp(f->name, pair->key) != 0)
			continue;
		if (f->optional && *present)
			return fail(pair, EINVAL, "given twice", err);
		r = take_value(f, pair, base, err);
		if (r == 0 && f->optional)
			*present = true;
		return r;
	}
	return fail(pair, EINVAL, "unknown parameter", err);
}

/* The pair at *at, which is moved behind it and its '&'. */
static int read_pair(const char **at, struct pair *ret, struct cf_error *err)
{
	size_t n = strcspn(*at, "=&");

	cf_utf8_clean(n ? *at : "the query", n ? n : strlen("the query"), ret->shown, sizeof(ret->shown));
	if (cf_percent_decode(at, "=&", ret->key, sizeof(ret->key)) < 0)
		return fail(ret, EINVAL, "no name of a parameter", err);
	if (**at != '=')
		return fail(ret, EINVAL, "without a value", err);
	++*at;
	if (cf_percent_decode(at, "&", ret->value, sizeof(ret->value)) < 0)
		return fail(ret, EINVAL, "the value is malformed or too long", err);
	*at += **at == '&';
	return 0;
}

int cf_query_decode(const struct cf_shape *shape, const char *query, void *out, struct cf_error *err)
{
	CF_AUTO(cf_free) char *draft = calloc(1, shape ? shape->size : 1);
	struct pair pair;
	int r;

	if (!draft)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	while (*query) {
		r = read_pair(&query, &pair, err);
		if (r == 0)
			r = take_pair(shape, &pair, draft, err);
		if (r < 0)
			return r;
	}

	if (shape)
		memcpy(out, draft, shape->size);
	return 0;
}

static void put_key(struct cf_grow *to, const struct cf_field *f, bool *first)
{
	cf_grow_char(to, *first ? '?' : '&');
	cf_grow_printf(to, "%s=", f->name);
	*first = false;
}

/* Without the blank that a person would put before the unit. */
static void put_span(struct cf_grow *to, cf_span span)
{
	char text[CF_SPAN_TEXT_ROOM];

	for (const char *at = cf_span_exact_text(span, text); *at; at++)
		if (*at != ' ')
			cf_grow_char(to, *at);
}

static void put_value(struct cf_grow *to, const struct cf_field *f, const char *base)
{
	const void *member = base + f->offset;

	switch (f->kind) {
	case CF_KIND_BOOL:
		cf_grow_printf(to, "%s", *(const bool *)member ? "true" : "false");
		return;
	case CF_KIND_INT:
		cf_grow_printf(to, "%" PRId64, *(const int64_t *)member);
		return;
	case CF_KIND_SPAN:
		put_span(to, *(const cf_span *)member);
		return;
	case CF_KIND_ENUM:
		cf_percent_encode(to, f->words[*(const unsigned *)member]);
		return;
	case CF_KIND_TEXT:
		cf_percent_encode(to, member);
		return;
	default:
		abort();
	}
}

static void put_list(struct cf_grow *to, const struct cf_field *f, const char *base, bool *first)
{
	size_t n = *(const size_t *)(base + f->count);

	for (size_t i = 0; i < n; i++) {
		put_key(to, f, first);
		cf_percent_encode(to, base + f->offset + i * f->size);
	}
}

void cf_query_encode(const struct cf_shape *shape, const void *in, int minor, struct cf_grow *to)
{
	const char *base = in;
	bool first = true;

	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];

		assert(f->optional || f->kind == CF_KIND_LIST);
		if (f->since > minor)
			continue;
		if (f->kind == CF_KIND_LIST) {
			put_list(to, f, base, &first);
		} else if (*(const bool *)(base + f->present)) {
			put_key(to, f, &first);
			put_value(to, f, base);
		}
	}
}
