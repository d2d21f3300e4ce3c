/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/any.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FEW 3		/* elements of a list, bytes of a blob where a few say as much as many */

/* xorshift64* */
static uint64_t state = UINT64_C(88172645463325252);

uint64_t any_dice(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

/* Between the two, the ends and small numbers more often than chance would have it. */
static int64_t within(int64_t low, int64_t high)
{
	uint64_t width = (uint64_t)high - (uint64_t)low, by = any_dice() >> any_dice() % 64;

	if (any_dice() % 8 == 0)
		return any_dice() % 2 ? low : high;
	return (int64_t)((uint64_t)low + (width == UINT64_MAX ? by : by % (width + 1)));
}

static void fill_text(char *ret, size_t most, bool full)
{
	static const char *const characters[] = {
		"a", "Z", "0", " ", "\"", "\\", "/", "\n", "\x01", "\x7f", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
	};
	size_t n = full ? most : any_dice() % (most + 1);

	if (full) {
		memset(ret, 'x', n);
		return;
	}
	while (true) {
		const char *c = characters[any_dice() % CF_COUNT(characters)];

		if (strlen(c) > n)
			return;
		ret = stpcpy(ret, c);
		n -= strlen(c);
	}
}

static void fill_blob(struct cf_blob *ret, size_t most, bool full)
{
	ret->size = full ? most : any_dice() % (most < 64 ? most + 1 : 64);
	ret->data = ret->size ? malloc(ret->size) : NULL;
	for (size_t i = 0; i < ret->size; i++)
		ret->data[i] = any_dice() >> 56;
}

static double any_real(double low, double high)
{
	double d;
	uint64_t bits;

	if (any_dice() % 2)
		return low + (high - low) * ((double)(any_dice() >> 11) / (double)(UINT64_C(1) << 53));
	do {
		bits = any_dice();
		memcpy(&d, &bits, sizeof(d));
	} while (!isfinite(d) || d < low || d > high);
	return d;
}

static void fill_field(const struct cf_field *f, bool full, char *base);

static void fill_list(const struct cf_field *f, bool full, char *base)
{
	size_t n = full ? (size_t)f->max : any_dice() % ((f->max < FEW ? (size_t)f->max : FEW) + 1);

	*(size_t *)(base + f->count) = n;
	for (size_t i = 0; i < n; i++) {
		char *element = base + f->offset + i * f->size;

		if (f->shape)
			any_message(f->shape, full, element);
		else
			fill_text(element, f->size - 1, full);
	}
}

static void fill_interval(const struct cf_field *f, struct cf_interval *ret)
{
	*ret = cf_interval_of((cf_span){ within(f->min, f->max) }, (cf_span){ within(f->min, f->max) });
}

static void fill_field(const struct cf_field *f, bool full, char *base)
{
	void *member = base + f->offset;

	switch (f->kind) {
	case CF_KIND_BOOL:
		*(bool *)member = any_dice() % 2;
		return;
	case CF_KIND_INT:
		*(int64_t *)member = within(f->min, f->max);
		return;
	case CF_KIND_REAL:
		*(double *)member = any_real(f->low, f->high);
		return;
	case CF_KIND_SPAN:
		((cf_span *)member)->ns = within(f->min, f->max);
		return;
	case CF_KIND_MONO:
		((cf_mono *)member)->ns = within(f->min, f->max);
		return;
	case CF_KIND_TIME:
		((cf_real *)member)->ns = within(f->min, f->max);
		return;
	case CF_KIND_TEXT:
		fill_text(member, f->max, full);
		return;
	case CF_KIND_ENUM:
		*(unsigned *)member = any_dice() % (f->max + 1);
		return;
	case CF_KIND_INTERVAL:
		fill_interval(f, member);
		return;
	case CF_KIND_SHAPE:
		any_message(f->shape, full, member);
		return;
	case CF_KIND_LIST:
		fill_list(f, full, base);
		return;
	case CF_KIND_BLOB:
		fill_blob(member, f->max, full);
		return;
	}
	abort();
}

void any_message(const struct cf_shape *shape, bool full, void *message)
{
	char *base = message;

	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];
		bool there = !f->optional || full || any_dice() % 2;

		if (f->optional)
			*(bool *)(base + f->present) = there;
		if (there)
			fill_field(f, full, base);
	}
}

static bool same_list(const struct cf_field *f, const char *a, const char *b)
{
	size_t n = *(const size_t *)(a + f->count);

	if (n != *(const size_t *)(b + f->count))
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t at = f->offset + i * f->size;

		if (f->shape ? !any_same(f->shape, a + at, b + at) : strcmp(a + at, b + at) != 0)
			return false;
	}
	return true;
}

static bool same_blob(const struct cf_blob *a, const struct cf_blob *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* What arrives of a word, where the table may be an older agent's. */
static unsigned as_known(const struct cf_field *f, unsigned word)
{
	return f->words[word] ? word : 0;
}

static bool same_field(const struct cf_field *f, const char *a, const char *b)
{
	switch (f->kind) {
	case CF_KIND_ENUM:
		return as_known(f, *(const unsigned *)(a + f->offset)) == *(const unsigned *)(b + f->offset);
	case CF_KIND_TEXT:
		return strncmp(a + f->offset, b + f->offset, f->size) == 0;
	case CF_KIND_SHAPE:
		return any_same(f->shape, a + f->offset, b + f->offset);
	case CF_KIND_LIST:
		return same_list(f, a, b);
	case CF_KIND_BLOB:
		return same_blob((const struct cf_blob *)(a + f->offset), (const struct cf_blob *)(b + f->offset));
	default:
		return memcmp(a + f->offset, b + f->offset, f->size) == 0;
	}
}

bool any_same(const struct cf_shape *shape, const void *a, const void *b)
{
	const char *x = a, *y = b;

	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];

		if (f->optional && *(const bool *)(x + f->present) != *(const bool *)(y + f->present))
			return false;
		if ((!f->optional || *(const bool *)(x + f->present)) && !same_field(f, x, y))
			return false;
	}
	return true;
}
