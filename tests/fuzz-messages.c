/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each message of the API and the ledger: the input is its name, a newline, and the text. */

#include "proto/version.h"
#include "tests/fuzz-take.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text;
	size_t n;
	const struct cf_shape *shape = fuzz_named(data, size, &text, &n);

	if (shape)
		fuzz_take_both(shape, CF_MINOR, (const uint8_t *)text, n);
	return 0;
}
