/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/xml.h"

#include <ctype.h>
#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#define OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA)
#define NUMBER_ROOM 24

struct xml_document {
	xmlDocPtr tree;
};

int xml_parse(const char *text, const char *what, struct xml_document **ret, struct cf_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CF_AUTO(xml_free) struct xml_document *document = calloc(1, sizeof(*document));
	size_t size = strlen(text);

	if (!document)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (size > INT_MAX)
		return cf_fail(err, EFBIG, CF_HOST, "%s: too large", what);

	pthread_once(&once, xmlInitParser);
	document->tree = xmlReadMemory(text, (int)size, NULL, NULL, OPTIONS);
	if (!document->tree)
		return cf_fail(err, EBADMSG, CF_HOST, "%s: not well-formed", what);
	/* libvirt's has none; without one there are no entities. */
	if (document->tree->intSubset)
		return cf_fail(err, EBADMSG, CF_HOST, "%s: has a document type", what);

	*ret = CF_TAKE(document);
	return 0;
}

struct xml_document *xml_free(struct xml_document *document)
{
	if (!document)
		return NULL;

	if (document->tree)
		xmlFreeDoc(document->tree);
	free(document);
	return NULL;
}

static const char *space_of(const xmlNode *node)
{
	return node->ns && node->ns->href ? (const char *)node->ns->href : "";
}

/* name NULL: any element. */
static bool is(const xmlNode *node, const char *space, const char *name)
{
	return node->type == XML_ELEMENT_NODE &&
	       (!name || (strcmp((const char *)node->name, name) == 0 && strcmp(space_of(node), space) == 0));
}

struct xml xml_root(struct xml_document *document, const char *name)
{
	xmlNodePtr root = xmlDocGetRootElement(document->tree);

	return (struct xml){ root && is(root, "", name) ? root : NULL };
}

static struct xml first_from(xmlNodePtr node, const char *space, const char *name)
{
	while (node && !is(node, space, name))
		node = node->next;
	return (struct xml){ node };
}

struct xml xml_child_in(struct xml parent, const char *space, const char *name)
{
	xmlNodePtr node = parent.node;

	return node ? first_from(node->children, space, name) : parent;
}

struct xml xml_next_in(struct xml element, const char *space, const char *name)
{
	xmlNodePtr node = element.node;

	return node ? first_from(node->next, space, name) : element;
}

struct xml xml_child(struct xml parent, const char *name)
{
	return xml_child_in(parent, "", name);
}

struct xml xml_next(struct xml element, const char *name)
{
	return xml_next_in(element, "", name);
}

const char *xml_namespace(struct xml element)
{
	return element.node ? space_of(element.node) : "";
}

/* The text of text nodes only: with no entities there is nothing else. */
static bool copy_text(const xmlNode *node, char *ret, size_t size)
{
	size_t used = 0;
	bool found = false;

	for (; node; node = node->next) {
		size_t n = node->type == XML_TEXT_NODE && node->content ? strlen((const char *)node->content) : 0;

		if (node->type == XML_ELEMENT_NODE || used + n >= size) {
			ret[0] = '\0';
			return false;
		}
		if (n == 0)
			continue;
		memcpy(ret + used, node->content, n);
		used += n;
		found = true;
	}
	ret[used] = '\0';
	return found;
}

bool xml_text(struct xml element, char *ret, size_t size)
{
	xmlNodePtr node = element.node;

	return copy_text(node ? node->children : NULL, ret, size);
}

static xmlAttrPtr find_attribute(struct xml element, const char *name)
{
	xmlNodePtr node = element.node;

	return node ? xmlHasProp(node, (const xmlChar *)name) : NULL;
}

bool xml_attribute(struct xml element, const char *name, char *ret, size_t size)
{
	xmlAttrPtr attribute = find_attribute(element, name);

	return copy_text(attribute ? attribute->children : NULL, ret, size);
}

bool xml_has_attribute(struct xml element, const char *name)
{
	return find_attribute(element, name);
}

bool xml_attribute_is(struct xml element, const char *name, const char *value)
{
	xmlAttrPtr attribute = find_attribute(element, name);

	return attribute && attribute->children && attribute->children->content &&
	       strcmp((const char *)attribute->children->content, value) == 0;
}

bool xml_attribute_int(struct xml element, const char *name, int64_t *ret)
{
	char text[NUMBER_ROOM];
	char *end;
	long long value;

	if (!xml_attribute(element, name, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end)
		return false;

	*ret = value;
	return true;
}
