/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Memory that runs out at every possible place, one after the other: either
 * the codec says so, or what it hands out is whole.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/schema.h"
#include "tests/tap.h"

/* gcc says it with a macro, clang with a feature. */
#ifdef __has_feature
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if SANITIZED

int main(void)
{
	printf("1..0 # SKIP the sanitizer has malloc() for itself\n");
	return 0;
}

#else

#include "tests/kinds.h"

#define PART "{\"name\":\"a longer name\",\"side\":\"right\",\"weight\":7,\"skin\":\"AAEC\"}"

static const char message[] =
	"{\"flag\":true,\"count\":12,\"drift_ppm\":0.25,\"blackout_ns\":1500000,\"stopped_raw_ns\":77,"
	"\"at\":\"2026-01-31T12:00:00.000000001Z\",\"text\":\"a \\\"longer\\\" text\",\"sky\":\"rain\","
	"\"offset\":{\"low_ns\":-10,\"high_ns\":20},\"main\":" PART ",\"parts\":[" PART "," PART "],"
	"\"tags\":[\"a\",\"b\"],\"record\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
	"\"anything\":5,\"spare\":" PART ",\"when\":\"2026-01-31T12:00:00.000000001Z\",\"news\":[\"x\"]}";

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

/* Allocations until the one that fails; below 0, none does. */
static int left = -1;
static bool only_once;

static bool denied(void)
{
	if (left < 0)
		return false;
	if (left > 0)
		left--;
	if (left > 0)
		return false;
	if (only_once)
		left = -1;
	errno = ENOMEM;
	return true;
}

/* In place of libc's for the whole program, json-c included. */
void *malloc(size_t size)
{
	return denied() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return denied() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return denied() ? NULL : __libc_realloc(p, size);
}

static bool whole(const struct kinds *k)
{
	char *text = cf_encode(&kinds_shape, k, KINDS_MINOR);
	bool good = text && strcmp(text, message) == 0;

	free(text);
	return good;
}

/* The nth allocation fails; true when that was too late to matter. */
static bool try_decode(int n, int *cut)
{
	struct kinds k;
	struct cf_error err = { 0 };
	bool late;
	int r;

	left = n;
	r = cf_decode(&kinds_shape, CF_STRICT, message, sizeof(message) - 1, &k, &err);
	late = left > 0;
	left = -1;

	if (r == 0) {
		*cut += !whole(&k);
		cf_message_clear(&kinds_shape, &k);
		return late;
	}
	if (r != -ENOMEM || err.code != CF_HOST || strcmp(err.text, "out of memory") != 0) {
		printf("# allocation %d: %s\n", n, err.text);
		(*cut)++;
	}
	return false;
}

static void try_decodes(void)
{
	int n = 1, cut = 0;

	while (!try_decode(n, &cut) && n < 10000)
		n++;
	ok(n > 20 && n < 10000, "decoding was denied each of %d allocations%s", n - 1,
	   only_once ? "" : " and all after it");
	ok(cut == 0, "... and said so, or was whole");
}

static void try_encodes(void)
{
	struct kinds k;
	char *text = NULL;
	int n = 0;

	cf_decode(&kinds_shape, CF_STRICT, message, sizeof(message) - 1, &k, NULL);
	while (!text && n < 1000) {
		left = ++n;
		text = cf_encode(&kinds_shape, &k, KINDS_MINOR);
		left = -1;
	}
	ok(n > 2 && n < 1000, "encoding failed at each of %d allocations", n - 1);
	ok(text && strcmp(text, message) == 0, "... and then was whole");
	free(text);
	cf_message_clear(&kinds_shape, &k);
}

static void try_schemas(void)
{
	char *text = NULL, *expected = cf_schema(&kinds_shape);
	int n = 0;

	while (!text && n < 1000) {
		left = ++n;
		text = cf_schema(&kinds_shape);
		left = -1;
	}
	ok(n > 2 && n < 1000 && strcmp(text, expected) == 0, "a schema is whole or not there");
	free(text);
	free(expected);
}

int main(void)
{
	try_decodes();
	only_once = true;
	try_decodes();
	only_once = false;
	try_encodes();
	try_schemas();

	return done();
}

#endif
