/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A migration with a gate in a world of its own: two hosts with a libvirtd and at most one
 * QEMU each, two agents, and a network between them that loses, repeats and reorders.
 *
 * All that happens is one happening after another, and each of them does the same in the same
 * world: a life is the list of them, and a list with some left out is a life too.
 * What the agents decide, they decide by the rules that ship; what they do is written here
 * once more, small, as policy/phase.h has it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/commit.h"
#include "policy/phase.h"
#include "policy/recover.h"

#define LIMIT      (300 * CF_MS)	/* of the blackout */
#define OFFSET     (-77 * CF_S)		/* destination's RAW - source's */
#define OFFSET_OFF CF_MS		/* how far the one that is measured may be from it */
#define RESUME_TAKES (4 * CF_MS)
#define SENT_MOST  12
#define NOTES_MOST 8
#define HERE       0
#define THERE      1

/* The rules, to be mutated in a test of the test. */
struct rules {
	const struct cf_edge *(*next)(enum cf_side side, enum cf_phase from, enum cf_event on);
	struct cf_again (*recover)(enum cf_side side, enum cf_phase phase, bool has_gate, enum cf_decision decision);
	enum cf_noting (*noting)(enum cf_side side, enum cf_phase phase, bool has_gate);
	enum cf_word (*word)(enum cf_phase phase, bool resumed, enum cf_mark mark);
	enum cf_phase (*relearn)(const struct cf_left *left);
	enum cf_abort (*abort)(enum cf_side side, enum cf_phase phase, bool has_gate, bool hears);
	bool (*may_arm)(enum cf_mark mark);
	bool (*may_close)(enum cf_mark mark, enum cf_decision told);
	enum cf_event (*stand_again)(enum cf_mark mark, enum cf_here here);
	enum cf_obey (*obey)(const struct cf_obey_evidence *evidence, const struct cf_both_limits *limits);
	bool (*wait_over)(const struct cf_wait_evidence *evidence, const struct cf_both_limits *limits);
	bool keeps_autostart;	/* the source does not clear it */
	bool forgets_early;	/* a destination forgets its promise with its own receipt */
	bool tells_unnoted;	/* a destination does not note that it tells libvirt to let the guest run */
	bool tells_late;	/* ... nor looks, before it does, whether the commit is valid still */
	bool only_asks;		/* a source in doubt does not take back what it may have said, as older ones do not */
	bool never_starts;	/* a source does not start a guest that ended with its host */
	bool absent_is_never;	/* that the other host knows nothing is taken for never-ran */
};

enum kind {
	/* what goes on by itself */
	STEP,		/* an agent's act goes one step on */
	NOTE,		/* its ledger has written the next entry, or could not */
	WAIT,		/* its patience is at an end */
	DELIVER,	/* a message arrives */
	TICK,		/* time passes */
	QEMU_STOP,	/* the source's QEMU stops the guest: switchover */
	QEMU_LOADED,	/* the destination's has it all */
	QEMU_COMPLETED,	/* and the source's knows */
	LIBVIRT,	/* a libvirtd does what it was asked to */
	TIDY,		/* libvirt destroys an incoming domain whose connection ended */
	START,		/* an agent comes up */
	BOOT,		/* a host comes up */
	SILENCE,	/* the destination hears nothing of the source any more */
	RELEARN,	/* an agent whose ledger was lost hears from the other what was under way */
	ONLY_WARN,	/* of the limit of the blackout: so say both hosts' policies, before anything begins */

	/* what goes wrong */
	KILL,		/* kill -9 of an agent */
	CLOSE_CONN,	/* libvirtd closes an agent's connection */
	RESTART,	/* of a libvirtd */
	POWER,		/* off */
	LOSE,		/* a message */
	REPEAT,		/* a message */
	SEND_FAILS,	/* the commit's first byte cannot be sent */
	FINISH_FAILS,	/* the guest cannot be run: its incoming domain is gone */
	CUT,		/* the watchdog's */
	SPOIL_LEDGER,	/* nothing can be written from now on */
	MEND_LEDGER,
	LOSE_ROW,	/* the ledger is damaged, and set aside */
	LOSE_MARKS,	/* likewise */
	SPOIL_MARKS,	/* none can be written from now on */
	ABORT,		/* the operator says so, at either host */
	RESOLVE,	/* ... that he looked, and where it runs */
	GUEST_ENDS,	/* it powers itself off at the destination */
	N_KINDS,
};
#define N_GOING KILL	/* those before it need nobody's ill will */

struct happening {
	uint8_t kind;
	uint8_t on;	/* whose, which message, or how long: HERE, THERE, enum message, log10 of ms */
};

