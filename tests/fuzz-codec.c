/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "proto/codec.h"
#include "proto/utf8.h"
#include "tests/fuzz.h"
#include "tests/kinds.h"

static char *encode(const struct kinds *k)
{
	char *text = cf_encode(&kinds_shape, k, KINDS_MINOR);

	must(text);
	return text;
}

/* What was taken can be sent, and arrives as it was: strictly, and laid out for a person too. */
static void come_back(const struct kinds *k, const char *text)
{
	struct kinds back;
	char *pretty = cf_encode_pretty(&kinds_shape, k), *again;

	must(cf_decode(&kinds_shape, CF_STRICT, text, strlen(text), &back, NULL) == 0);
	must(kinds_equal(k, &back));
	again = encode(&back);
	must(strcmp(text, again) == 0);
	free(again);
	cf_message_clear(&kinds_shape, &back);

	must(pretty && cf_decode(&kinds_shape, CF_STRICT, pretty, strlen(pretty), &back, NULL) == 0);
	cf_message_clear(&kinds_shape, &back);
	free(pretty);
}

/* One line that any terminal can be shown. */
static void say_why(int r, const struct cf_error *err)
{
	char clean[sizeof(err->text)];

	must(r < 0 && err->code != CF_OK && err->text[0]);
	must(strcmp(cf_utf8_clean(err->text, strlen(err->text), clean, sizeof(clean)), err->text) == 0);
}

/* The message as it is read, sent again; NULL when it is refused. */
static char *take(enum cf_mode mode, const uint8_t *data, size_t size)
{
	struct cf_error err = { 0 };
	struct kinds k;
	char *text;
	int r;

	memset(&k, 0x5a, sizeof(k));
	r = cf_decode(&kinds_shape, mode, (const char *)data, size, &k, &err);
	if (r < 0) {
		say_why(r, &err);
		return NULL;
	}
	text = encode(&k);
	come_back(&k, text);
	cf_message_clear(&kinds_shape, &k);
	return text;
}

/* A request is also a reply: strict is a part of tolerant, and means the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *strict = take(CF_STRICT, data, size), *tolerant = take(CF_TOLERANT, data, size);

	if (strict)
		must(tolerant && strcmp(strict, tolerant) == 0);
	free(strict);
	free(tolerant);
	return 0;
}
