/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/field.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

static int take_bool(const char *word, bool *ret, struct cf_error *err)
{
	bool yes = !word || strcmp(word, "yes") == 0;

	if (!yes && strcmp(word, "no") != 0)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%.64s' is neither yes nor no", word);
	*ret = yes;
	return 0;
}

static int take_int(const struct cf_field *field, const char *word, int64_t *ret, struct cf_error *err)
{
	char *end;
	int64_t n;

	errno = 0;
	n = strtoll(word, &end, 10);
	if (errno || end == word || *end || n < field->min || n > field->max)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%.64s' is no whole number from %" PRId64 " to %" PRId64,
			       word, field->min, field->max);
	*ret = n;
	return 0;
}

static int take_text(size_t size, const char *word, size_t n, char *ret, struct cf_error *err)
{
	if (n == 0 || n >= size)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%.64s' is %s", word, n ? "too long" : "empty");
	memcpy(ret, word, n);
	ret[n] = '\0';
	return 0;
}

/* The first word stands for what only a newer version knows. */
static int take_enum(const struct cf_field *field, const char *word, unsigned *ret, struct cf_error *err)
{
	char all[160] = "";

	for (int64_t i = 1; i <= field->max; i++) {
		if (strcmp(field->words[i], word) == 0) {
			*ret = (unsigned)i;
			return 0;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i > 1 ? ", " : "", field->words[i]);
	}
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%.32s' is none of %s", word, all);
}

static int take_list(const struct cf_field *field, const char *word, char *base, struct cf_error *err)
{
	size_t *count = (size_t *)(base + field->count);

	for (;;) {
		size_t n = strcspn(word, ",");
		int r;

		if (*count == (size_t)field->max)
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "more than %" PRId64 " are too many", field->max);
		r = take_text(field->size, word, n, base + field->offset + *count * field->size, err);
		if (r < 0)
			return r;
		++*count;
		if (!word[n])
			return 0;
		word += n + 1;
	}
}

static const struct cf_field *find(const struct cf_shape *shape, const char *name)
{
	size_t i = 0;

	while (i < shape->n_fields && strcmp(shape->fields[i].name, name) != 0)
		i++;
	assert(i < shape->n_fields);
	return &shape->fields[i];
}

static int take(const struct cf_field *field, const char *word, char *base, struct cf_error *err)
{
	void *member = base + field->offset;

	switch (field->kind) {
	case CF_KIND_BOOL:
		return take_bool(word, member, err);
	case CF_KIND_INT:
		return take_int(field, word, member, err);
	case CF_KIND_SPAN:
		return cf_span_parse(word, (cf_span){ field->min }, (cf_span){ field->max }, member, err);
	case CF_KIND_ENUM:
		return take_enum(field, word, member, err);
	case CF_KIND_LIST:
		return take_list(field, word, base, err);
	default:
		assert(field->kind == CF_KIND_TEXT);
		return take_text(field->size, word, strlen(word), member, err);
	}
}

int field_take(const struct cf_shape *shape, const char *name, const char *word, void *message, struct cf_error *err)
{
	const struct cf_field *field = find(shape, name);
	int r = take(field, word, message, err);

	if (r < 0)
		return r;
	if (field->optional)
		*(bool *)((char *)message + field->present) = true;
	return 0;
}
