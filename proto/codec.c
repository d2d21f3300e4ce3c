/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/codec.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/base64.h"
#include "proto/codec-inside.h"
#include "proto/text.h"
#include "proto/utf8.h"

#define WORD_ROOM 48	/* of what a sender wrote, in an error */

CF_DEFINE_AUTO(json_object *, json_object_put)

struct in {
	enum cf_mode mode;
	struct cf_blame blame;
};

static int decode_shape(const struct in *in, const struct cf_shape *shape, const struct cf_path *path,
			json_object *o, char *base);
static int decode_value(const struct in *in, const struct cf_field *f, const struct cf_path *path,
			json_object *v, char *base);

#define fail(in, path, error, ...) cf_path_fail(&(in)->blame, path, error, __VA_ARGS__)

static int decode_bool(const struct in *in, const struct cf_path *path, json_object *v, bool *ret)
{
	if (!json_object_is_type(v, json_type_boolean))
		return fail(in, path, EINVAL, "not true or false");

	*ret = json_object_get_boolean(v);
	return 0;
}

static int decode_int(const struct in *in, const struct cf_field *f, const struct cf_path *path,
		      json_object *v, int64_t *ret)
{
	int64_t n;

	if (!json_object_is_type(v, json_type_int))
		return fail(in, path, EINVAL, "not an integer");
	n = json_object_get_int64(v);
	if (n < f->min)
		return fail(in, path, ERANGE, "%" PRId64 " is below %" PRId64, n, f->min);
	if (n > f->max)
		return fail(in, path, ERANGE, "%" PRId64 " is above %" PRId64, n, f->max);

	*ret = n;
	return 0;
}

static int decode_real(const struct in *in, const struct cf_field *f, const struct cf_path *path,
		       json_object *v, double *ret)
{
	char value[CF_NUMBER_TEXT_ROOM], limit[CF_NUMBER_TEXT_ROOM];
	double d;

	if (!json_object_is_type(v, json_type_double) && !json_object_is_type(v, json_type_int))
		return fail(in, path, EINVAL, "not a number");
	d = json_object_get_double(v);
	if (!isfinite(d))
		return fail(in, path, ERANGE, "beyond a double");
	if (d < f->low)
		return fail(in, path, ERANGE, "%s is below %s", cf_number_text(d, value),
			    cf_number_text(f->low, limit));
	if (d > f->high)
		return fail(in, path, ERANGE, "%s is above %s", cf_number_text(d, value),
			    cf_number_text(f->high, limit));

	*ret = d;
	return 0;
}

static int decode_time(const struct in *in, const struct cf_path *path, json_object *v, cf_real *ret)
{
	struct cf_error err;
	int r;

	if (!json_object_is_type(v, json_type_string))
		return fail(in, path, EINVAL, "not a text");
	r = cf_real_parse(json_object_get_string(v), ret, &err);
	if (r < 0)
		return fail(in, path, -r, "%s", err.text);

	return 0;
}

static int decode_text(const struct in *in, const struct cf_field *f, const struct cf_path *path,
		       json_object *v, char *ret)
{
	size_t length;

	if (!json_object_is_type(v, json_type_string))
		return fail(in, path, EINVAL, "not a text");
	length = json_object_get_string_len(v);
	if (length > (size_t)f->max)
		return fail(in, path, E2BIG, "longer than %" PRId64 " bytes", f->max);

	memcpy(ret, json_object_get_string(v), length);
	return 0;
}

/* Is its value 0 what is not known? */
static bool has_unknown(const struct cf_field *f)
{
	return f->words[0] && (strcmp(f->words[0], "unknown") == 0 || strcmp(f->words[0], "none") == 0);
}

static int decode_enum(const struct in *in, const struct cf_field *f, const struct cf_path *path,
		       json_object *v, unsigned *ret)
{
	char shown[WORD_ROOM];
	const char *word;

	if (!json_object_is_type(v, json_type_string))
		return fail(in, path, EINVAL, "not a text");

	word = json_object_get_string(v);
	for (unsigned i = 0; i <= f->max; i++)
		if (f->words[i] && strcmp(f->words[i], word) == 0) {
			*ret = i;
			return 0;
		}
	if (in->mode == CF_TOLERANT && has_unknown(f)) {
		*ret = 0;
		return 0;
	}

	return fail(in, path, EINVAL, "unknown word '%s'",
		    cf_utf8_clean(word, strlen(word), shown, sizeof(shown)));
}

static int decode_interval(const struct in *in, const struct cf_field *f, const struct cf_path *path,
			   json_object *v, struct cf_interval *ret)
{
	struct cf_field ends[2];
	struct cf_shape shape = cf_interval_shape(f, ends);
	struct cf_interval i;
	int r;

	r = decode_shape(in, &shape, path, v, (char *)&i);
	if (r < 0)
		return r;
	if (i.low.ns > i.high.ns)
		return fail(in, path, EINVAL, "low_ns is above high_ns");

	*ret = i;
	return 0;
}

