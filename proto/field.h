/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A shape says how a struct is spelled in JSON, one line per member.
 *
 * The same table decodes, encodes, and prints the schema (clockferryd --print-api),
 * so the three cannot disagree.  Each CF_* macro checks at compile time that the
 * member has the C type its kind stores into.
 *
 * The JSON key is the member's name, with the unit spelled for the kinds that
 * have one:
 *
 *	kind      C type               JSON
 *	bool      bool                 "name": true
 *	int       int64_t              "name": 3
 *	real      double               "name": 0.25             (the name ends in its unit: drift_ppm)
 *	span      cf_span              "name_ns": 1500000
 *	mono      cf_mono              "name_raw_ns": 1234      (between agents only: needs 64 bits)
 *	time      cf_real              "name": "2026-01-31T12:00:00.000000000Z"
 *	text      char[N]              "name": "..."            (UTF-8, shorter than N bytes)
 *	enum      enum                 "name": "word"
 *	interval  struct cf_interval   "name": { "low_ns": -10, "high_ns": 20 }
 *	shape     struct               "name": { ... }
 *	list      T[N] and size_t n_   "name": [ ... ]          (of shapes, or of texts)
 *	blob      struct cf_blob       "name": "base64"
 *
 * A member is required unless its row ends in CF_MAYBE(T, has_name): then the
 * bool member has_name says whether it is there.  Absent means "not measured"
 * or "not asked for"; it never means 0.  A list is [] when absent in a request,
 * but is always sent.
 *
 * A row that ends in CF_SINCE(minor) is not sent to a peer of an older minor
 * version of the API, and may be absent from one: such a row has CF_MAYBE too,
 * or is a list.  Of an enum whose row ends in CF_WORDS_SINCE(table), a word that
 * the table has of a later minor than the peer's is sent as the one of value 0,
 * "unknown": who does not know it would refuse the whole message.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base.h"
#include "proto/time.h"

enum cf_kind {
	CF_KIND_BOOL,
	CF_KIND_INT,
	CF_KIND_REAL,
	CF_KIND_SPAN,
	CF_KIND_MONO,
	CF_KIND_TIME,
	CF_KIND_TEXT,
	CF_KIND_ENUM,
	CF_KIND_INTERVAL,
	CF_KIND_SHAPE,
	CF_KIND_LIST,
	CF_KIND_BLOB,
};

/* Bytes on the heap, owned by the message: released by cf_message_clear(). */
struct cf_blob {
	unsigned char *data;
	size_t size;
};

struct cf_shape;

struct cf_field {
	const char *name;
	enum cf_kind kind;
	size_t offset;
	size_t size;			/* of the member; of one element for a list */
	int64_t min, max;		/* int, span, interval: range of the value; list: elements; blob: bytes */
	double low, high;		/* real */
	const char *const *words;	/* enum: word per value, max is the largest value */
	const int *words_since;		/* enum: minor version that brought each word; NULL: they came with the row */
	const struct cf_shape *shape;	/* shape, and list of shapes; NULL in a list of texts */
	size_t count;			/* list: where its size_t n_name is */
	bool optional;
	size_t present;			/* optional: where its bool has_name is */
	int since;			/* minor version of the API that brought it */
};

struct cf_shape {
	const char *name;
	size_t size;
	const struct cf_field *fields;
	size_t n_fields;
};

#define CF_MEMBER(T, m)		(((T *)0)->m)
#define CF_IS(T, m, type)	_Generic(CF_MEMBER(T, m), type: 1)
#define CF_AT(T, m, k)		.name = #m, .kind = (k), .offset = offsetof(T, m), .size = sizeof(CF_MEMBER(T, m))

#define CF_MAYBE(T, has)	.optional = CF_IS(T, has, bool), .present = offsetof(T, has)
#define CF_SINCE(minor)		.since = (minor)
#define CF_WORDS_SINCE(table)	.words_since = (table)

#define CF_BOOL(T, m, ...)		{ CF_AT(T, m, CF_KIND_BOOL), .max = CF_IS(T, m, bool), __VA_ARGS__ }
#define CF_INT(T, m, lo, hi, ...)	{ CF_AT(T, m, CF_KIND_INT), .min = (lo), .max = CF_IS(T, m, int64_t) * (hi), __VA_ARGS__ }
#define CF_REAL(T, m, lo, hi, ...)	{ CF_AT(T, m, CF_KIND_REAL), .low = (lo), .high = CF_IS(T, m, double) * (hi), __VA_ARGS__ }
#define CF_SPAN(T, m, lo, hi, ...)	{ CF_AT(T, m, CF_KIND_SPAN), .min = (lo), .max = CF_IS(T, m, cf_span) * (hi), __VA_ARGS__ }
#define CF_MONO(T, m, ...)		{ CF_AT(T, m, CF_KIND_MONO), .min = 0, .max = CF_IS(T, m, cf_mono) * INT64_MAX, __VA_ARGS__ }
#define CF_TIME(T, m, ...)		{ CF_AT(T, m, CF_KIND_TIME), .min = 0, .max = CF_IS(T, m, cf_real) * INT64_MAX, __VA_ARGS__ }
#define CF_TEXT(T, m, ...)		{ CF_AT(T, m, CF_KIND_TEXT), .max = sizeof(CF_MEMBER(T, m)) - 1, __VA_ARGS__ }
#define CF_ENUM(T, m, w, n, ...)	{ CF_AT(T, m, CF_KIND_ENUM), .words = (w), .max = (n) - 1, __VA_ARGS__ }
#define CF_INTERVAL(T, m, lo, hi, ...)	{ CF_AT(T, m, CF_KIND_INTERVAL), .min = (lo), .max = CF_IS(T, m, struct cf_interval) * (hi), __VA_ARGS__ }
#define CF_STRUCT(T, m, s, ...)		{ CF_AT(T, m, CF_KIND_SHAPE), .shape = &(s), __VA_ARGS__ }
#define CF_LIST(T, m, s, ...)                                                                          \
	{                                                                                              \
		.name = #m, .kind = CF_KIND_LIST, .offset = offsetof(T, m),                            \
		.size = sizeof(CF_MEMBER(T, m)[0]), .max = CF_COUNT(CF_MEMBER(T, m)), .shape = (s),    \
		.count = offsetof(T, n_##m) + 0 * CF_IS(T, n_##m, size_t), __VA_ARGS__                 \
	}
#define CF_BLOB(T, m, n, ...)		{ CF_AT(T, m, CF_KIND_BLOB), .max = CF_IS(T, m, struct cf_blob) * (n), __VA_ARGS__ }

#define CF_SHAPE(T, table)	{ .name = #T, .size = sizeof(struct T), .fields = (table), .n_fields = CF_COUNT(table) }
