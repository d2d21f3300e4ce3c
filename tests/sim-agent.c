/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What both agents of tests/sim-life.h do: take edges, have them noted, come back, take messages. */

#include <string.h>

#include "tests/sim-life.h"

static void note(struct agent *agent)
{
	if (agent->n_notes == NOTES_MOST)	/* the newest says it all */
		agent->n_notes--;
	agent->notes[agent->n_notes++] = agent->now;
}

/* What is known of it from an event on, and stands in its entry. */
static void learn(struct row *row, int side, enum cf_event event, enum cf_phase to)
{
	row->cleared |= side == HERE && to == CF_PHASE_COPYING;
	row->resumed |= event == CF_EV_RESUMED;
}

bool agent_event(struct world *world, int side, enum cf_event event)
{
	struct agent *agent = &world->agents[side];
	enum cf_side as = side == HERE ? CF_SOURCE : CF_DESTINATION;
	const struct cf_edge *edge = world->rules->next(as, agent->now.phase, event);
	enum cf_noting noting;

	if (!edge) {
		wrong(world, "an event without an edge", cf_event_name(event));
		agent->act = CF_ACT_NONE;
		return true;
	}
	learn(&agent->now, side, event, edge->to);
	agent->now.phase = edge->to;
	agent->act = edge->act;
	agent->at = 0;
	agent->impatient = agent->resent = false;
	note(agent);
	noting = world->rules->noting(as, edge->to, true);
	agent->noting = noting != CF_NOTE_BESIDE;
	agent->or_abort = noting == CF_NOTE_OR_ABORT;
	if (side == HERE && edge->to == CF_PHASE_QUEUED)
		agent_event(world, side, CF_EV_TURN);
	return true;
}

/* It waits then for what it asked for, or until its patience ends. */
bool agent_ask(struct world *world, int side, enum message message)
{
	agent_say(world, side, message);
	world->agents[side].at++;
	return true;
}

bool agent_note(struct world *world, int side)
{
	struct agent *agent = &world->agents[side];
	bool written = !agent->cannot_write;

	if (!agent->up || agent->n_notes == 0)
		return false;
	if (written)
		agent->row = agent->notes[0];
	if (side == HERE && agent->row.ended)
		agent->mark = NO_MARK;
	if (side == THERE && agent->row.ended && (agent->closed || world->rules->forgets_early))
		agent->mark = NO_MARK;	/* the ledger has it, and nobody will ask */
	memmove(agent->notes, agent->notes + 1, --agent->n_notes * sizeof(agent->notes[0]));
	if (agent->n_notes > 0 || !agent->noting)
		return true;
	agent->noting = false;
	if (!written && agent->or_abort)
		agent_event(world, side, CF_EV_ABORT);
	return true;
}

static enum cf_decision decision_of(enum mark mark)
{
	switch (mark) {
	case ARMED_MARK:	return CF_DECISION_NONE;
	case COMMIT_MARK:	return CF_DECISION_COMMIT;
	case ROLL_BACK_MARK:	return CF_DECISION_ROLL_BACK;
	case KEPT_MARK:		return CF_DECISION_KEPT;
	case LEFT_MARK:		return CF_DECISION_LEFT;
	default:		return CF_DECISION_LOST;
	}
}

/* All that it has is what lasts. */
bool agent_start(struct world *world, int side)
{
	struct agent *agent = &world->agents[side], fresh = {
		.row = agent->row, .now = agent->row, .mark = agent->mark, .told = agent->told, .cannot_write = agent->cannot_write,
		.cannot_mark = agent->cannot_mark, .life = agent->life + 1, .up = true,
	};
	struct cf_again again;

	if (agent->up)
		return false;
	*agent = fresh;
	if (!agent->row.is || agent->row.ended)
		return true;
	again = world->rules->recover(side == HERE ? CF_SOURCE : CF_DESTINATION, agent->row.phase, true, decision_of(agent->mark));
	agent->act = again.act;
	if (again.event != CF_N_EVENTS)
		agent_event(world, side, again.event);
	else if (side == HERE && agent->now.phase == CF_PHASE_QUEUED)
		agent_event(world, side, CF_EV_TURN);	/* nobody else waits */
	return true;
}

