/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The agent's settings, /etc/clockferry/clockferryd.conf.
 *
 * A file is taken whole or not at all: the first fault is an error that says
 * file, line, key and what would have been right, and no settings come of it.
 * Rows of the tables in daemon/settings-table.h say what there is; reading,
 * defaults, printing and the manual all follow them.
 *
 * libconfuse's lexer is one per process: read settings from one thread only.
 * What was read is never changed afterwards, and may be used from any.
 */

#include <stdatomic.h>
#include <stdio.h>

#include "proto/base.h"
#include "proto/error.h"
#include "proto/guard.h"
#include "proto/options.h"
#include "proto/peer.h"
#include "proto/policy.h"
#include "proto/report.h"
#include "proto/route.h"
#include "proto/terms.h"
#include "proto/time.h"
#include "proto/version.h"

#define SETTINGS_PATH SYSCONFDIR "/clockferry/clockferryd.conf"

#define SETTINGS_TEXT_ROOM	256	/* a path, a URI, a name, with its NUL */
#define SETTINGS_LISTEN_MAX	16
#define SETTINGS_RULES_MAX	(CF_PEERS_KNOWN_MAX + 64)	/* of all roles together: each peer may have one of its own */
#define SETTINGS_POLICIES_MAX	64	/* with those that ship */

/* What of a certificate a pattern is held against. */
enum access_kind { ACCESS_DNS, ACCESS_URI, ACCESS_CN, ACCESS_N_KINDS };

extern const char *const access_words[ACCESS_N_KINDS];	/* as a rule begins: "dns" */

/* A certificate whose name of that kind fits the pattern has the role. */
struct access_rule {
	unsigned role;			/* one of enum cf_role */
	enum access_kind kind;
	char pattern[SETTINGS_TEXT_ROOM];
};

/* A known peer: measured in the background, and a destination to choose from. */
struct settings_peer {
	char name[CF_HOST_ROOM];	/* as its certificate has it */
	char address[CF_HOST_ROOM];	/* IP address or DNS name; the name where none was given */
	int64_t port;
};

/* What is allowed, under a name by which hosts, domains and requests choose it. */
struct settings_policy {
	char name[CF_POLICY_ROOM];
	char description[SETTINGS_TEXT_ROOM];
	char origin[SETTINGS_TEXT_ROOM];	/* the file that says something of it; "": as it ships */
	struct cf_limits limits;
};

struct settings {
	atomic_int holders;		/* settings_hold(), settings_free() */
	char fault[CF_DETAIL_ROOM];	/* why these are only the defaults, and nothing is allowed; "": they are not */

	char host[CF_HOST_ROOM];	/* what peers know this host by; never "" */
	size_t n_listen;		/* 0: every address */
	char listen[SETTINGS_LISTEN_MAX][SETTINGS_TEXT_ROOM];
	int64_t port;

	char use_policy[CF_POLICY_ROOM];	/* for domains that choose none; always one of those below */
	bool accept_override;			/* what another host's administrator overrides is overridden here */

	cf_span stop_slack;		/* how much earlier than its event a guest may have stopped */
	cf_span stop_wait;		/* how long SIGTERM lets a copy go on */
	cf_span lease;			/* how long a reservation holds without news */

	int64_t outgoing;		/* migrations that leave at once */
	int64_t incoming;		/* that come in */
	int64_t queued;			/* that wait for their turn to leave */
	cf_span queue_wait;		/* how long at most */

	struct {
		char ca[SETTINGS_TEXT_ROOM];
		char crl[SETTINGS_TEXT_ROOM];	/* "": none */
		char cert[SETTINGS_TEXT_ROOM];
		char key[SETTINGS_TEXT_ROOM];
	} tls;

	size_t n_access;
	struct access_rule access[SETTINGS_RULES_MAX];

	size_t n_peers;
	struct settings_peer *peers;

	struct {
		enum cf_via via;	/* CF_VIA_UNKNOWN: each in turn until one answers */
		char socket[SETTINGS_TEXT_ROOM];
		cf_span interval;
		cf_span timeout;
	} chrony;

