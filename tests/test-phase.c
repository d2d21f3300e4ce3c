/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables are small enough to check whole: these tests walk every phase,
 * every event and every act under way rather than a few stories through them.
 */
#include <stdbool.h>
#include <string.h>

#include "policy/phase.h"
#include "proto/base.h"
#include "tests/tap.h"

/* Each side's phases in the order of their lives, ends last. */
static const enum cf_phase source_life[] = {
	CF_PHASE_QUEUED, CF_PHASE_CHECKING, CF_PHASE_RESERVED, CF_PHASE_CAPTURING, CF_PHASE_COPYING,
	CF_PHASE_ARMED, CF_PHASE_PAUSED, CF_PHASE_LOADED, CF_PHASE_COMMITTING, CF_PHASE_IN_DOUBT,
	CF_PHASE_ROLLING_BACK, CF_PHASE_LANDED, CF_PHASE_CORRECTING, CF_PHASE_VERIFYING,
	CF_PHASE_DONE, CF_PHASE_REFUSED, CF_PHASE_ABORTED,
};
static const enum cf_phase destination_life[] = {
	CF_PHASE_LEASED, CF_PHASE_PREPARED, CF_PHASE_ARMED, CF_PHASE_LOADED, CF_PHASE_OBEYED,
	CF_PHASE_RUNNING, CF_PHASE_CORRECTING, CF_PHASE_VERIFYING,
	CF_PHASE_DONE, CF_PHASE_DROPPED,
};

#define BIT(n) (1u << (n))

/* What each act may come back with, as policy/phase.h says; [1] is the destination's. */
static const unsigned returns[CF_N_ACTS][2] = {
	[CF_ACT_NONE]    = { BIT(CF_EV_TURN) | BIT(CF_EV_REFUSED) | BIT(CF_EV_ABORT) },	/* the queue's own */
	[CF_ACT_CHECK]   = { BIT(CF_EV_ALLOWED) | BIT(CF_EV_REFUSED) | BIT(CF_EV_BUSY) | BIT(CF_EV_FAILED) |
			     BIT(CF_EV_ABORT) },
	[CF_ACT_RESERVE] = { BIT(CF_EV_GRANTED) | BIT(CF_EV_REFUSED) | BIT(CF_EV_BUSY) | BIT(CF_EV_FAILED) |
			     BIT(CF_EV_ABORT) },
	[CF_ACT_CAPTURE] = { BIT(CF_EV_CAPTURED) | BIT(CF_EV_FAILED) | BIT(CF_EV_ABORT) },
	[CF_ACT_COPY]    = { BIT(CF_EV_STOPPED) | BIT(CF_EV_KEPT) | BIT(CF_EV_FAILED) | BIT(CF_EV_ABORT) |
			     BIT(CF_EV_NEVER_RAN) },	/* and ARMED, once, see copies() */
	[CF_ACT_GATE]    = { BIT(CF_EV_LOADED) | BIT(CF_EV_NEVER_RAN) },
	[CF_ACT_DECIDE]  = { BIT(CF_EV_COMMITTED) | BIT(CF_EV_NEVER_RAN) },
	[CF_ACT_COMMIT]  = { BIT(CF_EV_LANDED) | BIT(CF_EV_NEVER_RAN) | BIT(CF_EV_FAILED) },
	[CF_ACT_RESOLVE] = { BIT(CF_EV_LANDED) | BIT(CF_EV_NEVER_RAN) | BIT(CF_EV_FAILED) },
	[CF_ACT_TAKE_BACK] = { BIT(CF_EV_KEPT) | BIT(CF_EV_FAILED) },
	[CF_ACT_PREPARE] = { 0, BIT(CF_EV_ARMED) | BIT(CF_EV_GONE) | BIT(CF_EV_ABORT) },
	[CF_ACT_STAND_BY] = { 0, BIT(CF_EV_COMMITTED) | BIT(CF_EV_GONE) | BIT(CF_EV_KEPT) | BIT(CF_EV_ABORT) },	/* and LOADED, once */
	[CF_ACT_OBEY]    = { 0, BIT(CF_EV_RESUMED) | BIT(CF_EV_GONE) | BIT(CF_EV_FAILED) },
	[CF_ACT_ASK]     = { BIT(CF_EV_LANDED) | BIT(CF_EV_KEPT) | BIT(CF_EV_FAILED) },
	[CF_ACT_LAND]    = { BIT(CF_EV_RESUMED) | BIT(CF_EV_FAILED) },
	[CF_ACT_CORRECT] = { BIT(CF_EV_CORRECTED) | BIT(CF_EV_FAILED),
			     BIT(CF_EV_CORRECTED) | BIT(CF_EV_GONE) | BIT(CF_EV_FAILED) },
	[CF_ACT_VERIFY]  = { BIT(CF_EV_VERIFIED) | BIT(CF_EV_FAILED),
			     BIT(CF_EV_VERIFIED) | BIT(CF_EV_GONE) | BIT(CF_EV_FAILED) },
	/* AWAIT comes back with the next of them: what it can be depends on the phase, see awaits(). */
	[CF_ACT_AWAIT]   = { 0, BIT(CF_EV_GONE) | BIT(CF_EV_FAILED) },
};