/* The count is written first, so that cf_message_clear() finds what a list that fails half way holds. */
static int decode_list(const struct in *in, const struct cf_field *f, const struct cf_path *path,
		       json_object *v, char *base)
{
	const struct cf_field element = cf_list_element(f);
	struct cf_path at = { .up = path };
	size_t n;
	int r;

	if (!json_object_is_type(v, json_type_array))
		return fail(in, path, EINVAL, "not a list");
	n = json_object_array_length(v);
	if (n > (size_t)f->max)
		return fail(in, path, E2BIG, "more than %" PRId64 " elements", f->max);

	*(size_t *)(base + f->count) = n;
	for (; at.index < n; at.index++) {
		r = decode_value(in, &element, &at, json_object_array_get_idx(v, at.index),
				 base + f->offset + at.index * f->size);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_blob(const struct in *in, const struct cf_field *f, const struct cf_path *path,
		       json_object *v, struct cf_blob *ret)
{
	CF_AUTO(cf_free) unsigned char *data = NULL;
	size_t length, size;

	if (!json_object_is_type(v, json_type_string))
		return fail(in, path, EINVAL, "not a text");
	length = json_object_get_string_len(v);
	if (length > cf_base64_size(f->max))
		return fail(in, path, E2BIG, "more than %" PRId64 " bytes", f->max);
	if (length == 0)
		return 0;

	data = malloc(length / 4 * 3 + 1);
	if (!data)
		return cf_fail(in->blame.err, ENOMEM, CF_HOST, "out of memory");
	if (!cf_base64_decode(json_object_get_string(v), length, data, &size))
		return fail(in, path, EINVAL, "not base64");
	explicit_bzero((char *)json_object_get_string(v), length);	/* json-c only frees it */
	if (size > (size_t)f->max)
		return fail(in, path, E2BIG, "more than %" PRId64 " bytes", f->max);

	*ret = (struct cf_blob){ .data = CF_TAKE(data), .size = size };
	return 0;
}

/* One value into the member of the struct at base that the row *f is about. */
static int decode_value(const struct in *in, const struct cf_field *f, const struct cf_path *path,
			json_object *v, char *base)
{
	void *member = base + f->offset;

	switch (f->kind) {
	case CF_KIND_BOOL:
		return decode_bool(in, path, v, member);
	case CF_KIND_INT:
		return decode_int(in, f, path, v, member);
	case CF_KIND_REAL:
		return decode_real(in, f, path, v, member);
	case CF_KIND_SPAN:
		return decode_int(in, f, path, v, &((cf_span *)member)->ns);
	case CF_KIND_MONO:
		return decode_int(in, f, path, v, &((cf_mono *)member)->ns);
	case CF_KIND_TIME:
		return decode_time(in, path, v, member);
	case CF_KIND_TEXT:
		return decode_text(in, f, path, v, member);
	case CF_KIND_ENUM:
		return decode_enum(in, f, path, v, member);
	case CF_KIND_INTERVAL:
		return decode_interval(in, f, path, v, member);
	case CF_KIND_SHAPE:
		return decode_shape(in, f->shape, path, v, member);
	case CF_KIND_LIST:
		return decode_list(in, f, path, v, base);
	case CF_KIND_BLOB:
		return decode_blob(in, f, path, v, member);
	}
	abort();
}

static bool known(const struct cf_shape *shape, const char *name)
{
	char key[CF_KEY_ROOM];

	for (size_t i = 0; i < shape->n_fields; i++)
		if (strcmp(cf_field_key(&shape->fields[i], key), name) == 0)
			return true;

	return false;
}

static int refuse_unknown(const struct in *in, const struct cf_shape *shape, const struct cf_path *path,
			  json_object *o)
{
	json_object_iter at;

	json_object_object_foreachC(o, at) {
		struct cf_path unknown = { .up = path, .key = at.key, .length = strlen(at.key) };

		if (!known(shape, at.key))
			return fail(in, &unknown, EINVAL, "unknown field");
	}
	return 0;
}

static int decode_field(const struct in *in, const struct cf_field *f, const struct cf_path *up,
			json_object *o, char *base)
{
	char key[CF_KEY_ROOM];
	struct cf_path path = { .up = up, .key = cf_field_key(f, key), .length = strlen(key) };
	json_object *v;
	int r;

	if (!json_object_object_get_ex(o, key, &v))
		return f->optional || f->kind == CF_KIND_LIST ? 0 : fail(in, &path, EINVAL, "missing");

	r = decode_value(in, f, &path, v, base);
	if (r < 0)
		return r;
	if (f->optional)
		*(bool *)(base + f->present) = true;
	return 0;
}

/* A surplus field is named before a missing one: of a misspelt name it is the more useful half. */
static int decode_shape(const struct in *in, const struct cf_shape *shape, const struct cf_path *path,
			json_object *o, char *base)
{
	int r = 0;

	if (!json_object_is_type(o, json_type_object))
		return fail(in, path, EINVAL, "not an object");
	if (in->mode == CF_STRICT)
		r = refuse_unknown(in, shape, path, o);

	for (size_t i = 0; r == 0 && i < shape->n_fields; i++)
		r = decode_field(in, &shape->fields[i], path, o, base);

	return r;
}

static int decode_into(const struct in *in, const struct cf_shape *shape, const char *text, size_t size,
		       char *draft)
{
	const struct cf_path root = { .key = shape->name, .length = strlen(shape->name) };
	CF_AUTO(json_object_put) json_object *o = NULL;
	int r;

	if (size > INT_MAX)
		return fail(in, &root, E2BIG, "too long");
	r = cf_parse(&in->blame, &root, text, size, &o);
	if (r < 0)
		return r;

	return decode_shape(in, shape, &root, o, draft);
}

int cf_decode(const struct cf_shape *shape, enum cf_mode mode, const char *text, size_t size, void *out,
	      struct cf_error *err)
{
	const struct in in = { mode, { mode == CF_STRICT ? CF_BAD_REQUEST : CF_PEER, err } };
	CF_AUTO(cf_free) char *draft = calloc(1, shape->size);
	int r;

	if (!draft)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	r = decode_into(&in, shape, text, size, draft);
	if (r < 0) {
		cf_message_clear(shape, draft);
		return r;
	}

	memcpy(out, draft, shape->size);
	return 0;
}
