/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What an agent that was restarted makes of what it finds: the rules, walked whole.
 */

#include "policy/recover.h"
#include "tests/tap.h"

/* The acts of the edges into a phase, as bits. */
static unsigned acts_of(enum cf_side side, enum cf_phase phase)
{
	unsigned acts = 0;

	for (int from = 0; from < CF_N_PHASES; from++)
		for (int on = 0; on < CF_N_EVENTS; on++) {
			const struct cf_edge *edge = cf_phase_next(side, from, on);

			if (edge && edge->to == phase)
				acts |= 1U << edge->act;
		}
	return acts;
}

/* With a gate STOPPED and FAILED lead elsewhere than without; the others are the same. */
static bool is_lived(enum cf_phase phase, bool has_gate)
{
	return has_gate || (phase != CF_PHASE_ARMED && phase != CF_PHASE_LOADED && phase != CF_PHASE_COMMITTING &&
			    phase != CF_PHASE_IN_DOUBT && phase != CF_PHASE_ROLLING_BACK && phase != CF_PHASE_OBEYED);
}

static void try_phase(enum cf_side side, enum cf_phase phase, bool has_gate, enum cf_decision decision)
{
	struct cf_again again = cf_recover(side, phase, has_gate, decision);
	const struct cf_edge *edge = again.event == CF_N_EVENTS ? NULL : cf_phase_next(side, phase, again.event);
	bool waits = phase == CF_PHASE_QUEUED;
	bool begun = side == CF_DESTINATION || phase >= CF_PHASE_COPYING;
	bool in_vain = decision == CF_DECISION_ROLL_BACK || decision == CF_DECISION_KEPT;
	bool may_be_sent = decision == CF_DECISION_COMMIT || decision == CF_DECISION_LEFT ||
			   ((phase == CF_PHASE_COMMITTING || phase == CF_PHASE_IN_DOUBT) && !in_vain) ||
			   (decision == CF_DECISION_LOST && phase >= CF_PHASE_ARMED && phase < CF_PHASE_ROLLING_BACK);

	if (again.event != CF_N_EVENTS)
		ok(edge && again.act == CF_ACT_NONE, "%s %s, %s, decision %d: an edge is taken", cf_side_words[side],
		   cf_phase_words[phase], has_gate ? "gate" : "no gate", decision);
	else
		ok(acts_of(side, phase) & 1U << again.act, "%s %s, %s: it is %s again, as what led there has it",
		   cf_side_words[side], cf_phase_words[phase], has_gate ? "gate" : "no gate", cf_act_name(again.act));
	if (waits)
		ok(!edge && again.act == CF_ACT_NONE, "... for its turn is still to come");
	else if (!begun)
		ok(edge && edge->to == CF_PHASE_ABORTED, "... which ends it, since nothing had begun");
	else
		ok(!edge || edge->to == CF_PHASE_ROLLING_BACK || edge->to == CF_PHASE_IN_DOUBT ||
		   (edge->to == CF_PHASE_ABORTED && decision == CF_DECISION_KEPT),
		   "... which finds out, or takes back what was not given back already: it has begun");
	if (side == CF_SOURCE && has_gate && begun && edge)
		ok((edge->to == CF_PHASE_IN_DOUBT) == may_be_sent,
		   "... it is taken back exactly where no commit can have been sent, or it was in vain");
}

static void test_phases(void)
{
	int lived = 0;

	for (int side = CF_SOURCE; side <= CF_DESTINATION; side++)
		for (int phase = 1; phase < CF_N_PHASES; phase++) {
			bool is = acts_of(side, phase);

			lived += is;
			for (int at = 0; at < 2 * CF_N_DECISIONS; at++) {
				bool has_gate = at % 2;
				struct cf_again again = cf_recover(side, phase, has_gate, at / 2);

				if (!is)
					ok(again.act == CF_ACT_NONE && again.event == CF_N_EVENTS, "%s never is %s",
					   cf_side_words[side], cf_phase_words[phase]);
				else if (is_lived(phase, has_gate))
					try_phase(side, phase, has_gate, at / 2);
			}
		}
	ok(lived >= 27, "%d phases are lived", lived);
}

/* Law 1: what the destination may say of the guest. */
static void test_word(void)
{
	for (int phase = CF_PHASE_LEASED; phase < CF_N_PHASES; phase++)
		for (int at = 0; at < 2 * CF_N_MARKS; at++) {
			bool resumed = at & 1;
			enum cf_mark mark = at / 2;
			enum cf_word word = cf_word(phase, resumed, mark);

			ok(word != CF_WORD_NEVER_RAN || (phase == CF_PHASE_DROPPED && !resumed),
			   "%s, mark %d: never-ran is said of what is dropped alone", cf_phase_words[phase], mark);
			ok(word != CF_WORD_NEVER_RAN || mark == CF_MARK_CLOSED, "... and with a mark that it is closed");
			ok(!resumed || word == CF_WORD_RAN, "... what was resumed ran");
		}
	ok(cf_word(CF_PHASE_UNKNOWN, false, CF_MARK_CLOSED) == CF_WORD_UNKNOWN, "of what nobody knows nothing is said");
	ok(cf_word(CF_PHASE_DONE, false, CF_MARK_OBEYED) == CF_WORD_UNKNOWN, "obeyed and not seen since: nobody knows");
	ok(cf_word(CF_PHASE_DROPPED, false, CF_MARK_LOST) == CF_WORD_UNKNOWN, "dropped without a promise: nobody knows");
}