enum message { M_RESERVE, M_LEASE, M_OFFER, M_PREPARED, M_RECORD, M_COMMIT, M_ASK, M_ANSWER, M_CLOSE, M_ACCEPTED, M_WISH,
	       N_MESSAGES };

struct sent {
	enum message message;
	uint8_t to;
	unsigned life;		/* of the agent it answers: another one has no such connection */
	enum cf_word word;
	cf_mono valid_until, stop;
};

/* What the ledger has of the migration. */
struct row {
	bool is, ended, resumed, cleared;
	enum cf_phase phase;
};

/* Of the page at the source, of the promises at the destination. */
enum mark { NO_MARK, ARMED_MARK, COMMIT_MARK, ROLL_BACK_MARK, KEPT_MARK, LEFT_MARK, OBEYED_MARK, CLOSED_MARK };

struct agent {
	/* lasts */
	struct row row;
	enum mark mark;
	enum cf_decision told;		/* destination, in its page: what it has told libvirt */
	bool cannot_write, cannot_mark;

	/* ends with it */
	bool up;
	unsigned life;
	struct row now;			/* as it will be noted */
	enum cf_act act;
	int at;				/* step of the act */
	struct row notes[NOTES_MOST];
	size_t n_notes;
	bool noting, or_abort;		/* the act waits for its note; does without it as the edge has it */
	bool impatient, abort, wished, silent, kept, offered, leased, prepared, prepared_there, accepted, resent, closed;
	bool rebooted;			/* destination: its source did, which takes longer than one may be silent */
	bool has_word, has_commit, owes_answer, not_sent, has_record, loaded;
	enum cf_word word;
	enum cf_resolution resolution;
	cf_mono valid_until;
	cf_mono record_stop, loaded_at;	/* destination: what it has waited since */
};

enum copy { NO_COPY, STANDS, RUNS };
enum sending { NOT_SENDING, ACTIVE, DEVICE, COMPLETED };
enum request { NO_REQUEST, BACK, REMOVE, FINISH };

struct host {
	bool up, libvirtd;
	bool connected;			/* the agent's connection for the phases */
	enum copy copy;
	bool incoming, loaded;		/* a copy that stands and has never run here */
	bool autostart;
	enum request request;		/* that libvirtd has got, and not dealt with */
};

struct world {
	const struct rules *rules;
	struct agent agents[2];
	struct host hosts[2];
	enum sending sending;
	struct sent sent[SENT_MOST];
	size_t n_sent;
	int64_t now;			/* ns, by the source's RAW clock */
	bool has_stop;
	int64_t stop;
	bool only_warns;

	/* seen from outside */
	bool ran_there, ended_there, ran_here_since, swore, operated, waited_out;
	bool lost_row[2], lost_mark[2], spoilt_mark, spoilt_row;
	unsigned lease_life;		/* of the source that reserved it */
	const char *wrong;		/* what must never be, and is */
	char detail[128];
};

void world_begin(struct world *world, const struct rules *rules);

/* Let it happen; false: it cannot, and nothing has changed. */
bool world_happen(struct world *world, struct happening happening);

/* Everything is repaired and goes on for as long as anything does; then it is looked at whether all is well. */
void world_end(struct world *world);

/* Two good clocks, and a limit for the blackout: as both hosts have it. */
struct scene;
const struct cf_both_limits *world_limits(const struct world *world, const struct scene **ret);

/* For the agents */
void agent_step(struct world *world, int side);
bool agent_note(struct world *world, int side);
bool agent_start(struct world *world, int side);
bool agent_relearn(struct world *world, int side);
void agent_take_message(struct world *world, const struct sent *sent);

/* For their acts: each has gone on, and says so. */
bool agent_event(struct world *world, int side, enum cf_event event);
bool agent_ask(struct world *world, int side, enum message message);
bool agent_act_here(struct world *world);
bool agent_act_there(struct world *world);
enum cf_word agent_word(const struct world *world);
enum cf_mark agent_promise(const struct world *world);
bool agent_mark(struct agent *agent, enum mark mark);
void agent_settle(struct agent *agent, enum mark how);
enum cf_decision agent_decision(const struct world *world);
void agent_say(struct world *world, int from, enum message message);

/* For the hosts */
enum cf_here host_here(const struct host *host);
void host_runs(struct world *world, int side);
void host_gone(struct world *world, int side);
bool host_disconnect(struct world *world, int side);
bool host_ask(struct world *world, int side, enum request request);
void wrong(struct world *world, const char *what, const char *detail);

const char *happening_text(struct happening happening);
