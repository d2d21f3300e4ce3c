/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the command prints of an agent's JSON: the same message, and nothing that moves a cursor. */

#include <string.h>

#include "client/json.h"
#include "tests/any.h"
#include "tests/fuzz-take.h"
#include "tests/kinds.h"

static void compare(const struct kinds *k, const char *printed, size_t n)
{
	struct kinds back;

	must(cf_decode(&kinds_shape, CF_TOLERANT, printed, n, &back, NULL) == 0);
	must(any_same(&kinds_shape, k, &back));
	for (size_t i = 0; i < n; i++) {
		unsigned char c = printed[i], next = printed[i + 1];

		must(c >= ' ' ? c != 0x7f : c == '\n');
		must(c != 0xc2 || next < 0x80 || next >= 0xa0);
	}
	cf_message_clear(&kinds_shape, &back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *printed = NULL;
	size_t n;
	FILE *to = open_memstream(&printed, &n);
	struct kinds k;

	must(to);
	json_print(to, (const char *)data, size);
	must(fclose(to) == 0);
	if (cf_decode(&kinds_shape, CF_TOLERANT, (const char *)data, size, &k, NULL) == 0) {
		compare(&k, printed, n);
		cf_message_clear(&kinds_shape, &k);
	}
	free(printed);
	return 0;
}