static enum cf_side side;
static const char *who;

static const struct cf_edge *edge(int from, int on)
{
	return cf_phase_next(side, from, on);
}

static void reach(int from, bool seen[CF_N_PHASES])
{
	if (seen[from])
		return;
	seen[from] = true;
	for (int on = 0; on < CF_N_EVENTS; on++)
		if (edge(from, on))
			reach(edge(from, on)->to, seen);
}

static bool reaches(int from, int to)
{
	bool seen[CF_N_PHASES] = { false };

	reach(from, seen);
	return seen[to];
}

static bool reaches_end(int from)
{
	bool seen[CF_N_PHASES] = { false };

	reach(from, seen);
	for (int p = 0; p < CF_N_PHASES; p++)
		if (seen[p] && cf_phase_is_end(p))
			return true;
	return false;
}

static int edges_from(int from)
{
	int n = 0;

	for (int on = 0; on < CF_N_EVENTS; on++)
		n += edge(from, on) != NULL;
	return n;
}

static int place(const enum cf_phase *life, size_t n, int phase)
{
	for (size_t i = 0; i < n; i++)
		if (life[i] == (enum cf_phase)phase)
			return i;
	return -1;
}

/* Back to the queue alone, for one reason, and from where nothing is held and the guest has felt nothing. */
static bool to_the_queue(int from, const struct cf_edge *e)
{
	return e->to == CF_PHASE_QUEUED && e->on == CF_EV_BUSY &&
	       (from == CF_PHASE_CHECKING || from == CF_PHASE_RESERVED);
}

static void lives(const enum cf_phase *life, size_t n)
{
	const struct cf_edge *first = cf_phase_first(side);

	ok(first && first->to == life[0], "%s begins in %s", who, cf_phase_words[life[0]]);
	for (int p = 1; p < CF_N_PHASES; p++) {
		bool lived = place(life, n, p) >= 0;

		ok(reaches(CF_PHASE_UNKNOWN, p) == lived, "%s: %s can%s be reached", who, cf_phase_words[p],
		   lived ? "" : "not");
		ok((edges_from(p) > 0) == (lived && !cf_phase_is_end(p)),
		   "... and has a way out only if it is lived and no end");
		if (!lived)
			continue;
		ok(reaches_end(p), "%s always ends", cf_phase_words[p]);
		for (int on = 0; on < CF_N_EVENTS; on++)
			if (edge(p, on) && edge(p, on)->to != (enum cf_phase)p)
				ok(place(life, n, edge(p, on)->to) > place(life, n, p) || to_the_queue(p, edge(p, on)),
				   "%s on %s goes on, never back but to the queue",
				   cf_phase_words[p], cf_event_name(on));
	}
}

/* Nobody is at work where one waits, and only there. */
static void waits(void)
{
	for (int p = 0; p < CF_N_PHASES; p++)
		for (int on = 0; on < CF_N_EVENTS; on++)
			if (edge(p, on))
				ok((edge(p, on)->act == CF_ACT_NONE) == (edge(p, on)->to == CF_PHASE_QUEUED),
				   "%s: %s on %s is %s", who, cf_phase_words[p], cf_event_name(on),
				   edge(p, on)->to == CF_PHASE_QUEUED ? "left to the queue" : "followed by an act");
}

