/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The drop-in that `clockferry kvm status` reads: what it names stands there, and is one word. */

#include "client/drop-in.h"
#include "tests/fuzz-files.h"

#define KEY "Environment=LD_PRELOAD="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char library[DROP_IN_LIBRARY_ROOM];
	size_t n;

	if (!top_fd)
		furnish(NULL, 0);
	put("drop-in", data, size);
	memset(library, 'x', sizeof(library));
	drop_in_read(in("drop-in"), library);
	n = strnlen(library, sizeof(library));
	must(n < sizeof(library) && !strpbrk(library, " \t\n\v\f\r"));
	must(n == 0 || (memmem(data, size, KEY, strlen(KEY)) && memmem(data, size, library, n)));
	return 0;
}