/* Its ledger was lost, and the other one has it. */
bool agent_relearn(struct world *world, int side)
{
	struct agent *agent = &world->agents[side];
	const struct agent *other = &world->agents[!side];
	const struct host *host = &world->hosts[side];
	enum cf_side as = side == HERE ? CF_SOURCE : CF_DESTINATION;
	const struct cf_left left = {
		.side = as,
		.has_gate = true,
		.theirs = other->now.phase,
		.ended = other->now.ended,
		.word = side == HERE ? agent_word(world) : CF_WORD_UNKNOWN,
		.own = agent_decision(world),
		.here = host_here(host),
		.has_job = host->connected && world->sending != NOT_SENDING,
	};
	enum cf_phase phase;

	if (!agent->up || agent->now.is || !world->lost_row[side] || !host->libvirtd || !other->up || !other->now.is)
		return false;
	phase = world->rules->relearn(&left);
	if (phase == CF_PHASE_UNKNOWN)
		return false;
	agent->now = (struct row){ .is = true, .phase = phase, .resumed = side == THERE, .cleared = side == HERE };
	agent->act = world->rules->recover(as, phase, true, decision_of(agent->mark)).act;
	agent->at = 0;
	note(agent);
	return true;
}

/* Durable at the destination; when it fails the old one holds. */
bool agent_mark(struct agent *agent, enum mark mark)
{
	if (agent->cannot_mark)
		return false;
	agent->mark = mark;
	return true;
}

enum cf_decision agent_decision(const struct world *world)
{
	return decision_of(world->agents[HERE].mark);
}

/* Of what there is no mark of nothing is said. */
void agent_settle(struct agent *agent, enum mark how)
{
	if (agent->mark != NO_MARK)
		agent_mark(agent, how);
}

enum cf_mark agent_promise(const struct world *world)
{
	switch (world->agents[THERE].mark) {
	case ARMED_MARK:	return CF_MARK_ARMED;
	case OBEYED_MARK:	return CF_MARK_OBEYED;
	case CLOSED_MARK:	return CF_MARK_CLOSED;
	default:		return CF_MARK_LOST;
	}
}

enum cf_word agent_word(const struct world *world)
{
	const struct agent *agent = &world->agents[THERE];

	return world->rules->word(agent->now.phase, agent->now.resumed, agent_promise(world));
}

static void take_there(struct world *world, const struct sent *sent)
{
	struct agent *agent = &world->agents[THERE];
	enum cf_phase phase = agent->now.is ? agent->now.phase : CF_PHASE_UNKNOWN;
	bool stands_by = phase == CF_PHASE_ARMED || phase == CF_PHASE_LOADED;

	switch (sent->message) {
	case M_RESERVE:
		if (agent->now.is)
			break;
		agent->now = (struct row){ .is = true };
		agent_event(world, THERE, CF_EV_ASKED);
		break;
	case M_OFFER:
		world->lease_life = sent->life;
		agent->offered |= phase == CF_PHASE_LEASED;
		if (stands_by && !agent->noting)
			agent_say(world, THERE, M_PREPARED);
		break;
	case M_RECORD:
		agent->has_record |= agent->now.is && !cf_phase_is_end(phase);
		agent->record_stop = sent->stop;
		break;
	case M_COMMIT:
		if (stands_by && (!agent->has_commit || agent->at <= 1))	/* else it is being judged already */
			agent->valid_until = sent->valid_until;
		agent->has_commit |= stands_by;
		agent->owes_answer |= stands_by || phase == CF_PHASE_OBEYED;
		if (!agent->owes_answer)
			agent_say(world, THERE, M_ANSWER);
		break;
	case M_ASK:
		agent_say(world, THERE, M_ANSWER);
		break;
	case M_CLOSE:
		agent->closed = agent->now.is;
		agent->kept = agent->now.is && sent->word == CF_WORD_NEVER_RAN;
		agent_say(world, THERE, M_ACCEPTED);
		break;
	default:
		break;
	}
}

void agent_take_message(struct world *world, const struct sent *sent)
{
	struct agent *agent = &world->agents[sent->to];

	if (!agent->up || (sent->to == HERE && sent->life != agent->life))
		return;
	if (sent->to == THERE) {
		take_there(world, sent);
		return;
	}
	agent->leased |= sent->message == M_LEASE;
	agent->prepared_there |= sent->message == M_PREPARED;
	agent->accepted |= sent->message == M_ACCEPTED;
	agent->abort |= sent->message == M_WISH;
	if (sent->message == M_ANSWER) {
		agent->has_word = true;
		agent->word = sent->word;
		if (world->rules->absent_is_never && sent->word == CF_WORD_UNKNOWN)
			agent->word = CF_WORD_NEVER_RAN;
	}
}

void agent_step(struct world *world, int side)
{
	struct agent *agent = &world->agents[side];
	bool did = side == HERE ? agent_act_here(world) : agent_act_there(world);

	if (did)
		agent->impatient = false;
}
