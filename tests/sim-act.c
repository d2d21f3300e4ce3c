/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source's acts of tests/sim-life.h, a step at a time: between any two of them an agent may be
 * killed.  Each returns whether it went on; one that waits does not.
 */

#include "tests/gate.h"
#include "tests/sim-life.h"

static bool reserve(struct world *world, struct agent *agent)
{
	if (agent->at == 0)
		return agent_ask(world, HERE, M_RESERVE);
	if (agent->leased)
		return agent_event(world, HERE, CF_EV_GRANTED);
	return agent->impatient && agent_event(world, HERE, CF_EV_FAILED);
}

/* Can QEMU send, to somebody who takes it? */
static bool can_send(const struct world *world)
{
	return world->hosts[THERE].incoming && !world->hosts[THERE].loaded && world->hosts[HERE].copy == RUNS;
}

/* What ends a copy. */
static bool copy_ends(struct world *world, struct agent *agent, enum cf_event on_abort)
{
	struct host *host = &world->hosts[HERE];

	if (agent->abort)
		return agent_event(world, HERE, on_abort);
	if (!host->connected)
		return agent_event(world, HERE, CF_EV_NEVER_RAN);
	if (world->sending != NOT_SENDING)
		return false;
	return agent_event(world, HERE, host->copy == RUNS ? CF_EV_KEPT : CF_EV_NEVER_RAN);
}

/* COPYING: begin, have the destination prepare, send; be armed before it can be through.  What is not begun is kept. */
static bool copy_begin(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[HERE];

	switch (agent->at) {
	case 0:
		if (agent->abort)
			return agent_event(world, HERE, CF_EV_ABORT);
		if (!host->libvirtd || !agent_mark(agent, ARMED_MARK))
			return agent_event(world, HERE, CF_EV_KEPT);
		host->connected = true;
		host->autostart &= world->rules->keeps_autostart;
		agent->at++;
		return true;
	case 1:
		return agent_ask(world, HERE, M_OFFER);
	case 2:
		if (!host->connected || agent->impatient)
			return agent_event(world, HERE, CF_EV_KEPT);
		if (!agent->prepared_there)
			return false;
		if (can_send(world))
			world->sending = ACTIVE;
		agent->at++;
		return true;
	default:
		return copy_ends(world, agent, CF_EV_NEVER_RAN) || agent_event(world, HERE, CF_EV_ARMED);
	}
}

/* ARMED: let it converge. */
static bool copy_on(struct world *world, struct agent *agent)
{
	if (copy_ends(world, agent, CF_EV_ABORT))
		return true;
	if (world->hosts[HERE].copy == STANDS)
		return agent_event(world, HERE, CF_EV_STOPPED);
	return agent->impatient && agent_event(world, HERE, CF_EV_ABORT);
}

static bool gate(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[HERE];

	if (agent->at == 0)
		return agent_ask(world, HERE, M_RECORD);
	if (agent->abort || agent->impatient || !host->connected || world->sending == NOT_SENDING || host->copy != STANDS)
		return agent_event(world, HERE, CF_EV_NEVER_RAN);
	return world->sending == COMPLETED && agent_event(world, HERE, CF_EV_LOADED);
}

static void judge(struct world *world, struct cf_commit_decision *ret)
{
	static struct cf_findings findings;
	const struct scene *scene;
	const struct cf_both_limits *limits = world_limits(world, &scene);
	struct cf_commit_evidence evidence = {
		.pair = &scene->pair, .has_stop = world->has_stop, .stop = { .raw = { world->stop } }, .now = { world->now },
		.resume_takes = { RESUME_TAKES }, .raw_offset = { { OFFSET }, { OFFSET + OFFSET_OFF } },
	};

	cf_commit_judge(&evidence, limits, ret, &findings);
}

static bool decide(struct world *world, struct agent *agent)
{
	struct cf_commit_decision decision;

	judge(world, &decision);
	if (agent->abort || !decision.commit || !agent_mark(agent, COMMIT_MARK))
		return agent_event(world, HERE, CF_EV_NEVER_RAN);
	agent->valid_until = decision.valid_until;
	return agent_event(world, HERE, CF_EV_COMMITTED);
}

/* The guest has run there: what is left of it here goes. */
static bool remove_here(struct world *world, struct agent *agent, int again)
{
	struct host *host = &world->hosts[HERE];

	if (host->copy == NO_COPY)
		return agent_event(world, HERE, CF_EV_LANDED);
	if (host->request == REMOVE)
		return false;
	if (!host_ask(world, HERE, REMOVE))
		return agent->impatient && agent_event(world, HERE, CF_EV_FAILED);
	agent->at = again;
	return true;
}

/* By the destination's word alone; any other one than these two leaves it in doubt, or to be asked again in a while. */
static bool by_word(struct world *world, struct agent *agent, bool asks_again)
{
	if (agent->has_word && agent->word == CF_WORD_NEVER_RAN)
		return agent_event(world, HERE, CF_EV_NEVER_RAN);
	if (agent->has_word && agent->word == CF_WORD_RAN) {
		agent->at = 2;
		return true;
	}
	if (!agent->impatient && (asks_again || !agent->has_word))
		return false;
	return agent_event(world, HERE, CF_EV_FAILED);
}

