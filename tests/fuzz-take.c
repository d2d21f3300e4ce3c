/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz-take.h"

#include <string.h>

#include "proto/utf8.h"
#include "tests/any.h"
#include "tests/messages.h"

static void come_back(const struct cf_shape *shape, int minor, const void *message, const char *text)
{
	void *back = calloc(1, shape->size + 1);
	char *again;

	must(back);
	must(cf_decode(shape, CF_STRICT, text, strlen(text), back, NULL) == 0);
	must(any_same(shape, message, back));
	again = cf_encode(shape, back, minor);
	must(again && strcmp(text, again) == 0);
	cf_message_clear(shape, back);
	free(again);
	free(back);
}

static void say_why(int r, const struct cf_error *err)
{
	char clean[sizeof(err->text)];

	must(r < 0 && err->code != CF_OK && err->text[0]);
	must(strcmp(cf_utf8_clean(err->text, strlen(err->text), clean, sizeof(clean)), err->text) == 0);
}

char *fuzz_take(const struct cf_shape *shape, int minor, enum cf_mode mode, const uint8_t *data, size_t size)
{
	struct cf_error err = { 0 };
	void *message = malloc(shape->size + 1);
	char *text = NULL;
	int r;

	must(message);
	memset(message, 0x5a, shape->size);
	r = cf_decode(shape, mode, (const char *)data, size, message, &err);
	if (r < 0) {
		say_why(r, &err);
	} else {
		text = cf_encode(shape, message, minor);
		must(text);
		come_back(shape, minor, message, text);
		cf_message_clear(shape, message);
	}
	free(message);
	return text;
}

void fuzz_take_both(const struct cf_shape *shape, int minor, const uint8_t *data, size_t size)
{
	char *strict = fuzz_take(shape, minor, CF_STRICT, data, size);
	char *tolerant = fuzz_take(shape, minor, CF_TOLERANT, data, size);

	if (strict)
		must(tolerant && strcmp(strict, tolerant) == 0);
	free(strict);
	free(tolerant);
}

const struct cf_shape *fuzz_named(const uint8_t *data, size_t size, const char **text, size_t *n)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;

	if (!line)
		return NULL;
	*text = (const char *)line + 1;
	*n = size - (size_t)(line + 1 - data);
	return message_of((const char *)data, (size_t)(line - data));
}
