/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/incoming.h"

#define T struct cf_reservation
static const struct cf_field reservation_fields[] = {
	CF_TEXT(T, domain),
	CF_TEXT(T, uuid),
	CF_TEXT(T, source),
	CF_TEXT(T, destination),
	CF_BOOL(T, dry_run),
	CF_TEXT(T, driver),
	CF_LIST(T, labels, NULL, CF_SINCE(1)),
	CF_STRUCT(T, requester, cf_requester_shape, CF_MAYBE(T, has_requester), CF_SINCE(1)),
	CF_STRUCT(T, persistence, cf_persistence_shape, CF_MAYBE(T, has_persistence), CF_SINCE(1)),
	CF_STRUCT(T, limits, cf_limits_shape),
	CF_STRUCT(T, report, cf_report_shape),
	CF_TEXT(T, policy, CF_MAYBE(T, has_policy), CF_SINCE(1)),
	CF_TEXT(T, requested, CF_MAYBE(T, has_requested), CF_SINCE(1)),
	CF_STRUCT(T, override, cf_override_shape, CF_MAYBE(T, has_override), CF_SINCE(1)),
	CF_STRUCT(T, passthrough, cf_passthrough_shape, CF_MAYBE(T, has_passthrough), CF_SINCE(2)),
	CF_BOOL(T, hears_abort, CF_MAYBE(T, has_hears_abort), CF_SINCE(2)),
};
#undef T
const struct cf_shape cf_reservation_shape = CF_SHAPE(cf_reservation, reservation_fields);

#define T struct cf_lease
static const struct cf_field lease_fields[] = {
	CF_BOOL(T, granted),
	CF_TEXT(T, host),
	CF_STRUCT(T, limits, cf_limits_shape),
	CF_STRUCT(T, report, cf_report_shape),
	CF_TEXT(T, agent),
	CF_TEXT(T, libvirt),
	CF_TEXT(T, emulator),
	CF_TEXT(T, kernel),
	CF_LIST(T, findings, &cf_finding_shape),
	CF_TEXT(T, policy, CF_MAYBE(T, has_policy), CF_SINCE(1)),
	CF_BOOL(T, override_accepted, CF_MAYBE(T, has_override_accepted), CF_SINCE(1)),
	CF_BOOL(T, gate, CF_MAYBE(T, has_gate), CF_SINCE(2)),
	CF_TEXT(T, gate_why, CF_MAYBE(T, has_gate_why), CF_SINCE(2)),
	CF_STRUCT(T, kvm, cf_kvm_offer_shape, CF_MAYBE(T, has_kvm), CF_SINCE(2)),
	CF_BOOL(T, passthrough_accepted, CF_MAYBE(T, has_passthrough_accepted), CF_SINCE(2)),
};
#undef T
const struct cf_shape cf_lease_shape = CF_SHAPE(cf_lease, lease_fields);

#define T struct cf_closing
static const struct cf_field closing_fields[] = {
	CF_STRUCT(T, receipt, cf_receipt_shape),
};
#undef T
const struct cf_shape cf_closing_shape = CF_SHAPE(cf_closing, closing_fields);

#define T struct cf_said
static const struct cf_field said_fields[] = {
	CF_STRUCT(T, reservation, cf_reservation_shape),
	CF_STRUCT(T, lease, cf_lease_shape),
	CF_STRUCT(T, record, cf_record_shape, CF_MAYBE(T, has_record)),
};
#undef T
const struct cf_shape cf_said_shape = CF_SHAPE(cf_said, said_fields);

#define T struct cf_accepted
static const struct cf_field accepted_fields[] = {
	CF_BOOL(T, accepted),
};
#undef T
const struct cf_shape cf_accepted_shape = CF_SHAPE(cf_accepted, accepted_fields);
