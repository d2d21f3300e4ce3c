/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/health.h"

#define T struct cf_version
static const struct cf_field version_fields[] = {
	CF_TEXT(T, agent),
	CF_INT(T, major, 0, 1000),
	CF_INT(T, minor, 0, 1000),
	CF_TEXT(T, host),
};
#undef T
const struct cf_shape cf_version_shape = CF_SHAPE(cf_version, version_fields);

#define T struct cf_health
static const struct cf_field health_fields[] = {
	CF_TEXT(T, host),
	CF_BOOL(T, healthy),
	CF_ENUM(T, clock, cf_clock_states, CF_N_CLOCK_STATES),
	CF_BOOL(T, libvirt_connected),
	CF_TEXT(T, libvirt),
	CF_TEXT(T, libvirt_why),
	CF_TEXT(T, settings),
	CF_BOOL(T, tls_listening),
	CF_TEXT(T, tls_why),
	CF_TEXT(T, ledger, CF_MAYBE(T, has_ledger), CF_SINCE(1)),
	CF_TEXT(T, ledger_note, CF_MAYBE(T, has_ledger_note), CF_SINCE(1)),
	CF_INT(T, migrations, 0, INT64_MAX),
	CF_INT(T, queued, 0, INT64_MAX, CF_MAYBE(T, has_queued), CF_SINCE(1)),
	CF_BOOL(T, quiescing, CF_MAYBE(T, has_quiescing), CF_SINCE(1)),
	CF_INT(T, hung_calls, 0, INT64_MAX),
};
#undef T
const struct cf_shape cf_health_shape = CF_SHAPE(cf_health, health_fields);

#define T struct cf_quiesce
static const struct cf_field quiesce_fields[] = {
	CF_BOOL(T, on),
};
#undef T
const struct cf_shape cf_quiesce_shape = CF_SHAPE(cf_quiesce, quiesce_fields);

#define T struct cf_quiesced
static const struct cf_field quiesced_fields[] = {
	CF_TEXT(T, host),
	CF_BOOL(T, quiescing),
	CF_INT(T, migrations, 0, INT64_MAX),
	CF_INT(T, queued, 0, INT64_MAX),
};
#undef T
const struct cf_shape cf_quiesced_shape = CF_SHAPE(cf_quiesced, quiesced_fields);