	struct {
		char uri[SETTINGS_TEXT_ROOM];
		enum cf_driver driver;
		char destination_uri[SETTINGS_TEXT_ROOM];	/* with one %s for the host's address */
		char migrate_uri[SETTINGS_TEXT_ROOM];		/* the same; "": libvirt chooses */
		bool accept_passthrough;	/* what comes in may have arguments for QEMU's command line */
		struct cf_options options;	/* where a request says nothing */
	} libvirt;

	struct {
		cf_span max_downtime;	/* what QEMU aims at first; 0: as cf_ramp_first() has it */
		cf_span heartbeat;	/* libvirtd is heard of so often; 0: as cf_heartbeat() has it */
		cf_span peer_silence;	/* of a source, until its destination drops what came */
		cf_span no_progress;
		cf_span converge;
	} copy;

	struct {
		int64_t rounds;
		cf_span interval;	/* between measurements of a known peer */
		cf_span timeout;	/* of one round */
		int64_t raw_drift_ppm;	/* two RAW clocks against each other, at most */
	} probe;

	struct {
		int64_t rounds;
		cf_span timeout;	/* of one call to the guest agent */
		cf_span interval;	/* between measurements during the copy */
		cf_span correct_within;	/* after RESUME; later the clock is only reported */
		char notice_path[SETTINGS_TEXT_ROOM];	/* in the guest */
	} guest;

	struct {
		enum cf_guard_mode mode;
		bool closed;		/* without an agent's answer nothing comes in */
		bool measure;		/* migrations that others drive */
		cf_span deadline;	/* for the hook, all in all */
	} guard;

	struct {
		char path[SETTINGS_TEXT_ROOM];
		cf_span keep_for;
		int64_t keep_count;
	} ledger;

	size_t n_policies;			/* those that ship come first */
	struct settings_policy policies[SETTINGS_POLICIES_MAX];
};

/*
 * Where the agent of that host is: what the settings say of a known peer, else its name
 * and the port this host listens on itself.  *address is theirs or host.
 */
void settings_where(const struct settings *settings, const char *host, const char **address, int *port);

/* The policy of that name, or NULL; the one in use for "". */
const struct settings_policy *settings_policy(const struct settings *settings, const char *name);

/* Its rows, for a person. */
void settings_policy_rows(const struct settings_policy *policy, struct cf_policy *ret);

/*
 * The settings of the file at path, and the policies in the files policy.d/NAME.conf
 * beside it, into *ret, to be released with settings_free().  A file that is not
 * there means the defaults.  Errors: EINVAL with "file:line: key: ...", or what
 * open(2) and read(2) say.
 */
int settings_read(const char *path, struct settings **ret, struct cf_error *err);

/*
 * The policies that ship, and those of a file that is not taken over: text is its content,
 * path what faults are told of.
 */
int settings_try(const char *path, const char *text, struct settings **ret, struct cf_error *err);

/*
 * What stands in for settings that cannot be read, with the fault in it: the agent
 * is there to be asked, and refuses every migration (CF_FINDING_SETTINGS_INVALID).
 */
int settings_fallback(const char *fault, struct settings **ret, struct cf_error *err);

/* "libvirt.uri": a row that differs and is taken over by a start only; NULL when there is none. */
#define SETTINGS_KEY_ROOM 64
const char *settings_for_a_start(const struct settings *now, const struct settings *fresh,
				 char ret[static SETTINGS_KEY_ROOM]);

/*
 * One more who holds them, from any thread; each lets go with settings_free(), and
 * the last one ends them.  Returns NULL always, so that x = settings_free(x) clears.
 */
struct settings *settings_hold(struct settings *settings);
struct settings *settings_free(struct settings *settings);
CF_DEFINE_AUTO(struct settings *, settings_free)

/*
 * All settings in the file's own syntax, each with its meaning, unit, range and
 * default above it.  What is as the default has it is commented out; without
 * settings everything is: that is the example that ships, with one policy in it.
 */
void settings_print(const struct settings *settings, FILE *out);
