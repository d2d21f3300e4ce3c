/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Written straight from the struct rather than as a tree for json-c to print:
 * its printer cuts the text silently when memory runs out.
 */

#include "proto/codec.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base64.h"
#include "proto/codec-inside.h"
#include "proto/grow.h"
#include "proto/text.h"
#include "proto/utf8.h"
#include "proto/version.h"

struct out {
	struct cf_grow text;
	int minor;
};

static void encode_shape(struct out *o, const struct cf_shape *shape, const char *base);
static void encode_value(struct out *o, const struct cf_field *f, const char *base);

static void put_escaped(struct out *o, unsigned char c)
{
	static const char short_for[] = "\bb\ff\nn\rr\tt\"\"\\\\";

	for (const char *at = short_for; *at; at += 2)
		if ((unsigned char)at[0] == c) {
			cf_grow_char(&o->text, '\\');
			cf_grow_char(&o->text, at[1]);
			return;
		}
	cf_grow_printf(&o->text, "\\u%04x", c);
}

/*
 * A text may come from anywhere, and one that was cut to fit may end inside a
 * character.  Bytes that are no UTF-8 become '?': a receiver would refuse the
 * whole message for their sake, and more than one byte might not fit there.
 */
static void put_text(struct out *o, const char *text, size_t n)
{
	cf_grow_char(&o->text, '"');
	for (size_t i = 0, length; i < n; i += length) {
		unsigned char c = text[i];

		length = cf_utf8_length(text + i, n - i);
		if (length == 0) {
			cf_grow_char(&o->text, '?');
			length = 1;
		} else if (c < 0x20 || c == '"' || c == '\\') {
			put_escaped(o, c);
		} else {
			cf_grow_add(&o->text, text + i, length);
		}
	}
	cf_grow_char(&o->text, '"');
}

static void put_word(struct out *o, const char *word)
{
	put_text(o, word, strlen(word));
}

static void put_int(struct out *o, int64_t n)
{
	cf_grow_printf(&o->text, "%" PRId64, n);
}

static void encode_enum(struct out *o, const struct cf_field *f, unsigned value)
{
	assert(value <= f->max);
	if (f->words_since && f->words_since[value] > o->minor)
		value = 0;
	assert(f->words[value]);
	put_word(o, f->words[value]);
}

static void encode_blob(struct out *o, const struct cf_blob *blob)
{
	char *at;

	cf_grow_char(&o->text, '"');
	at = cf_grow_room(&o->text, cf_base64_size(blob->size));
	if (at)
		cf_base64_encode(blob->data, blob->size, at);
	cf_grow_char(&o->text, '"');
}

static void encode_interval(struct out *o, const struct cf_field *f, const struct cf_interval *i)
{
	struct cf_field ends[2];
	struct cf_shape shape = cf_interval_shape(f, ends);

	encode_shape(o, &shape, (const char *)i);
}

static void encode_list(struct out *o, const struct cf_field *f, const char *base)
{
	const struct cf_field element = cf_list_element(f);
	size_t n = *(const size_t *)(base + f->count);

	assert(n <= (size_t)f->max);

	cf_grow_char(&o->text, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			cf_grow_char(&o->text, ',');
		encode_value(o, &element, base + f->offset + i * f->size);
	}
	cf_grow_char(&o->text, ']');
}

static void encode_value(struct out *o, const struct cf_field *f, const char *base)
{
	const void *member = base + f->offset;
	char text[CF_REAL_TEXT_ROOM], number[CF_NUMBER_TEXT_ROOM];

	switch (f->kind) {
	case CF_KIND_BOOL:
		cf_grow_printf(&o->text, "%s", *(const bool *)member ? "true" : "false");
		return;
	case CF_KIND_INT:
		put_int(o, *(const int64_t *)member);
		return;
	case CF_KIND_REAL:
		cf_grow_printf(&o->text, "%s", cf_number_text(*(const double *)member, number));
		return;
	case CF_KIND_SPAN:
		put_int(o, ((const cf_span *)member)->ns);
		return;
	case CF_KIND_MONO:
		put_int(o, ((const cf_mono *)member)->ns);
		return;
	case CF_KIND_TIME:
		put_word(o, cf_real_text(*(const cf_real *)member, text));
		return;
	case CF_KIND_TEXT:
		put_text(o, member, strnlen(member, f->max));
		return;
	case CF_KIND_ENUM:
		encode_enum(o, f, *(const unsigned *)member);
		return;
	case CF_KIND_INTERVAL:
		encode_interval(o, f, member);
		return;
	case CF_KIND_SHAPE:
		encode_shape(o, f->shape, member);
		return;
	case CF_KIND_LIST:
		encode_list(o, f, base);
		return;
	case CF_KIND_BLOB:
		encode_blob(o, member);
		return;
	}
	abort();
}

static bool sent(const struct out *o, const struct cf_field *f, const char *base)
{
	assert(f->since == 0 || f->optional || f->kind == CF_KIND_LIST);
	return f->since <= o->minor && (!f->optional || *(const bool *)(base + f->present));
}

static void encode_shape(struct out *o, const struct cf_shape *shape, const char *base)
{
	char key[CF_KEY_ROOM];
	bool first = true;

	cf_grow_char(&o->text, '{');
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];

		if (!sent(o, f, base))
			continue;
		if (!first)
			cf_grow_char(&o->text, ',');
		first = false;
		put_word(o, cf_field_key(f, key));
		cf_grow_char(&o->text, ':');
		encode_value(o, f, base);
	}
	cf_grow_char(&o->text, '}');
}

char *cf_encode(const struct cf_shape *shape, const void *in, int minor)
{
	struct out o = { .minor = minor };

	encode_shape(&o, shape, in);
	return cf_grow_take(&o.text);
}

static bool is_set(const struct cf_field *f, const char *base)
{
	if (f->optional)
		return *(const bool *)(base + f->present);
	return f->kind != CF_KIND_LIST || *(const size_t *)(base + f->count) > 0;
}

static const char *untold_inside(const struct cf_field *f, const char *base, int minor)
{
	size_t n = f->kind == CF_KIND_LIST ? *(const size_t *)(base + f->count) : 1;
	const char *name = NULL;

	for (size_t i = 0; f->shape && i < n && !name; i++)
		name = cf_untold(f->shape, base + f->offset + i * f->size, minor);
	return name;
}

const char *cf_untold(const struct cf_shape *shape, const void *in, int minor)
{
	const char *name = NULL;

	for (size_t i = 0; i < shape->n_fields && !name; i++) {
		const struct cf_field *f = &shape->fields[i];

		if (is_set(f, in))
			name = f->since > minor ? f->name : untold_inside(f, in, minor);
	}
	return name;
}

static void clear_shape(const struct cf_shape *shape, char *base);

static void clear_list(const struct cf_field *f, char *base)
{
	size_t n = *(size_t *)(base + f->count);

	for (size_t i = 0; f->shape && i < n; i++)
		clear_shape(f->shape, base + f->offset + i * f->size);
}

static void clear_shape(const struct cf_shape *shape, char *base)
{
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];

		if (f->kind == CF_KIND_BLOB)
			free(((struct cf_blob *)(base + f->offset))->data);
		else if (f->kind == CF_KIND_SHAPE)
			clear_shape(f->shape, base + f->offset);
		else if (f->kind == CF_KIND_LIST)
			clear_list(f, base);
	}
}

void cf_message_clear(const struct cf_shape *shape, void *message)
{
	clear_shape(shape, message);
	memset(message, 0, shape->size);
}
