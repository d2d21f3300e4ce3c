/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Named policies: as they ship, and as files have them. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/settings-table.h"

static const struct setting_group *group(void)
{
	const struct setting_group *at = setting_groups;

	while (at->kind != GROUP_POLICIES)
		at++;
	return at;
}

static const struct shipped_policy *shipped(const char *name)
{
	for (size_t i = 0; i < SHIPPED_POLICIES; i++)
		if (strcmp(shipped_policies[i].name, name) == 0)
			return &shipped_policies[i];
	return &shipped_policies[0];
}

static int set(struct settings_policy *policy, const char *key, const char *value, struct cf_error *err)
{
	for (size_t i = 0; i < group()->n_rows; i++)
		if (strcmp(group()->rows[i].key, key) == 0)
			return setting_parse(&group()->rows[i], value, policy, err);
	return cf_fail(err, ENOENT, CF_HOST, "policy \"%s\" ships with an unknown key: %s", policy->name, key);
}

int settings_policy_default(struct settings_policy *policy, const char *name, struct cf_error *err)
{
	static const struct setting title = {
		.kind = SETTING_POLICY, .offset = offsetof(struct settings_policy, name),
		.size = sizeof(policy->name), .what = 1,
	};
	const struct shipped_policy *from = shipped(name);
	struct settings_policy fresh = { .limits = { .has_mode = true, .has_aftercare = true } };
	int r;

	r = setting_parse(&title, name, &fresh, err);
	if (r == 0)
		r = setting_defaults(GROUP_POLICIES, &fresh, err);
	for (size_t i = 0; r == 0 && i < CF_COUNT(from->sets) && from->sets[i].key; i++)
		r = set(&fresh, from->sets[i].key, from->sets[i].value, err);
	if (r < 0)
		return r;
	if (strcmp(from->name, name) != 0)
		*fresh.description = '\0';

	*policy = fresh;
	return 0;
}

const struct settings_policy *settings_policy(const struct settings *settings, const char *name)
{
	const char *wanted = *name ? name : settings->use_policy;

	for (size_t i = 0; i < settings->n_policies; i++)
		if (strcmp(settings->policies[i].name, wanted) == 0)
			return &settings->policies[i];
	return NULL;
}

int settings_policy_begin(const struct settings *settings, const char *name, struct settings_policy *fresh,
			  struct cf_error *err)
{
	const struct settings_policy *known = settings_policy(settings, name);
	struct settings_policy begun;
	int r;

	r = settings_policy_default(&begun, name, err);
	if (r < 0)
		return r;
	if (known && *known->origin)
		return cf_fail(err, EEXIST, CF_BAD_REQUEST, "%s says what it is already", known->origin);
	if (!known && settings->n_policies == SETTINGS_POLICIES_MAX)
		return cf_fail(err, E2BIG, CF_BAD_REQUEST, "more than %d policies", SETTINGS_POLICIES_MAX);

	begun.limits.n_severities = 0;	/* the file's come first: it may say otherwise of a finding */
	*fresh = begun;
	return 0;
}

/* What the file does not speak of stays as it ships; then in the order of their codes. */
static void complete_severities(struct cf_limits *limits, const struct cf_limits *begun)
{
	struct cf_limits all = *limits;

	limits->n_severities = 0;
	for (int code = 0; code < CF_N_FINDING_CODES; code++) {
		const struct cf_severity_of *of = NULL;

		for (size_t i = 0; i < begun->n_severities; i++)
			if ((int)begun->severities[i].code == code)
				of = &begun->severities[i];
		for (size_t i = 0; i < all.n_severities; i++)
			if ((int)all.severities[i].code == code)
				of = &all.severities[i];
		if (of)
			limits->severities[limits->n_severities++] = *of;
	}
	memset(&limits->severities[limits->n_severities], 0,
	       sizeof(limits->severities) - limits->n_severities * sizeof(*limits->severities));
}

int settings_policy_take(struct settings *settings, struct settings_policy *fresh, struct cf_error *err)
{
	struct settings_policy begun;
	size_t at = 0;
	int r;

	r = settings_policy_default(&begun, fresh->name, err);
	if (r < 0)
		return r;
	complete_severities(&fresh->limits, &begun.limits);

	while (at < settings->n_policies && strcmp(settings->policies[at].name, fresh->name) != 0)
		at++;
	settings->policies[at] = *fresh;
	settings->n_policies += at == settings->n_policies;
	return 0;
}

/* Elements of a list with ", " between them. */
static void spell(const struct setting *row, const struct settings_policy *policy, char *ret, size_t room)
{
	char text[SETTING_VALUE_ROOM];
	size_t n = 0;

	for (size_t i = 0; i < setting_count(row, policy) && n < room; i++) {
		setting_text(row, policy, i, text);
		n += snprintf(ret + n, room - n, "%s%s", i ? ", " : "", text);
	}
}

void settings_policy_rows(const struct settings_policy *policy, struct cf_policy *ret)
{
	struct settings_policy otherwise;
	char range[SETTING_VALUE_ROOM];

	if (settings_policy_default(&otherwise, policy->name, NULL) < 0)
		return;
	for (ret->n_rows = 0; ret->n_rows < group()->n_rows; ret->n_rows++) {
		const struct setting *row = &group()->rows[ret->n_rows];
		struct cf_policy_row *to = &ret->rows[ret->n_rows];

		setting_range(row, range);
		spell(row, policy, to->value, sizeof(to->value));
		spell(row, &otherwise, to->otherwise, sizeof(to->otherwise));
		snprintf(to->key, sizeof(to->key), "%s", row->key);
		snprintf(to->range, sizeof(to->range), "%.*s", (int)sizeof(to->range) - 1, range);
		snprintf(to->meaning, sizeof(to->meaning), "%s", row->meaning);
	}
}
