/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The codec on a message with a member of every kind. */

#include "tests/fuzz-take.h"
#include "tests/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_take_both(&kinds_shape, KINDS_MINOR, data, size);
	return 0;
}
