/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/entry.h"

#define T struct cf_entry
static const struct cf_field entry_fields[] = {
	CF_TEXT(T, boot),
	CF_STRUCT(T, entered, cf_instant_shape),
	CF_STRUCT(T, request, cf_migration_request_shape, CF_MAYBE(T, has_request)),
	CF_BOOL(T, with_xml, CF_MAYBE(T, has_with_xml)),
	CF_INT(T, mark, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_mark)),
	CF_STRUCT(T, reservation, cf_reservation_shape, CF_MAYBE(T, has_reservation)),
	CF_STRUCT(T, lease, cf_lease_shape, CF_MAYBE(T, has_lease)),
	CF_STRUCT(T, record, cf_record_shape, CF_MAYBE(T, has_record)),
	CF_INTERVAL(T, at_stop, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_at_stop)),
	CF_SPAN(T, expected_downtime, 0, CF_YEAR, CF_MAYBE(T, has_expected_downtime)),
	CF_BOOL(T, was_defined, CF_MAYBE(T, has_was_defined)),
	CF_STRUCT(T, landing, cf_landing_shape, CF_MAYBE(T, has_landing)),
};
#undef T
const struct cf_shape cf_entry_shape = CF_SHAPE(cf_entry, entry_fields);
