/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "client/follow.h"
#include "client/json.h"
#include "client/say.h"
#include "client/show.h"
#include "proto/codec.h"

/* A random id, so that no two requests ever mean the same migration by chance: RFC 4122, version 4. */
static int random_id(char id[static CF_UUID_ROOM], struct cf_error *err)
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return cf_fail(err, EIO, CF_HOST, "the kernel gives no random bytes");

	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(id, CF_UUID_ROOM, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
		 b[14], b[15]);
	return 0;
}

/* A whole file, which may be as large as a domain XML may. */
static int read_xml(const char *path, bool *has, struct cf_blob *ret, struct cf_error *err)
{
	unsigned char *data;
	FILE *file;
	size_t n;
	bool bad;

	if (!path)
		return 0;
	file = fopen(path, "re");
	data = malloc(CF_XML_MAX + 1);
	n = file && data ? fread(data, 1, CF_XML_MAX + 1, file) : 0;
	bad = !file || !data || ferror(file);
	if (file)
		fclose(file);
	*ret = (struct cf_blob){ data, n };	/* the request's, whatever there is in it */
	*has = true;
	if (bad)
		return cf_fail(err, errno ? errno : EIO, CF_BAD_REQUEST, "%s: %s", path, strerror(errno));
	if (n > CF_XML_MAX)
		return cf_fail(err, EFBIG, CF_BAD_REQUEST, "%s: larger than %zu KiB is no domain XML", path,
			       CF_XML_MAX / 1024);
	return 0;
}

static int spell(struct ask *ask, struct cf_migration_request *ret, struct cf_error *err)
{
	const char *domain = ask->args[0], *destination = ask->args[1];
	int r;

	if (strlen(domain) >= sizeof(ret->domain) || strlen(destination) >= sizeof(ret->destination))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "that is too long for a name");

	*ret = ask->wish;
	strcpy(ret->domain, domain);
	strcpy(ret->destination, destination);
	r = take_labels(ask, ret->labels, &ret->n_labels, err);
	if (r == 0)
		r = read_xml(ask->xml, &ret->has_xml, &ret->xml, err);
	if (r == 0)
		r = read_xml(ask->persistent_xml, &ret->has_persistent_xml, &ret->persistent_xml, err);
	return r;
}

/* Policy's "no" is an answer and goes where answers go. */
static int show_refusal(struct ask *ask)
{
	const struct cf_problem *problem = ask->reply.problem;

	if (ask->json) {
		json_print(ask->to, ask->reply.text, ask->reply.size);
		return EXIT_REFUSED;
	}
	say(ask->to, "refused: %s does not migrate to %s", ask->args[0], ask->args[1]);
	show_findings(ask->to, "  ", problem->findings, problem->n_findings);
	if (problem->n_findings == 0)
		say_row(ask->to, "why", "%s", problem->detail);
	return EXIT_REFUSED;
}

static int migrate(struct ask *ask, const struct cf_migration_request *request, struct cf_error *err)
{
	struct progress quiet = { 0 };
	char id[CF_UUID_ROOM];
	struct question question = { .route = CF_ROUTE_MIGRATE, .segment = id, .request = request };
	int r;

	r = random_id(id, err);
	if (r < 0)
		return r;

	follow_signals(ask);
	r = follow_ask(ask, &question, true, &quiet, err);
	if (r < 0 && ask->reply.problem && err->code == CF_REFUSED)
		return show_refusal(ask);
	if (r < 0 && r != -EINTR) {
		if (ask->reply.sent && !ask->reply.problem)
			follow_say_how(ask, id);
		return r;
	}

	if (!ask->json)
		say(ask->to, "migration %s: %s to %s", id, ask->args[0], ask->args[1]);
	fflush(ask->to);
	r = follow(ask, id, err);
	if (r < 0)
		return r;
	return r == FOLLOW_ENDED ? settle(ask, id, err) : EXIT_FAILED;
}

int run_migrate(struct ask *ask, struct cf_error *err)
{
	struct cf_migration_request request = { 0 };
	int r;

	r = spell(ask, &request, err);
	if (r == 0)
		r = migrate(ask, &request, err);
	cf_message_clear(&cf_migration_request_shape, &request);
	return r;
}