/* What counts against a limit ends before the guest's clock is looked after; one in doubt holds up nobody else. */
static void room(const enum cf_phase *life, size_t n, unsigned phases)
{
	for (size_t i = 0; i < n; i++) {
		bool takes = phases & BIT(life[i]);

		ok(cf_phase_takes_room(side, life[i]) == takes, "%s: %s takes %s", who, cf_phase_words[life[i]],
		   takes ? "room" : "none");
	}
}

/* The agent's end. */
static void stops(const enum cf_phase *life, size_t n, int standstill)
{
	for (size_t i = 0; i < n; i++) {
		const char *name = cf_phase_words[life[i]];
		enum cf_stop alone = cf_phase_stop(side, life[i], false), outlives = cf_phase_stop(side, life[i], true);

		ok(alone != CF_STOP_ABORT || cf_phase_abort(side, life[i], false, false) != CF_ABORT_LATE,
		   "%s: at the agent's end %s is not aborted if it cannot be", who, name);
		ok(alone == outlives || (alone == CF_STOP_ABORT && outlives == CF_STOP_LEAVE),
		   "... and a driver that outlives it can but save it from that");
		if ((int)i >= standstill && life[i] <= CF_PHASE_CORRECTING && life[i] != CF_PHASE_IN_DOUBT)
			ok(alone == CF_STOP_FINISH, "... nor left, with its guest standing still or its clock wrong");
	}
}

static void failures(const enum cf_phase *life, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct cf_edge *failed = edge(life[i], CF_EV_FAILED);
		const char *name = cf_phase_words[life[i]];

		if (cf_phase_is_end(life[i]))
			continue;
		if (life[i] == CF_PHASE_QUEUED) {
			ok(!failed, "%s: nothing is done, so nothing fails", name);
			continue;
		}
		ok(failed && reaches_end(failed->to), "%s survives a failure", name);
		if (failed && failed->to == life[i])
			ok((failed->act == CF_ACT_ASK || failed->act == CF_ACT_AWAIT || failed->act == CF_ACT_RESOLVE ||
			    failed->act == CF_ACT_OBEY || failed->act == CF_ACT_TAKE_BACK) && edges_from(life[i]) > 1,
			   "... by asking, or trying, again, since a failure does not say where the guest is");
	}
}

/* What is wrong with how an abort that is asked for in this phase comes about; NULL nothing. */
static const char *abort_fault(enum cf_phase phase, enum cf_abort abort, int undone, unsigned at_gate, bool has_gate, bool hears)
{
	bool by_itself = abort == CF_ABORT_HERE || abort == CF_ABORT_SOURCE_FIRST;
	bool by_source = abort == CF_ABORT_SOURCE || abort == CF_ABORT_SOURCE_FIRST;
	const struct cf_edge *edge_of = edge(phase, CF_EV_ABORT), *kept = edge(phase, CF_EV_KEPT);

	if (by_itself && !(edge_of && reaches(edge_of->to, undone)) && !((at_gate & BIT(phase)) && reaches(phase, undone)))
		return "there is no way for it";
	if (by_source && (side != CF_DESTINATION || !hears))
		return "nobody hears of it";
	if (by_source && !(kept && reaches(kept->to, undone)))
		return "the source's word does not end it";
	if (by_itself && side == CF_DESTINATION && phase == CF_PHASE_PREPARED && !has_gate)
		return "what is destroyed may be the only copy";
	if (!hears && abort != CF_ABORT_LATE && cf_phase_abort(side, phase, has_gate, true) == CF_ABORT_LATE)
		return "a source that hears makes it impossible";
	return NULL;
}

