/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz-take.h"

#ifdef LIBFUZZER

#include <string.h>

#include "proto/version.h"
#include "tests/any.h"
#include "tests/messages.h"

static const struct cf_shape *any_shape(void)
{
	const struct cf_shape *const *all = messages();
	size_t n = 0;

	while (all[n])
		n++;
	return all[any_dice() % n];
}

static size_t put(uint8_t *data, size_t used, size_t room, const char *text)
{
	size_t n = strlen(text) < room - used ? strlen(text) : room - used;

	memcpy(data + used, text, n);
	return used + n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
	const struct cf_shape *shape = any_shape();
	void *message;
	char *text;

	if (seed % 50 != 0)
		return LLVMFuzzerMutate(data, size, room);

	message = calloc(1, shape->size + 1);
	any_message(shape, false, message);
	text = cf_encode(shape, message, CF_MINOR);
	must(text);
	size = put(data, 0, room, shape->name);
	size = put(data, size, room, "\n");
	size = put(data, size, room, text);
	free(text);
	cf_message_clear(shape, message);
	free(message);
	return size;
}

#endif
