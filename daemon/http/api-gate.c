/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the source's agent says to the destination's where the two drive libvirt's phases between them. */

#include <stdlib.h>

#include "daemon/act/migration.h"
#include "daemon/http/api.h"
#include "proto/commit.h"

#define PREPARE_WAIT ((cf_span){ 60 * CF_S })
#define COMMIT_WAIT  ((cf_span){ 90 * CF_S })

/* A request that is answered once the migration has got that far. */
struct asked {
	struct http_exchange *x;
	struct migration *migration;
};

static void tell_prepared(void *userdata)
{
	struct asked *asked = userdata;
	struct cf_prepared prepared;
	struct cf_error err = { 0 };

	if (migration_prepared(asked->migration, &prepared, &err) < 0)
		http_fail(asked->x, &err);
	else
		http_reply(asked->x, &prepared);
	free(asked);
}

static void tell_answer(void *userdata)
{
	struct asked *asked = userdata;
	struct cf_answer answer;

	migration_answer(asked->migration, &answer);
	http_reply(asked->x, &answer);
	free(asked);
}

/* What is needed to answer later, and what the migration may keep of the body; answers itself when there is none of either. */
static struct asked *begin(struct api *api, struct http_exchange *x, void **copy, size_t size)
{
	struct migration *migration = api_reserved(api, x);
	struct asked *asked;

	if (!migration)
		return NULL;
	asked = malloc(sizeof(*asked));
	*copy = malloc(size);
	if (!asked || !*copy) {
		free(asked);
		free(*copy);
		api_no_memory(x);
		return NULL;
	}
	*asked = (struct asked){ x, migration };
	return asked;
}

static void fail(struct asked *asked, const struct cf_error *err)
{
	http_fail(asked->x, err);
	free(asked);
}

void api_prepare(void *userdata, struct http_exchange *x)
{
	struct cf_offer *body = http_body(x), *offer;
	struct cf_error err = { 0 };
	void *copy;
	struct asked *asked = begin(userdata, x, &copy, sizeof(*offer));

	if (!asked)
		return;
	offer = copy;
	*offer = *body;
	body->xml = body->cookie = (struct cf_blob){ 0 };
	if (migration_prepare(asked->migration, offer, PREPARE_WAIT, tell_prepared, asked, &err) < 0)
		fail(asked, &err);
}

void api_commit(void *userdata, struct http_exchange *x)
{
	struct cf_commit *body = http_body(x), *commit;
	struct cf_error err = { 0 };
	void *copy;
	struct asked *asked = begin(userdata, x, &copy, sizeof(*commit));

	if (!asked)
		return;
	commit = copy;
	*commit = *body;
	body->cookie = (struct cf_blob){ 0 };
	if (migration_commit(asked->migration, commit, COMMIT_WAIT, tell_answer, asked, &err) < 0)
		fail(asked, &err);
}
