/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the codec share.  Nobody else includes it.
 */

#include <stddef.h>

#include "proto/error.h"
#include "proto/field.h"

#define CF_KEY_ROOM		64	/* a key with its NUL, ours or a sender's */
#define CF_PATH_ROOM		128	/* a path in an error */
#define CF_DEPTH		16	/* objects and lists inside each other */
#define CF_VALUES		131072	/* values in one message: what a short text can make us allocate */
#define CF_NUMBER_TEXT_ROOM	32

/* Where in a message we are: a chain on the stack, spelled only when something is wrong there. */
struct cf_path {
	const struct cf_path *up;	/* NULL: the message itself, and key is its shape's name */
	const char *key;		/* NULL: the element index of a list */
	size_t length;
	size_t index;
};

/* Whom to tell, and as whose fault. */
struct cf_blame {
	enum cf_code code;
	struct cf_error *err;
};

/* Fails with "PATH: what", PATH as in "findings[3].code". */
int cf_path_fail(const struct cf_blame *blame, const struct cf_path *path, int error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The key of a row: its name, and its unit for the kinds that spell one. */
const char *cf_field_key(const struct cf_field *f, char key[static CF_KEY_ROOM]);

/* The two rows that an interval is made of, as a shape; *f is an interval's row. */
struct cf_shape cf_interval_shape(const struct cf_field *f, struct cf_field ends[static 2]);

/* The row of one element of the list *f, for the element's own address. */
struct cf_field cf_list_element(const struct cf_field *f);

/* The shortest text that reads back as d, the same in every locale; d is finite. */
char *cf_number_text(double d, char ret[static CF_NUMBER_TEXT_ROOM]);

struct json_object;

/*
 * The one JSON value that the text is, as a tree for the caller to put; NULL is
 * null.  Takes what RFC 8259 allows, within our limits and with each key once
 * in its object, and nothing else.
 */
int cf_parse(const struct cf_blame *blame, const struct cf_path *root, const char *text, size_t size,
	     struct json_object **ret);
