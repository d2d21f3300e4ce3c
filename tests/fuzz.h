/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A fuzz target is tests/fuzz-NAME.c with this one function, a row in FUZZERS,
 * and inputs to begin with in tests/corpus/NAME.  With tests/fuzz-main.c it is
 * a test that replays those; `make fuzz` lets libFuzzer look for more.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's name for it; returns 0.  data is exactly size bytes on the heap. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() that no option of the compiler takes out. */
#define must(cond)                                                                         \
	do {                                                                               \
		if (!(cond)) {                                                             \
			fprintf(stderr, "%s:%d: must: %s\n", __FILE__, __LINE__, #cond);   \
			abort();                                                           \
		}                                                                          \
	} while (0)

/* As a text, which is the caller's to free. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}
