/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/peer.h"

#define T struct cf_peer
static const struct cf_field peer_fields[] = {
	CF_TEXT(T, host),
	CF_TEXT(T, address),
	CF_BOOL(T, reachable),
	CF_TEXT(T, why),
	CF_TEXT(T, agent, CF_MAYBE(T, has_agent)),
	CF_INTERVAL(T, host_offset, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_host_offset)),
	CF_SPAN(T, half_width, 0, INT64_MAX, CF_MAYBE(T, has_half_width)),
	CF_SPAN(T, age, 0, INT64_MAX, CF_MAYBE(T, has_age)),
	CF_INT(T, rounds, 0, INT64_MAX),
	CF_STRUCT(T, report, cf_report_shape, CF_MAYBE(T, has_report)),
	CF_BOOL(T, gate_open),
	CF_TIME(T, gate_since, CF_MAYBE(T, has_gate_since)),
	CF_LIST(T, findings, &cf_finding_shape),
};
#undef T
const struct cf_shape cf_peer_shape = CF_SHAPE(cf_peer, peer_fields);

#define T struct cf_peers
static const struct cf_field peers_fields[] = {
	CF_LIST(T, list, &cf_peer_shape),
	CF_TEXT(T, next, CF_MAYBE(T, has_next), CF_SINCE(1)),
};
#undef T
const struct cf_shape cf_peers_shape = CF_SHAPE(cf_peers, peers_fields);