/* can_be: without a gate; at_gate: with one as well; asked: at the destination by the source alone, if it hears. */
static void aborts(const enum cf_phase *life, size_t n, int undone, unsigned can_be, unsigned at_gate, unsigned asked)
{
	for (size_t i = 0; i < n; i++)
		for (int facts = 0; facts < 4; facts++) {
			bool has_gate = facts & 1, hears = facts & 2;
			unsigned can = can_be | (has_gate ? at_gate : hears ? asked : 0);
			enum cf_abort abort = cf_phase_abort(side, life[i], has_gate, hears);
			const char *fault = abort_fault(life[i], abort, undone, at_gate, has_gate, hears);

			ok((abort != CF_ABORT_LATE) == ((can & BIT(life[i])) != 0), "%s, %s gate, a source that %s: it can%s be aborted",
			   cf_phase_words[life[i]], has_gate ? "a" : "no", hears ? "hears" : "does not hear",
			   can & BIT(life[i]) ? "" : "not");
			ok(!fault, "... %s", fault ? fault : "as its edges have it");
			ok(!edge(life[i], CF_EV_ABORT) || ((can_be | at_gate) & BIT(life[i])), "... and there is no edge of that but where it can");
		}
}

/* Of what was obeyed one thing alone may be taken back: what libvirt was never told. */
static void obeyed(void)
{
	for (int on = 0; on < CF_N_EVENTS; on++) {
		const struct cf_edge *e = edge(CF_PHASE_OBEYED, on);

		ok(!e || (e->to == CF_PHASE_DROPPED) == (on == CF_EV_NEVER_RAN), "obeyed on %s is%s taken back", cf_event_name(on),
		   on == CF_EV_NEVER_RAN ? "" : " not");
		ok(!e || (e->act == CF_ACT_UNDO) == (on == CF_EV_NEVER_RAN), "... and undone likewise");
	}
}

static void no_return(int from)
{
	ok(!reaches(from, CF_PHASE_ABORTED) && !reaches(from, CF_PHASE_DROPPED) &&
	   !reaches(from, CF_PHASE_REFUSED),
	   "%s: from %s nothing leads back", who, cf_phase_words[from]);
	ok(reaches(from, CF_PHASE_DONE), "... but to done");
	for (int on = 0; on < CF_N_EVENTS; on++)
		if (edge(from, on))
			ok(edge(from, on)->act != CF_ACT_UNDO, "... and %s undoes nothing", cf_event_name(on));
}

/* Which edges may lead into an end, and with which act. */
static void into_end(int from, const struct cf_edge *e)
{
	const char *name = cf_phase_words[from];

	switch (e->to) {
	case CF_PHASE_REFUSED:
		ok((from == CF_PHASE_QUEUED || from == CF_PHASE_CHECKING || from == CF_PHASE_RESERVED) &&
		   e->on == CF_EV_REFUSED && e->act == CF_ACT_CLOSE,
		   "%s is refused by a refusal alone, and nothing is to be undone", name);
		break;
	case CF_PHASE_DONE:
		ok(e->act == CF_ACT_CLOSE, "%s ends on %s in a receipt", name, cf_event_name(e->on));
		break;
	default:
		ok(e->act == CF_ACT_UNDO, "%s is undone on %s", name, cf_event_name(e->on));
		if (from == CF_PHASE_COPYING || from == CF_PHASE_PAUSED || from == CF_PHASE_PREPARED || from == CF_PHASE_ROLLING_BACK)
			ok(e->on == CF_EV_KEPT || e->on == CF_EV_GONE ||
			   ((from == CF_PHASE_COPYING || from == CF_PHASE_PREPARED) && e->on == CF_EV_ABORT),
			   "... as it is known where the guest is");
	}
}

static void ends(void)
{
	for (int p = 0; p < CF_N_PHASES; p++)
		for (int on = 0; on < CF_N_EVENTS; on++) {
			const struct cf_edge *e = edge(p, on);

			if (e && cf_phase_is_end(e->to))
				into_end(p, e);
		}
}