/* A promise is only ever followed by one that it allows. */
static void test_promises(void)
{
	for (int mark = 0; mark < CF_N_MARKS; mark++) {
		for (int told = 0; told < CF_N_DECISIONS; told++)
			ok(!cf_may_close(mark, told) || mark == CF_MARK_ARMED || mark == CF_MARK_CLOSED ||
			   (mark == CF_MARK_OBEYED && told == CF_DECISION_NONE),
			   "mark %d, told %d: never-ran is promised of what was armed, or obeyed and libvirt never told", mark, told);
		ok(!cf_may_arm(mark) || (mark != CF_MARK_OBEYED && mark != CF_MARK_CLOSED),
		   "... and what was obeyed or closed is not armed again");
		for (int here = 0; here < CF_N_HERES; here++) {
			enum cf_event event = cf_stand_again(mark, here);

			ok(here != CF_HERE_RUNNING || event == CF_EV_COMMITTED, "... here %d: what runs here was obeyed", here);
			ok(mark != CF_MARK_OBEYED || event == CF_EV_COMMITTED, "... and what was obeyed is looked after");
			ok(event != CF_EV_GONE || here == CF_HERE_ABSENT, "... and it is gone only where libvirt says so");
			ok(event == CF_N_EVENTS || cf_phase_next(CF_DESTINATION, CF_PHASE_ARMED, event), "... and what follows is an edge");
		}
	}
	ok(cf_may_arm(CF_MARK_LOST) && cf_may_close(CF_MARK_ARMED, CF_DECISION_LOST), "what is new may be armed, and then closed");
}

static void try_where(enum cf_here here, enum cf_there there)
{
	enum cf_where where = cf_where(here, there);
	enum cf_event event = cf_where_event(where);
	bool ran = there == CF_THERE_RAN || there == CF_THERE_FOUND;
	bool kept = event == CF_EV_KEPT || where == CF_WHERE_SOON;

	ok(ran == (event == CF_EV_LANDED), "here %d, there %d: landed is what ran there, and nothing else", here, there);
	ok(!kept || here == CF_HERE_RUNNING || here == CF_HERE_ABSENT, "... kept is not said of what a migration has, or nobody knows");
	ok((where == CF_WHERE_SOURCE || where == CF_WHERE_SOON || where == CF_WHERE_BOTH) <= (here == CF_HERE_RUNNING),
	   "... and it is here only if it runs here");
	ok((where == CF_WHERE_NOWHERE) <= (here == CF_HERE_ABSENT && (there == CF_THERE_DROPPED || there == CF_THERE_STRANGE)),
	   "... and nowhere only if neither has it");
	ok(there != CF_THERE_UNKNOWN || where == CF_WHERE_UNKNOWN, "... without the other host's word there is no end");
	ok(!(there == CF_THERE_STRANGE || there == CF_THERE_DROPPED) || where != CF_WHERE_UNKNOWN ||
	   here == CF_HERE_UNKNOWN || here == CF_HERE_MOVING, "... one that knows nothing, or has dropped it, is an end");
	ok(event == CF_N_EVENTS || cf_phase_next(CF_SOURCE, CF_PHASE_PAUSED, event), "... and what follows is an edge");
}

static void test_where(void)
{
	for (int here = 0; here < CF_N_HERES; here++)
		for (int there = 0; there < CF_N_THERES; there++)
			try_where(here, there);
}

static void try_arrival(enum cf_phase phase, bool has_gate, enum cf_mark mark, enum cf_here here)
{
	enum cf_event event = cf_arrival(phase, has_gate, mark, here);
	bool may_run = phase == CF_PHASE_LEASED || !has_gate || mark == CF_MARK_OBEYED;

	ok(event == CF_N_EVENTS || cf_phase_next(CF_DESTINATION, phase, event), "%s, gate %d, mark %d, here %d: an edge, if anything",
	   cf_phase_words[phase], has_gate, mark, here);
	ok((event == CF_EV_RESUMED) == (here == CF_HERE_RUNNING && may_run), "... landed if it runs, and may");
	ok(here != CF_HERE_UNKNOWN || event == CF_N_EVENTS, "... nothing from nothing");
}

static void test_arrival(void)
{
	static const enum cf_phase phases[] = { CF_PHASE_LEASED, CF_PHASE_PREPARED };

	for (size_t i = 0; i < CF_COUNT(phases); i++)
		for (int mark = 0; mark < CF_N_MARKS; mark++)
			for (int here = 0; here < CF_N_HERES; here++) {
				try_arrival(phases[i], false, mark, here);
				try_arrival(phases[i], true, mark, here);
			}
	ok(cf_arrival(CF_PHASE_LEASED, false, CF_MARK_LOST, CF_HERE_ABSENT) == CF_N_EVENTS, "one that has not come yet may come");
	ok(cf_arrival(CF_PHASE_PREPARED, false, CF_MARK_LOST, CF_HERE_ABSENT) == CF_EV_GONE &&
	   cf_arrival(CF_PHASE_PREPARED, true, CF_MARK_ARMED, CF_HERE_ABSENT) == CF_EV_GONE, "one that had come is gone");
}

int main(void)
{
	test_phases();
	test_word();
	test_promises();
	test_where();
	test_arrival();
	return done();
}
