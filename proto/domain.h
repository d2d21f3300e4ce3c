/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The domains of a host, cheaply: no guest is asked. */

#include "proto/page.h"

enum cf_domain_state {
	CF_DOMAIN_STATE_UNKNOWN, CF_DOMAIN_RUNNING, CF_DOMAIN_PAUSED, CF_DOMAIN_SHUTOFF, CF_DOMAIN_CRASHED,
	CF_DOMAIN_SUSPENDED, CF_DOMAIN_SHUTDOWN, CF_N_DOMAIN_STATES,
};

struct cf_domain {
	char name[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	enum cf_domain_state state;
	char type[16];			/* "kvm" or "qemu" (TCG) */
	bool agent_connected;
	bool has_kvm_library;		/* it runs with KVM, and its QEMU could be looked at */
	bool kvm_library;		/* libclockferry-kvm.so is in there, and has seen its vCPUs */
	char manager[32];		/* whose metadata it carries: "nova", "ovirt" ...; "" for none */
};

#define CF_DOMAINS_MAX 1000
struct cf_domains {
	size_t n_list;
	struct cf_domain list[CF_DOMAINS_MAX];	/* by name */
	bool has_next;
	char next[CF_CURSOR_ROOM];
};

extern const char *const cf_domain_state_words[CF_N_DOMAIN_STATES];
extern const struct cf_shape cf_domain_shape;
extern const struct cf_shape cf_domains_shape;
