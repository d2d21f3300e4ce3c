/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "client/command.h"
#include "client/json.h"
#include "client/show.h"

#define SINCE ((cf_span){ 30 * CF_DAY })	/* unless told otherwise */

/* All of them, and then the one in use. */
static int run_policies(struct ask *ask, struct cf_error *err)
{
	const struct cf_policies *all;
	char in_use[CF_POLICY_ROOM] = "";
	int r;

	r = fetch(ask, CF_ROUTE_POLICIES, NULL, err);
	if (r != 0)
		return r < 0 ? r : EXIT_CLEAN;

	all = ask->reply.message;
	for (size_t i = 0; i < all->n_list; i++)
		if (all->list[i].in_use)
			snprintf(in_use, sizeof(in_use), "%s", all->list[i].name);
	r = show_policy_table(ask->to, all, err);
	if (r == 0 && *in_use)
		r = fetch(ask, CF_ROUTE_POLICY, in_use, err);
	if (r == 0 && *in_use) {
		fputc('\n', ask->to);
		show_policy_rows(ask->to, ask->reply.message);
	}
	return r;
}

static int run_one(struct ask *ask, const char *name, struct cf_error *err)
{
	int r;

	r = fetch(ask, CF_ROUTE_POLICY, name, err);
	if (r == 0)
		show_policy_rows(ask->to, ask->reply.message);
	return r < 0 ? r : EXIT_CLEAN;
}

/* The file as it is: what it means is the agent's to say. */
static int load(const char *path, struct cf_trial_request *request, struct cf_error *err)
{
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(request->text, 1, sizeof(request->text), file) : 0;
	bool bad = !file || ferror(file);
	int error = errno;

	if (file)
		fclose(file);
	if (bad)
		return cf_fail(err, error, CF_BAD_REQUEST, "%s: %s", path, strerror(error));
	if (n == sizeof(request->text) || memchr(request->text, 0, n))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s: is no file of policies", path);

	request->text[n] = '\0';
	snprintf(request->file, sizeof(request->file), "%s", path);
	return 0;
}

static int run_trial(struct ask *ask, struct cf_error *err)
{
	CF_AUTO(cf_free) struct cf_trial_request *request = calloc(1, sizeof(*request));
	struct question question = { .route = CF_ROUTE_TRIAL, .request = request };
	int r;

	if (!request)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = load(ask->args[1], request, err);
	if (r < 0)
		return r;
	request->since = ask->has_since ? ask->since : SINCE;
	request->has_policy = ask->wish.terms.has_policy;
	memcpy(request->policy, ask->wish.terms.policy, sizeof(request->policy));

	r = fetch_answer(ask, &question, err);
	if (r == 0)
		show_trial(ask->to, ask->reply.message, request->since);
	return r < 0 ? r : EXIT_CLEAN;
}

int run_policy(struct ask *ask, struct cf_error *err)
{
	if (ask->n_args == 2 && strcmp(ask->args[0], "check") == 0)
		return run_trial(ask, err);
	if (ask->n_args == 2)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "usage: clockferry policy %s", ask->command->args);
	if (ask->has_since || ask->wish.terms.has_policy)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "policy takes --since and --policy with `check FILE` only");
	return ask->n_args == 1 ? run_one(ask, ask->args[0], err) : run_policies(ask, err);
}
