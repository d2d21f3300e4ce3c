/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/migration.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "proto/utf8.h"

bool cf_is_uuid(const char *text)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	return i == CF_UUID_ROOM - 1;
}

static size_t key_length(const char *label)
{
	return strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-");
}

static bool is_label(const char *label)
{
	char clean[CF_LABEL_ROOM];
	size_t n = key_length(label);

	return n > 0 && label[n] == '=' && strcmp(cf_utf8_clean(label, strlen(label), clean, sizeof(clean)), label) == 0;
}

int cf_labels_check(const char (*labels)[CF_LABEL_ROOM], size_t n, struct cf_error *err)
{
	char shown[CF_LABEL_ROOM];

	for (size_t i = 0; i < n; i++) {
		cf_utf8_clean(labels[i], strlen(labels[i]), shown, sizeof(shown));
		if (!is_label(labels[i]))
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "labels[%zu]: '%s' is not KEY=VALUE", i, shown);
		for (size_t j = 0; j < i; j++)
			if (strncmp(labels[i], labels[j], key_length(labels[i]) + 1) == 0)
				return cf_fail(err, EINVAL, CF_BAD_REQUEST, "labels[%zu]: the key of '%s' is given twice",
					       i, shown);
	}
	return 0;
}

bool cf_labels_have(const char (*labels)[CF_LABEL_ROOM], size_t n, const char *label)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(labels[i], label) == 0)
			return true;

	return false;
}

const char *const cf_phase_words[CF_N_PHASES] = {
	[CF_PHASE_UNKNOWN]      = "unknown",
	[CF_PHASE_QUEUED]       = "queued",
	[CF_PHASE_CHECKING]     = "checking",
	[CF_PHASE_RESERVED]     = "reserved",
	[CF_PHASE_CAPTURING]    = "capturing",
	[CF_PHASE_COPYING]      = "copying",
	[CF_PHASE_LEASED]       = "leased",
	[CF_PHASE_PREPARED]     = "prepared",
	[CF_PHASE_ARMED]        = "armed",
	[CF_PHASE_PAUSED]       = "paused",
	[CF_PHASE_LOADED]       = "loaded",
	[CF_PHASE_COMMITTING]   = "committing",
	[CF_PHASE_IN_DOUBT]     = "in-doubt",
	[CF_PHASE_ROLLING_BACK] = "rolling-back",
	[CF_PHASE_OBEYED]       = "obeyed",
	[CF_PHASE_RUNNING]      = "running",
	[CF_PHASE_LANDED]       = "landed",
	[CF_PHASE_CORRECTING]   = "correcting",
	[CF_PHASE_VERIFYING]    = "verifying",
	[CF_PHASE_DONE]         = "done",
	[CF_PHASE_REFUSED]      = "refused",
	[CF_PHASE_ABORTED]      = "aborted",
	[CF_PHASE_DROPPED]      = "dropped",
};

const char *const cf_side_words[CF_N_SIDES] = {
	[CF_SIDE_UNKNOWN] = "unknown",
	[CF_SOURCE]       = "source",
	[CF_DESTINATION]  = "destination",
};

const char *const cf_outcome_words[CF_N_OUTCOMES] = {
	[CF_OUTCOME_UNKNOWN]    = "unknown",
	[CF_OUTCOME_CLEAN]      = "clean",
	[CF_OUTCOME_BREACHED]   = "breached",
	[CF_OUTCOME_UNVERIFIED] = "unverified",
	[CF_OUTCOME_REFUSED]    = "refused",
	[CF_OUTCOME_ABORTED]    = "aborted",
};

#define T struct cf_requester
static const struct cf_field requester_fields[] = {
	CF_TEXT(T, name),
	CF_TEXT(T, role),
	CF_TEXT(T, host),
};
#undef T
const struct cf_shape cf_requester_shape = CF_SHAPE(cf_requester, requester_fields);

#define T struct cf_migration_request
static const struct cf_field migration_request_fields[] = {
	CF_TEXT(T, domain),
	CF_TEXT(T, destination),
	CF_STRUCT(T, terms, cf_terms_shape, CF_MAYBE(T, has_terms), CF_SINCE(1)),
	CF_INT(T, priority, -CF_PRIORITY_MAX, CF_PRIORITY_MAX, CF_MAYBE(T, has_priority), CF_SINCE(1)),
	CF_SPAN(T, wait, 0, CF_WAIT_MAX, CF_MAYBE(T, has_wait), CF_SINCE(1)),
	CF_LIST(T, labels, NULL, CF_SINCE(1)),
	CF_STRUCT(T, options, cf_options_shape, CF_MAYBE(T, has_options), CF_SINCE(1)),
	CF_BLOB(T, xml, CF_XML_MAX, CF_MAYBE(T, has_xml), CF_SINCE(1)),
	CF_BLOB(T, persistent_xml, CF_XML_MAX, CF_MAYBE(T, has_persistent_xml), CF_SINCE(1)),
};
#undef T
const struct cf_shape cf_migration_request_shape = CF_SHAPE(cf_migration_request, migration_request_fields);

