/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reading libvirt's XML.  What is not there reads as nothing: every function
 * takes an element that was not found and finds nothing in it.
 *
 * Nothing is fetched, no entity is expanded, and no error quotes the text: it
 * may hold secrets.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base.h"
#include "proto/error.h"

struct xml_document;

/* An element, or none (node is NULL).  Lives as long as its document. */
struct xml {
	void *node;
};

/* what names it in an error: "domain XML". */
int xml_parse(const char *text, const char *what, struct xml_document **ret, struct cf_error *err);
struct xml_document *xml_free(struct xml_document *document);
CF_DEFINE_AUTO(struct xml_document *, xml_free)

/* The outermost element, if it has this name. */
struct xml xml_root(struct xml_document *document, const char *name);

/* The first child element of this name, in no namespace, as libvirt looks for its own; NULL for any, whatever it is in. */
struct xml xml_child(struct xml parent, const char *name);

/* The next sibling of this name; the same. */
struct xml xml_next(struct xml element, const char *name);

/* The same of a name in the namespace of that URI. */
struct xml xml_child_in(struct xml parent, const char *space, const char *name);
struct xml xml_next_in(struct xml element, const char *space, const char *name);

/* The URI of the namespace the element itself is in; "" for none. */
const char *xml_namespace(struct xml element);

/*
 * The text of the element, into size bytes; false, and "" there, when there is none or too much, or other
 * elements are in it: libvirt reads their text as part of it.
 */
bool xml_text(struct xml element, char *ret, size_t size);

/* The same for an attribute. */
bool xml_attribute(struct xml element, const char *name, char *ret, size_t size);

bool xml_has_attribute(struct xml element, const char *name);
bool xml_attribute_is(struct xml element, const char *name, const char *value);

/* A plain decimal number >= 0 and nothing else; *ret stays when it is not. */
bool xml_attribute_int(struct xml element, const char *name, int64_t *ret);
