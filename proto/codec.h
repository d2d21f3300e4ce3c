/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between structs and JSON text.  Nothing outside proto/codec* knows which
 * JSON library we use.  Pure, any thread, whatever the locale.
 */

#include <stddef.h>

#include "proto/error.h"
#include "proto/field.h"

/*
 * How a message is read.  A request is read strictly: a field that we do not
 * know is an error, because its sender believes that it means something.  A
 * reply is read tolerantly: unknown fields of a newer peer are passed over,
 * and an unknown word of an enum becomes its value 0 where that is "unknown" or "none".
 */
enum cf_mode { CF_STRICT, CF_TOLERANT };

/*
 * Fill *out from the size bytes at text.  Errors name the field by its path as
 * the sender spelled it, as in "host.bound_ns: 5 is below 10" or
 * "findings[3].code: unknown word 'sun'", and are CF_BAD_REQUEST when strict,
 * CF_PEER when tolerant; ENOMEM is CF_HOST.  On failure *out is left as it was.
 *
 * Errors in both modes: whatever RFC 8259 does not allow, duplicate keys, NUL
 * in a text, invalid UTF-8, numbers that are not integers where one is due (12.0
 * is none) or beyond 64 bits, null for a member of ours, keys longer than 63
 * bytes, other numbers longer than 63 characters, nesting deeper than 16, more
 * than 131072 values, and anything after the message.
 *
 * Blobs inside *out belong to the caller afterwards: cf_message_clear().  What
 * *out held before is overwritten, not released.
 */
int cf_decode(const struct cf_shape *shape, enum cf_mode mode, const char *text, size_t size, void *out,
	      struct cf_error *err);

/*
 * The JSON text of *in for a peer that knows the API up to version 1.minor; to
 * be freed by the caller; NULL when out of memory.  CF_MINOR for ourselves.
 * Members come in the order of the table, the same struct always makes the same
 * text, and cf_decode() reads back the same values, reals to the last bit.
 *
 * Bytes of a text that are no UTF-8 (one cut to fit may end inside a character)
 * leave as '?'.  A value outside its row's range leaves as it is, for the other
 * side to refuse; an enum without a word, a list longer than its array and a
 * real that is not finite are bugs, and asserted.
 */
char *cf_encode(const struct cf_shape *shape, const void *in, int minor);

/*
 * The name of the first member that is there, or is a list with something in it,
 * and that a peer of version 1.minor would not be told; NULL when it is told all.
 */
const char *cf_untold(const struct cf_shape *shape, const void *in, int minor);

/* Release the blobs inside *message and leave it zeroed. */
void cf_message_clear(const struct cf_shape *shape, void *message);
