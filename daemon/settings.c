/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/settings-table.h"

void settings_where(const struct settings *settings, const char *host, const char **address, int *port)
{
	*address = host;
	*port = settings->port;
	for (size_t i = 0; i < settings->n_peers; i++)
		if (strcmp(settings->peers[i].name, host) == 0) {
			*address = settings->peers[i].address;
			*port = settings->peers[i].port;
		}
}

struct settings *settings_hold(struct settings *settings)
{
	atomic_fetch_add(&settings->holders, 1);
	return settings;
}

struct settings *settings_free(struct settings *settings)
{
	if (!settings || atomic_fetch_sub(&settings->holders, 1) > 1)
		return NULL;

	free(settings->peers);
	free(settings);
	return NULL;
}

int setting_defaults(enum setting_group_kind kind, void *base, struct cf_error *err)
{
	for (size_t i = 0; i < SETTING_GROUPS; i++) {
		const struct setting_group *group = &setting_groups[i];

		for (size_t j = 0; group->kind == kind && j < group->n_rows; j++) {
			const struct setting *row = &group->rows[j];
			int r = setting_is_list(row) ? 0 : setting_parse(row, row->otherwise, base, err);

			if (r < 0)
				return r;
		}
	}

	return 0;
}

int settings_begin(struct settings **ret, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *settings = calloc(1, sizeof(*settings));
	int r;

	if (!settings)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	settings->holders = 1;
	r = setting_defaults(GROUP_ONE, settings, err);
	for (; r == 0 && settings->n_policies < SHIPPED_POLICIES; settings->n_policies++)
		r = settings_policy_default(&settings->policies[settings->n_policies],
					    shipped_policies[settings->n_policies].name, err);
	if (r < 0)
		return r;

	*ret = CF_TAKE(settings);
	return 0;
}

int settings_fallback(const char *fault, struct settings **ret, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *settings = NULL;
	int r = settings_begin(&settings, err);

	if (r == 0)
		r = settings_complete(settings, err);
	if (r < 0)
		return r;
	snprintf(settings->fault, sizeof(settings->fault), "%s", fault);

	*ret = CF_TAKE(settings);
	return 0;
}

const char *settings_for_a_start(const struct settings *now, const struct settings *fresh,
				 char ret[static SETTINGS_KEY_ROOM])
{
	char one[SETTING_VALUE_ROOM], other[SETTING_VALUE_ROOM];

	for (size_t i = 0; i < SETTING_GROUPS; i++)
		for (size_t j = 0; j < setting_groups[i].n_rows; j++) {
			const struct setting *row = &setting_groups[i].rows[j];

			if (!row->at_start)
				continue;
			setting_text(row, now, 0, one);
			setting_text(row, fresh, 0, other);
			if (strcmp(one, other) == 0)
				continue;
			snprintf(ret, SETTINGS_KEY_ROOM, "%s.%s", setting_groups[i].name, row->key);
			return ret;
		}

	return NULL;
}

int settings_peer_default(struct settings_peer *peer, const char *name, struct cf_error *err)
{
	static const struct setting row = {
		.kind = SETTING_HOST, .offset = offsetof(struct settings_peer, name),
		.size = sizeof(peer->name), .what = 1,
	};
	struct settings_peer fresh = { 0 };
	int r;

	r = setting_parse(&row, name, &fresh, err);
	if (r == 0)
		r = setting_defaults(GROUP_PEERS, &fresh, err);
	if (r < 0)
		return r;

	*peer = fresh;
	return 0;
}

int settings_complete(struct settings *settings, struct cf_error *err)
{
	char host[CF_HOST_ROOM];

	if (!*settings->host) {
		if (gethostname(host, sizeof(host)) < 0)
			return cf_fail(err, errno, CF_HOST, "host: gethostname(2): %s", strerror(errno));
		host[sizeof(host) - 1] = '\0';
		strcpy(settings->host, host);
	}
	for (size_t i = 0; i < settings->n_peers; i++)
		if (!*settings->peers[i].address)
			strcpy(settings->peers[i].address, settings->peers[i].name);

	return 0;
}
