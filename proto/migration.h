/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One migration: the request for it, how it stands, and its receipt.
 *
 * The client chooses the id, so that a repeated PUT is the same request.
 */

#include "proto/error.h"
#include "proto/options.h"
#include "proto/page.h"
#include "proto/record.h"
#include "proto/report.h"
#include "proto/terms.h"

/* Phases of both sides, in the order of their lives; policy/phase.h has the edges. */
enum cf_phase {
	CF_PHASE_UNKNOWN,

	/* source */
	CF_PHASE_QUEUED,
	CF_PHASE_CHECKING,
	CF_PHASE_RESERVED,
	CF_PHASE_CAPTURING,
	CF_PHASE_COPYING,

	/* destination */
	CF_PHASE_LEASED,
	CF_PHASE_PREPARED,

	/* both, with a gate: from here a commit may be sent, or obeyed */
	CF_PHASE_ARMED,

	/* source */
	CF_PHASE_PAUSED,

	/* both, with a gate: the guest is in two memories, and runs in neither */
	CF_PHASE_LOADED,

	/* source, with a gate */
	CF_PHASE_COMMITTING,	/* a commit may have been sent */
	CF_PHASE_IN_DOUBT,	/* and nobody knows whether it was obeyed */
	CF_PHASE_ROLLING_BACK,	/* none was, or none was sent */

	/* destination */
	CF_PHASE_OBEYED,	/* with a gate: the guest may run here */
	CF_PHASE_RUNNING,

	/* source */
	CF_PHASE_LANDED,

	/* both */
	CF_PHASE_CORRECTING,
	CF_PHASE_VERIFYING,

	/* ends */
	CF_PHASE_DONE,
	CF_PHASE_REFUSED,
	CF_PHASE_ABORTED,
	CF_PHASE_DROPPED,

	CF_N_PHASES,
};

enum cf_side { CF_SIDE_UNKNOWN, CF_SOURCE, CF_DESTINATION, CF_N_SIDES };

enum cf_outcome {
	CF_OUTCOME_UNKNOWN,
	CF_OUTCOME_CLEAN,		/* landed, blackout and residual within policy */
	CF_OUTCOME_BREACHED,		/* landed, but one of them was not */
	CF_OUTCOME_UNVERIFIED,		/* landed, but one of them could not be measured */
	CF_OUTCOME_REFUSED,		/* nothing was changed anywhere */
	CF_OUTCOME_ABORTED,		/* the guest runs on at the source */
	CF_N_OUTCOMES,
};

/* Who asked for it, as the agent that took the request knew them. */
struct cf_requester {
	char name[CF_PERSON_ROOM];	/* "uid 1000 (ada)" on the socket, "cn:Ada Example" by certificate */
	char role[16];			/* by which they may: "operator" */
	char host[CF_HOST_ROOM];	/* whose agent says so */
};

/*
 * What the client calls it by, "team=db": shown, filtered by and kept in the receipt,
 * and nothing else.  A key is of letters, digits and "._/-", and stands once.
 */
#define CF_LABEL_ROOM	128
#define CF_LABELS_MAX	16

/*
 * A domain XML may hold secrets: those of a request are kept for as long as the
 * migration needs them, in memory alone, and shown to nobody but libvirt.
 */
#define CF_XML_MAX ((size_t)1 << 20)

struct cf_migration_request {
	char domain[CF_NAME_ROOM];	/* name or uuid */
	char destination[CF_HOST_ROOM];
	bool has_terms;
	struct cf_terms terms;
	bool has_priority;
	int64_t priority;		/* the higher goes first; 0 without */
	bool has_wait;
	cf_span wait;			/* in the queue, at most; without, as the settings say */
	size_t n_labels;
	char labels[CF_LABELS_MAX][CF_LABEL_ROOM];
	bool has_options;
	struct cf_options options;
	bool has_xml;
	struct cf_blob xml;		/* what the domain is to be there, for this run */
	bool has_persistent_xml;
	struct cf_blob persistent_xml;	/* and for the next ones; the same where it is not there */
};

#define CF_PRIORITY_MAX 100		/* either way */
#define CF_WAIT_MAX     (7 * CF_DAY)

/*
 * What a domain is between its starts.  It is carried: a persistent domain is one at
 * the destination and no longer at the source, a transient one stays transient.
 */
struct cf_persistence {
	bool persistent;
	bool autostart;			/* it starts with its host */
};

