/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first line of a request: "METHOD PATH?QUERY", whatever its bytes are. */

#include <errno.h>
#include <string.h>

#include "proto/query.h"
#include "proto/route.h"
#include "proto/utf8.h"
#include "tests/any.h"
#include "tests/fuzz.h"

/* What was understood can be asked again in our own spelling, and is understood as the same. */
static void ask_again(enum cf_route_id id, char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM], const void *query)
{
	const char *names[CF_SEGMENTS_MAX] = { segments[0], segments[1] };
	char again[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM];
	char *target = cf_route_target(id, names, query, CF_MINOR, NULL), *question, *once_more;
	const struct cf_shape *shape = cf_routes[id].query;
	void *back = calloc(1, shape ? shape->size : 1);

	must(target && back);
	question = strchr(target, '?');
	if (question)
		*question++ = '\0';
	must(cf_route_find(cf_routes[id].method, target, again) == (int)id);
	for (const char *p = cf_routes[id].path, *at = strchr(p, '{'); at; at = strchr(at + 1, '{'), p = at)
		must(strcmp(segments[0], again[0]) == 0);
	must(cf_query_decode(shape, question ? question : "", back, NULL) == 0);
	must(!shape || any_same(shape, query, back));

	once_more = cf_route_target(id, names, shape ? back : NULL, CF_MINOR, NULL);
	if (question)
		question[-1] = '?';
	must(once_more && strcmp(once_more, target) == 0);
	free(once_more);
	free(target);
	free(back);
}

static void take_query(enum cf_route_id id, char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM], const char *query)
{
	const struct cf_shape *shape = cf_routes[id].query;
	void *message = calloc(1, shape ? shape->size : 1);
	struct cf_error err = { 0 };
	char clean[sizeof(err.text)];
	int r;

	must(message);
	r = cf_query_decode(shape, query, message, &err);
	if (r == 0) {
		ask_again(id, segments, shape ? message : NULL);
	} else {
		must(err.code == CF_BAD_REQUEST && err.text[0]);
		must(strcmp(cf_utf8_clean(err.text, strlen(err.text), clean, sizeof(clean)), err.text) == 0);
	}
	free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char segments[CF_SEGMENTS_MAX][CF_SEGMENT_ROOM] = { "" };
	char *line = fuzz_text(data, size), *path, *query = line;
	int id;

	strsep(&query, " ");
	path = strsep(&query, "?");
	id = path ? cf_route_find(line, path, segments) : -ENOENT;
	must(id < CF_N_ROUTES && (id >= 0 || id == -ENOENT || id == -EPERM || id == -EINVAL));
	if (id >= 0)
		take_query(id, segments, query ? query : "");
	free(line);
	return 0;
}