/* Law 1, as far as a table can keep it. */
static void commits(void)
{
	static const enum cf_phase may_be_sent[] = { CF_PHASE_COMMITTING, CF_PHASE_IN_DOUBT };

	for (size_t i = 0; i < CF_COUNT(may_be_sent); i++)
		for (int on = 0; on < CF_N_EVENTS; on++) {
			const struct cf_edge *e = edge(may_be_sent[i], on);

			if (e && e->to != CF_PHASE_LANDED && e->to != CF_PHASE_IN_DOUBT)
				ok(on == CF_EV_NEVER_RAN && e->to == CF_PHASE_ROLLING_BACK,
				   "from %s the guest is taken back on the destination's word alone", cf_phase_words[may_be_sent[i]]);
		}
	for (int p = 0; p < CF_N_PHASES; p++)
		for (int on = 0; on < CF_N_EVENTS; on++) {
			const struct cf_edge *e = edge(p, on);

			if (e && e->act == CF_ACT_COMMIT)
				ok(p == CF_PHASE_LOADED && on == CF_EV_COMMITTED && e->to == CF_PHASE_COMMITTING,
				   "a commit is sent from the gate, and nowhere else");
			if (e && e->act == CF_ACT_TAKE_BACK)
				ok(e->to == CF_PHASE_ROLLING_BACK, "what is taken back is rolling back");
		}
	ok(!reaches(CF_PHASE_ROLLING_BACK, CF_PHASE_COMMITTING) && !reaches(CF_PHASE_ROLLING_BACK, CF_PHASE_LANDED),
	   "what is taken back is not committed any more");
}

static unsigned awaits(int phase)
{
	return phase == CF_PHASE_LEASED   ? BIT(CF_EV_OFFERED) | BIT(CF_EV_PREPARED) | BIT(CF_EV_RESUMED) | BIT(CF_EV_KEPT) | BIT(CF_EV_ABORT) :
	       phase == CF_PHASE_PREPARED ? BIT(CF_EV_RESUMED) | BIT(CF_EV_KEPT) : BIT(CF_EV_LANDED);
}

/* What an act comes back with once: in the phase that leads to. */
static unsigned once(int phase, int act)
{
	if (act == CF_ACT_COPY && phase == CF_PHASE_COPYING)
		return BIT(CF_EV_ARMED);
	if (act == CF_ACT_STAND_BY && phase == CF_PHASE_ARMED)
		return BIT(CF_EV_LOADED);
	return 0;
}

static bool used[CF_N_ACTS];

/* Every pair of phase and act under way that can come about: no act's event may go unanswered. */
static void under_way(int phase, int act, bool seen[CF_N_PHASES][CF_N_ACTS])
{
	unsigned mine = returns[act][side == CF_DESTINATION] | (act == CF_ACT_AWAIT ? awaits(phase) : 0) | once(phase, act);

	if (seen[phase][act])
		return;
	seen[phase][act] = used[act] = true;
	if (cf_phase_is_end(phase))
		return;
	ok(mine != 0, "%s: in %s an act is under way, and %s has an end", who, cf_phase_words[phase],
	   cf_act_name(act));
	for (int on = 0; on < CF_N_EVENTS; on++) {
		const struct cf_edge *e = edge(phase, on);

		if (mine & BIT(on))
			ok(e, "... %s is answered", cf_event_name(on));
		if (!e || !(mine & BIT(on)))
			continue;
		under_way(e->to, e->act, seen);
	}
}

/* Its guest does, and has marks instead of a ledger that takes its time. */
static bool stands_still(int phase)
{
	return phase == CF_PHASE_PAUSED || phase == CF_PHASE_LOADED || phase == CF_PHASE_COMMITTING ||
	       phase == CF_PHASE_ROLLING_BACK || phase == CF_PHASE_OBEYED;
}

/* Where the ledger is not waited for, and where nothing happens without it. */
static void noted(const enum cf_phase *life, size_t n, bool has_gate)
{
	for (size_t i = 0; i < n; i++) {
		enum cf_noting noting = cf_phase_noting(side, life[i], has_gate);
		const char *name = cf_phase_words[life[i]];
		bool can = cf_phase_abort(side, life[i], has_gate, false) == CF_ABORT_HERE;

		ok((noting == CF_NOTE_BESIDE) == (life[i] == CF_PHASE_QUEUED || stands_still(life[i])),
		   "%s: %s", name, noting == CF_NOTE_BESIDE ? "nothing waits, or the guest must not" : "the ledger has it first");
		ok(noting != CF_NOTE_OR_ABORT || (can && edge(life[i], CF_EV_ABORT)), "... and it is called off only where it can be");
		ok(noting == CF_NOTE_OR_ABORT || !can || life[i] <= CF_PHASE_CHECKING || stands_still(life[i]),
		   "... as it always is, from where something is held");
	}
}

