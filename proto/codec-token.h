/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words of JSON: numbers and texts, as RFC 8259 spells them and no other
 * way.  Only the codec includes it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec-inside.h"

struct cf_tokens {
	const struct cf_blame *blame;
	const struct cf_path *root;
	const char *text, *at, *end;
	char *spare;			/* where a text is put together: as long as the message */
	size_t n_values;		/* begun so far */
};

struct cf_number {
	bool whole;			/* spelled without point and exponent */
	int64_t n;			/* when whole */
	double d;			/* else; infinite when beyond a double */
};

/* Fails with "not JSON at byte 7: why". */
int cf_token_fail(const struct cf_tokens *in, const char *why);

/* The next character, or NUL at the end: no character of JSON. */
static inline char cf_token_peek(const struct cf_tokens *in)
{
	return in->at < in->end ? *in->at : '\0';
}

/* Moves past c, when that is what comes next. */
static inline bool cf_token_take(struct cf_tokens *in, char c)
{
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	return true;
}

static inline void cf_token_skip_space(struct cf_tokens *in)
{
	while (cf_token_take(in, ' ') || cf_token_take(in, '\t') || cf_token_take(in, '\n') ||
	       cf_token_take(in, '\r'))
		;
}

/* Moves past word, when that is what comes next. */
bool cf_token_word(struct cf_tokens *in, const char *word);

/* The number that begins here.  An integer beyond 64 bits is an error: it could only be kept wrongly. */
int cf_token_number(struct cf_tokens *in, const struct cf_path *path, struct cf_number *ret);

/* The text whose quote is here, decoded into in->spare without a NUL; *ret is its length. */
int cf_token_text(struct cf_tokens *in, const struct cf_path *path, size_t *ret);
