/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/wish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/wipe.h"

/* FNV-1a: whoever repeats a request is no enemy. */
int wish_mark(const struct cf_migration_request *request, int64_t *ret, struct cf_error *err)
{
	char *text = cf_encode(&cf_migration_request_shape, request, CF_MINOR);
	uint64_t mark = UINT64_C(0xcbf29ce484222325);

	if (!text)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	for (const char *c = text; *c; c++)
		mark = (mark ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	cf_text_wipe(text);

	*ret = (int64_t)mark;
	return 0;
}

static int take(const char *name, struct cf_blob *from, bool *has, char **to, struct cf_error *err)
{
	char *text;

	if (!*has)
		return 0;
	if (from->size == 0 || memchr(from->data, '\0', from->size))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s: that is no text", name);
	text = malloc(from->size + 1);
	if (!text)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	memcpy(text, from->data, from->size);
	text[from->size] = '\0';
	*to = text;
	cf_blob_wipe(from);
	*has = false;
	return 0;
}

int wish_hand_over(struct cf_migration_request *request, struct work *work, struct cf_error *err)
{
	int r;

	work->wish = request->options;
	r = take("xml", &request->xml, &request->has_xml, &work->xml, err);
	if (r < 0)
		return r;
	return take("persistent_xml", &request->persistent_xml, &request->has_persistent_xml, &work->persistent_xml, err);
}