/* Sent once, whatever comes of it. */
static bool commit(struct world *world, struct agent *agent)
{
	if (agent->at == 2)
		return remove_here(world, agent, 2);
	if (agent->at == 0)
		return agent->not_sent ? agent_event(world, HERE, CF_EV_NEVER_RAN) : agent_ask(world, HERE, M_COMMIT);
	return by_word(world, agent, false);
}

/* From here on it only asks, and takes back what it may have said. */
static bool resolve(struct world *world, struct agent *agent)
{
	if (agent->at == 2)
		return remove_here(world, agent, 2);
	if (agent->resolution == CF_RUNS_HERE)
		return agent_event(world, HERE, CF_EV_NEVER_RAN);
	if (agent->resolution == CF_RUNS_THERE) {
		agent->at = 2;
		return true;
	}
	if (agent->at == 0) {
		agent->has_word = false;
		return agent_ask(world, HERE, M_ASK);
	}
	if (agent->at == 1 && agent->has_word && agent->word == CF_WORD_WAITING && !world->rules->only_asks) {
		agent->has_word = false;
		agent->valid_until = CF_WITHDRAWN;
		agent->at = 3;
		agent_say(world, HERE, M_COMMIT);
		return true;
	}
	return by_word(world, agent, true);
}

static bool take_back(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[HERE];

	agent_mark(agent, ROLL_BACK_MARK);
	if (host->libvirtd && host->copy == RUNS && world->sending == NOT_SENDING)
		return agent_event(world, HERE, CF_EV_KEPT);
	if (host->libvirtd && host->copy == NO_COPY && world->rules->never_starts)
		return agent_event(world, HERE, CF_EV_KEPT);
	if (host->request != BACK && host_ask(world, HERE, BACK))
		return true;
	return agent->impatient && agent_event(world, HERE, CF_EV_FAILED);
}

/* Its last act: what was changed is as it was, the other side has the receipt, or does not hear. */
static bool end_here(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[HERE];

	switch (agent->at) {
	case 0:
		if (agent->now.phase == CF_PHASE_ABORTED && agent->now.cleared) {
			host->autostart = true;
			if (host->copy == NO_COPY && !world->rules->never_starts) {	/* the host booted meanwhile */
				if (host->request != BACK)
					return host_ask(world, HERE, BACK);
				return false;
			}
		}
		if (agent->now.phase == CF_PHASE_ABORTED)
			agent_settle(agent, KEPT_MARK);
		agent->at++;
		return true;
	case 1:
		return agent_ask(world, HERE, M_CLOSE);
	default:
		if (!agent->accepted && !agent->impatient)
			return false;
		if (!agent->accepted && !agent->resent) {
			agent->resent = true;
			agent->at = 1;
			return true;
		}
		break;
	}
	host_disconnect(world, HERE);
	agent->now.ended = true;
	agent->act = CF_ACT_NONE;
	agent->notes[agent->n_notes > 0 ? agent->n_notes - 1 : agent->n_notes++] = agent->now;
	return true;
}

/* Its copy here has gone before: when the destination said that it ran. */
static bool land(struct world *world, struct agent *agent)
{
	agent_settle(agent, LEFT_MARK);
	return agent_event(world, HERE, CF_EV_RESUMED);
}

bool agent_act_here(struct world *world)
{
	struct agent *agent = &world->agents[HERE];

	switch (agent->act) {
	case CF_ACT_CHECK:	return agent_event(world, HERE, agent->abort ? CF_EV_ABORT : CF_EV_ALLOWED);
	case CF_ACT_RESERVE:	return reserve(world, agent);
	case CF_ACT_CAPTURE:	return agent_event(world, HERE, agent->abort ? CF_EV_ABORT : CF_EV_CAPTURED);
	case CF_ACT_COPY:	return agent->now.phase == CF_PHASE_COPYING ? copy_begin(world, agent) : copy_on(world, agent);
	case CF_ACT_GATE:	return gate(world, agent);
	case CF_ACT_DECIDE:	return decide(world, agent);
	case CF_ACT_COMMIT:	return commit(world, agent);
	case CF_ACT_RESOLVE:	return resolve(world, agent);
	case CF_ACT_TAKE_BACK:	return take_back(world, agent);
	case CF_ACT_LAND:	return land(world, agent);
	case CF_ACT_CORRECT:	return agent_event(world, HERE, CF_EV_CORRECTED);
	case CF_ACT_VERIFY:	return agent_event(world, HERE, CF_EV_VERIFIED);
	case CF_ACT_UNDO:
	case CF_ACT_CLOSE:	return end_here(world, agent);
	default:
		wrong(world, "an act that the source cannot do", cf_act_name(agent->act));
		return false;
	}
}