/* How far the copy is, as libvirt's job statistics have it. */
struct cf_progress {
	int64_t bytes_total;
	int64_t bytes_sent;
	int64_t bytes_left;
	int64_t bytes_per_second;
	int64_t iteration;
	bool has_predicted_blackout;
	cf_span predicted_blackout;	/* QEMU's expected downtime plus what this pair has needed above it */
	bool has_throttle_percent;
	int64_t throttle_percent;	/* of its time that the guest loses to auto-converge */
};

struct cf_migration {
	char id[CF_UUID_ROOM];
	enum cf_side side;
	char domain[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	char source[CF_HOST_ROOM];
	char destination[CF_HOST_ROOM];
	enum cf_phase phase;
	int64_t revision;		/* grows with every change */
	bool has_requester;
	struct cf_requester requester;
	size_t n_labels;
	char labels[CF_LABELS_MAX][CF_LABEL_ROOM];
	cf_real started;
	bool has_ended;
	cf_real ended;
	bool has_outcome;
	enum cf_outcome outcome;
	char reason[CF_DETAIL_ROOM];	/* why it was refused, aborted, breached or is unverified; or waits */
	bool has_priority;
	int64_t priority;
	bool has_ahead;			/* queued: */
	int64_t ahead;			/* how many go first, were there room everywhere */
	bool has_progress;
	struct cf_progress progress;
	bool has_host_offset;
	struct cf_interval host_offset;	/* destination - source, as last known */
	bool has_max_blackout;
	cf_span max_blackout;		/* the limit in force */
	size_t n_findings;
	struct cf_finding findings[CF_FINDINGS_MAX];
};

/*
 * A migration that is under way since this host's ledger was lost, and in nobody's hands here: the agent says so, and does
 * nothing about it.
 */
struct cf_stray {
	char domain[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	bool has_id;
	char id[CF_UUID_ROOM];		/* where another host's agent has it */
	char why[CF_DETAIL_ROOM];	/* what is known of it */
};
#define CF_STRAYS_MAX 32

#define CF_PAGE_MAX 100
struct cf_migrations {
	size_t n_list;
	struct cf_migration list[CF_PAGE_MAX];	/* the newest first */
	bool has_next;
	char next[CF_CURSOR_ROOM];
	bool has_fault;
	char fault[CF_DETAIL_ROOM];	/* why those of the past are not among them */
	size_t n_strays;
	struct cf_stray strays[CF_STRAYS_MAX];	/* not among them, and not in pages */
};

/* Of all migrations those for which all of this holds, in pages (page.h). */
struct cf_migrations_query {
	bool has_limit;
	int64_t limit;
	bool has_cursor;
	char cursor[CF_CURSOR_ROOM];
	bool has_state;
	char state[16];			/* the word of a phase, or "open", or "ended" */
	bool has_domain;
	char domain[CF_NAME_ROOM];	/* name or uuid */
	size_t n_label;
	char label[CF_LABELS_MAX][CF_LABEL_ROOM];	/* each of them */
};

/*
 * Long poll of GET /v1/migrations/{}: with `after`, the answer waits until the
 * revision is beyond it, or until `wait` has passed (10 s when absent).
 */
struct cf_migration_query {
	bool has_after;
	int64_t after;
	bool has_wait;
	cf_span wait;
};

/* "6695eb01-f6a4-8304-79aa-97f2502e193f", as ids of migrations and domains are written; any case. */
bool cf_is_uuid(const char *text);

/* Are they labels, each key once?  CF_BAD_REQUEST with the one that is not. */
int cf_labels_check(const char (*labels)[CF_LABEL_ROOM], size_t n, struct cf_error *err);

/* Is that a state which can be asked for? */
bool cf_is_state(const char *text);

/* Is that label among them? */
bool cf_labels_have(const char (*labels)[CF_LABEL_ROOM], size_t n, const char *label);

extern const char *const cf_phase_words[CF_N_PHASES];
extern const char *const cf_side_words[CF_N_SIDES];
extern const char *const cf_outcome_words[CF_N_OUTCOMES];
extern const struct cf_shape cf_requester_shape;
extern const struct cf_shape cf_migration_request_shape;
extern const struct cf_shape cf_persistence_shape;
extern const struct cf_shape cf_migration_query_shape;
extern const struct cf_shape cf_progress_shape;
extern const struct cf_shape cf_migration_shape;
extern const struct cf_shape cf_stray_shape;
extern const struct cf_shape cf_migrations_shape;
extern const struct cf_shape cf_migrations_query_shape;
