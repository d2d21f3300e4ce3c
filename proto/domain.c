/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/domain.h"

const char *const cf_domain_state_words[CF_N_DOMAIN_STATES] = {
	[CF_DOMAIN_STATE_UNKNOWN] = "unknown",
	[CF_DOMAIN_RUNNING]       = "running",
	[CF_DOMAIN_PAUSED]        = "paused",
	[CF_DOMAIN_SHUTOFF]       = "shut-off",
	[CF_DOMAIN_CRASHED]       = "crashed",
	[CF_DOMAIN_SUSPENDED]     = "suspended",
	[CF_DOMAIN_SHUTDOWN]      = "shutting-down",
};

#define T struct cf_domain
static const struct cf_field domain_fields[] = {
	CF_TEXT(T, name),
	CF_TEXT(T, uuid),
	CF_ENUM(T, state, cf_domain_state_words, CF_N_DOMAIN_STATES),
	CF_TEXT(T, type),
	CF_BOOL(T, agent_connected),
	CF_TEXT(T, manager),
	CF_BOOL(T, kvm_library, CF_MAYBE(T, has_kvm_library), CF_SINCE(2)),
};
#undef T
const struct cf_shape cf_domain_shape = CF_SHAPE(cf_domain, domain_fields);

#define T struct cf_domains
static const struct cf_field domains_fields[] = {
	CF_LIST(T, list, &cf_domain_shape),
	CF_TEXT(T, next, CF_MAYBE(T, has_next), CF_SINCE(1)),
};
#undef T
const struct cf_shape cf_domains_shape = CF_SHAPE(cf_domains, domains_fields);