static void one_side(enum cf_side which, const enum cf_phase *life, size_t n, int undone, unsigned can_be, unsigned at_gate,
		     unsigned asked)
{
	bool seen[CF_N_PHASES][CF_N_ACTS] = { 0 };

	side = which;
	who = cf_side_words[which];
	lives(life, n);
	waits();
	failures(life, n);
	aborts(life, n, undone, can_be, at_gate, asked);
	ends();
	noted(life, n, false);
	noted(life, n, true);
	under_way(life[0], cf_phase_first(side)->act, seen);
}

int main(void)
{
	one_side(CF_SOURCE, source_life, CF_COUNT(source_life), CF_PHASE_ABORTED,
		 BIT(CF_PHASE_QUEUED) | BIT(CF_PHASE_CHECKING) | BIT(CF_PHASE_RESERVED) | BIT(CF_PHASE_CAPTURING) |
			 BIT(CF_PHASE_COPYING) | BIT(CF_PHASE_ARMED),
		 BIT(CF_PHASE_PAUSED) | BIT(CF_PHASE_LOADED), 0);
	room(source_life, CF_COUNT(source_life), BIT(CF_PHASE_CHECKING) | BIT(CF_PHASE_RESERVED) | BIT(CF_PHASE_CAPTURING) |
	     BIT(CF_PHASE_COPYING) | BIT(CF_PHASE_ARMED) | BIT(CF_PHASE_PAUSED) | BIT(CF_PHASE_LOADED) |
	     BIT(CF_PHASE_COMMITTING) | BIT(CF_PHASE_ROLLING_BACK));
	stops(source_life, CF_COUNT(source_life), 6);
	ok(cf_phase_stop(CF_SOURCE, CF_PHASE_COPYING, false) == CF_STOP_ABORT &&
	   cf_phase_stop(CF_SOURCE, CF_PHASE_COPYING, true) == CF_STOP_LEAVE,
	   "a copy goes on without the agent only if its driver does");
	commits();
	no_return(CF_PHASE_LANDED);
	no_return(CF_PHASE_CORRECTING);
	no_return(CF_PHASE_VERIFYING);
	ok(edge(CF_PHASE_COPYING, CF_EV_STOPPED)->act == CF_ACT_ASK && edge(CF_PHASE_COPYING, CF_EV_FAILED)->act == CF_ACT_ASK,
	   "from STOP on, seen or not, where the guest runs is asked, never assumed");

	one_side(CF_DESTINATION, destination_life, CF_COUNT(destination_life), CF_PHASE_DROPPED,
		 BIT(CF_PHASE_LEASED) | BIT(CF_PHASE_ARMED) | BIT(CF_PHASE_LOADED), BIT(CF_PHASE_PREPARED), BIT(CF_PHASE_PREPARED));
	room(destination_life, CF_COUNT(destination_life), BIT(CF_PHASE_LEASED) | BIT(CF_PHASE_PREPARED) |
	     BIT(CF_PHASE_ARMED) | BIT(CF_PHASE_LOADED) | BIT(CF_PHASE_OBEYED));
	stops(destination_life, CF_COUNT(destination_life), 3);
	obeyed();
	ok(edge(CF_PHASE_LEASED, CF_EV_KEPT) && edge(CF_PHASE_PREPARED, CF_EV_KEPT),
	   "a source that kept the guest ends the waiting");
	no_return(CF_PHASE_RUNNING);
	no_return(CF_PHASE_CORRECTING);
	no_return(CF_PHASE_VERIFYING);

	side = CF_SIDE_UNKNOWN;
	ok(!cf_phase_first(side) && !edge(CF_PHASE_COPYING, CF_EV_LANDED), "no side, no edges");
	for (int act = 1; act < CF_N_ACTS; act++)
		ok(used[act] && cf_act_name(act), "the act %s is used", cf_act_name(act));
	for (int on = 0; on < CF_N_EVENTS; on++) {
		bool known = false;

		for (side = CF_SOURCE; side <= CF_DESTINATION; side++)
			for (int p = 0; p < CF_N_PHASES; p++)
				known |= edge(p, on) != NULL;
		ok(known && cf_event_name(on), "the event %s means something somewhere", cf_event_name(on));
	}

	return done();
}
