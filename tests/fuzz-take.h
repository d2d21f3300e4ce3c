/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the codec makes of anything, as a message of any shape. */

#include "proto/codec.h"
#include "tests/fuzz.h"

/*
 * The message as it is read, sent again, for the caller to free; NULL when it is
 * refused.  What was taken can be sent, and arrives as it was; what was not has a
 * reason that any terminal can be shown.
 */
char *fuzz_take(const struct cf_shape *shape, int minor, enum cf_mode mode, const uint8_t *data, size_t size);

/* As a request and as a reply: strict is a part of tolerant, and means the same. */
void fuzz_take_both(const struct cf_shape *shape, int minor, const uint8_t *data, size_t size);

/*
 * An input that is a message's name, a newline, and its text: its shape, and where
 * the text begins; NULL when it names none.
 */
const struct cf_shape *fuzz_named(const uint8_t *data, size_t size, const char **text, size_t *n);

#ifdef LIBFUZZER
/* For such inputs, now and then something that is a whole message. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);
#endif