#define T struct cf_persistence
static const struct cf_field persistence_fields[] = {
	CF_BOOL(T, persistent),
	CF_BOOL(T, autostart),
};
#undef T
const struct cf_shape cf_persistence_shape = CF_SHAPE(cf_persistence, persistence_fields);

#define T struct cf_migration_query
static const struct cf_field migration_query_fields[] = {
	CF_INT(T, after, 0, INT64_MAX, CF_MAYBE(T, has_after)),
	CF_SPAN(T, wait, 0, 60 * CF_S, CF_MAYBE(T, has_wait)),
};
#undef T
const struct cf_shape cf_migration_query_shape = CF_SHAPE(cf_migration_query, migration_query_fields);

#define T struct cf_progress
static const struct cf_field progress_fields[] = {
	CF_INT(T, bytes_total, 0, INT64_MAX),
	CF_INT(T, bytes_sent, 0, INT64_MAX),
	CF_INT(T, bytes_left, 0, INT64_MAX),
	CF_INT(T, bytes_per_second, 0, INT64_MAX),
	CF_INT(T, iteration, 0, INT64_MAX),
	CF_SPAN(T, predicted_blackout, 0, CF_YEAR, CF_MAYBE(T, has_predicted_blackout)),
	CF_INT(T, throttle_percent, 0, 100, CF_MAYBE(T, has_throttle_percent), CF_SINCE(2)),
};
#undef T
const struct cf_shape cf_progress_shape = CF_SHAPE(cf_progress, progress_fields);

#define T struct cf_migration
static const struct cf_field migration_fields[] = {
	CF_TEXT(T, id),
	CF_ENUM(T, side, cf_side_words, CF_N_SIDES),
	CF_TEXT(T, domain),
	CF_TEXT(T, uuid),
	CF_TEXT(T, source),
	CF_TEXT(T, destination),
	CF_ENUM(T, phase, cf_phase_words, CF_N_PHASES),
	CF_INT(T, revision, 0, INT64_MAX),
	CF_STRUCT(T, requester, cf_requester_shape, CF_MAYBE(T, has_requester), CF_SINCE(1)),
	CF_LIST(T, labels, NULL, CF_SINCE(1)),
	CF_TIME(T, started),
	CF_TIME(T, ended, CF_MAYBE(T, has_ended)),
	CF_ENUM(T, outcome, cf_outcome_words, CF_N_OUTCOMES, CF_MAYBE(T, has_outcome)),
	CF_TEXT(T, reason),
	CF_INT(T, priority, -CF_PRIORITY_MAX, CF_PRIORITY_MAX, CF_MAYBE(T, has_priority), CF_SINCE(1)),
	CF_INT(T, ahead, 0, INT64_MAX, CF_MAYBE(T, has_ahead), CF_SINCE(1)),
	CF_STRUCT(T, progress, cf_progress_shape, CF_MAYBE(T, has_progress)),
	CF_INTERVAL(T, host_offset, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_host_offset)),
	CF_SPAN(T, max_blackout, 0, CF_DAY, CF_MAYBE(T, has_max_blackout)),
	CF_LIST(T, findings, &cf_finding_shape),
};
#undef T
const struct cf_shape cf_migration_shape = CF_SHAPE(cf_migration, migration_fields);

#define T struct cf_stray
static const struct cf_field stray_fields[] = {
	CF_TEXT(T, domain),
	CF_TEXT(T, uuid),
	CF_TEXT(T, id, CF_MAYBE(T, has_id)),
	CF_TEXT(T, why),
};
#undef T
const struct cf_shape cf_stray_shape = CF_SHAPE(cf_stray, stray_fields);

#define T struct cf_migrations
static const struct cf_field migrations_fields[] = {
	CF_LIST(T, list, &cf_migration_shape),
	CF_TEXT(T, next, CF_MAYBE(T, has_next), CF_SINCE(1)),
	CF_TEXT(T, fault, CF_MAYBE(T, has_fault), CF_SINCE(1)),
	CF_LIST(T, strays, &cf_stray_shape, CF_SINCE(2)),
};
#undef T
const struct cf_shape cf_migrations_shape = CF_SHAPE(cf_migrations, migrations_fields);

#define T struct cf_migrations_query
static const struct cf_field migrations_query_fields[] = {
	CF_INT(T, limit, 1, CF_PAGE_MAX, CF_MAYBE(T, has_limit)),
	CF_TEXT(T, cursor, CF_MAYBE(T, has_cursor)),
	CF_TEXT(T, state, CF_MAYBE(T, has_state)),
	CF_TEXT(T, domain, CF_MAYBE(T, has_domain)),
	CF_LIST(T, label, NULL),
};
#undef T
const struct cf_shape cf_migrations_query_shape = CF_SHAPE(cf_migrations_query, migrations_query_fields);

bool cf_is_state(const char *text)
{
	bool known = strcmp(text, "open") == 0 || strcmp(text, "ended") == 0;

	for (int phase = CF_PHASE_UNKNOWN + 1; phase < CF_N_PHASES; phase++)
		known = known || strcmp(cf_phase_words[phase], text) == 0;
	return known;
}
