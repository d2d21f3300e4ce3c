/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination's acts, as tests/sim-act.c has the source's. */

#include "tests/gate.h"
#include "tests/sim-life.h"

/* The promise that it never ran and never will, before the domain goes. */
static bool give_up(struct world *world, struct agent *agent)
{
	bool promised = world->rules->may_close(agent_promise(world), agent->told) && agent_mark(agent, CLOSED_MARK);

	host_disconnect(world, THERE);
	agent->prepared = false;
	return promised;
}

static bool ends(struct world *world, struct agent *agent, enum cf_event on)
{
	give_up(world, agent);
	return agent_event(world, THERE, on);
}

/* Somebody wants it called off here: by whom, and when, the rules say. */
static bool called_off(struct world *world, struct agent *agent)
{
	enum cf_abort abort = agent->abort ? world->rules->abort(CF_DESTINATION, agent->now.phase, true, true) : CF_ABORT_LATE;

	if (abort == CF_ABORT_HERE || (abort == CF_ABORT_SOURCE_FIRST && agent->impatient))	/* leased: nothing to give up yet */
		return agent->act == CF_ACT_AWAIT ? agent_event(world, THERE, CF_EV_ABORT) : ends(world, agent, CF_EV_ABORT);
	if (abort != CF_ABORT_SOURCE_FIRST || agent->wished)
		return false;
	agent->wished = true;
	agent_say(world, THERE, M_WISH);
	return true;
}

static bool await(struct world *world, struct agent *agent)
{
	if (agent->now.phase == CF_PHASE_RUNNING) {
		if (agent->owes_answer) {
			agent->owes_answer = false;
			agent_say(world, THERE, M_ANSWER);
			return true;
		}
		return agent_event(world, THERE, world->hosts[THERE].copy == RUNS ? CF_EV_LANDED : CF_EV_GONE);
	}
	if (agent->now.phase == CF_PHASE_PREPARED)	/* after a restart: what was prepared went with the connection */
		return !world->hosts[THERE].incoming && agent_event(world, THERE, CF_EV_GONE);
	if (agent->at == 0)
		return agent_ask(world, THERE, M_LEASE);
	if (world->hosts[THERE].copy == RUNS)	/* reserved once more, after the ledger was lost */
		return agent_event(world, THERE, cf_arrival(CF_PHASE_LEASED, true, CF_MARK_LOST, CF_HERE_RUNNING));
	if (agent->kept)
		return agent_event(world, THERE, CF_EV_KEPT);
	if (called_off(world, agent))
		return true;
	if (agent->offered)
		return agent_event(world, THERE, CF_EV_OFFERED);
	return agent->impatient && agent_event(world, THERE, CF_EV_GONE);
}

static bool prepare(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[THERE];

	if (!host->libvirtd || host->incoming || host->copy != NO_COPY)
		return ends(world, agent, CF_EV_GONE);
	if (agent->at == 0) {
		if (!world->rules->may_arm(agent_promise(world)) || !agent_mark(agent, ARMED_MARK))
			return ends(world, agent, CF_EV_GONE);
		agent->told = CF_DECISION_NONE;
		agent->at++;
		return true;
	}
	host->connected = host->incoming = agent->prepared = true;
	host->copy = STANDS;
	return called_off(world, agent) || agent_event(world, THERE, CF_EV_ARMED);
}

static cf_mono now_there(const struct world *world)
{
	return (cf_mono){ world->now + OFFSET };
}

/* The commit is judged last here. */
static bool obeys(const struct world *world, const struct agent *agent)
{
	const struct host *host = &world->hosts[THERE];
	const struct scene *scene;
	const struct cf_both_limits *limits = world_limits(world, &scene);
	struct cf_obey_evidence evidence = {
		.now = now_there(world), .valid_until = agent->valid_until, .same_boot = true, .loaded = host->loaded,
		.incoming_alive = host->incoming && host->connected, .clock = &scene->b,
	};

	return world->rules->obey(&evidence, limits) == CF_OBEY;
}

/* Looked at from outside, with better clocks. */
static void check_obeyed(struct world *world, const struct agent *agent)
{
	if (cf_mono_cmp(now_there(world), agent->valid_until) > 0)
		wrong(world, "a commit is obeyed after the time until which it was valid", "");
	if (!world->only_warns && world->now - world->stop + RESUME_TAKES > LIMIT)
		wrong(world, "a commit is obeyed past the limit of the blackout", "");
}

/* The dead-man's switch of a source that lives: it only asks what came of its commit, and that may have been lost. */
static bool is_over_limit(const struct world *world, const struct agent *agent)
{
	const struct scene *scene;
	const struct cf_both_limits *limits = world_limits(world, &scene);
	const struct cf_wait_evidence evidence = {
		.now = now_there(world), .loaded = agent->loaded, .loaded_at = agent->loaded_at, .has_stop = agent->has_record,
		.stop = agent->record_stop, .raw_offset = { { OFFSET }, { OFFSET + OFFSET_OFF } },
	};

	return world->rules->wait_over(&evidence, limits);
}

static bool stand_again(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[THERE];
	enum cf_event found = host->libvirtd ? world->rules->stand_again(agent_promise(world), host_here(host)) : CF_N_EVENTS;

	if (found == CF_EV_GONE)
		return ends(world, agent, found);
	return found != CF_N_EVENTS && agent_event(world, THERE, found);
}

/* It comes once: what is not obeyed then is given up.  To note that it is may take long: so it is judged once more. */
static bool take_commit(struct world *world, struct agent *agent)
{
	if (agent->at == 1 && agent->abort)
		return ends(world, agent, CF_EV_ABORT);
	if (!obeys(world, agent) || (agent->at == 1 && !agent_mark(agent, OBEYED_MARK)))
		return ends(world, agent, CF_EV_GONE);
	if (agent->at++ == 1)
		return true;
	check_obeyed(world, agent);
	return agent_event(world, THERE, CF_EV_COMMITTED);
}

static bool stand_by(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[THERE];

	if (!agent->prepared)	/* by the agent before this one */
		return stand_again(world, agent);
	if (agent->at == 0)
		return agent_ask(world, THERE, M_PREPARED);
	if (agent->has_commit)
		return take_commit(world, agent);
	if (agent->kept)
		return ends(world, agent, CF_EV_KEPT);
	if (called_off(world, agent))
		return true;
	if (agent->silent || agent->rebooted || !host->incoming || !host->connected)
		return ends(world, agent, CF_EV_GONE);
	if (is_over_limit(world, agent)) {
		world->waited_out = true;
		return ends(world, agent, CF_EV_GONE);
	}
	if (!host->loaded || agent->loaded)
		return false;
	agent->loaded = true;
	agent->loaded_at = now_there(world);
	return agent->now.phase != CF_PHASE_ARMED || agent_event(world, THERE, CF_EV_LOADED);
}

/* It is not to be let run after all. */
static bool takes_back(struct world *world, struct agent *agent)
{
	return agent_event(world, THERE, give_up(world, agent) ? CF_EV_NEVER_RAN : CF_EV_GONE);
}

static bool obey(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[THERE];
	bool is_late = cf_mono_cmp(now_there(world), agent->valid_until) > 0;

	if (called_off(world, agent))
		return true;
	if (host->libvirtd && host->copy == RUNS)
		return agent_event(world, THERE, CF_EV_RESUMED);
	if (host->libvirtd && host->copy == NO_COPY)
		return takes_back(world, agent);
	if (agent->at != 0 || !host->connected)
		return false;
	if (is_late && !world->rules->tells_late && world->rules->may_close(agent_promise(world), agent->told))
		return takes_back(world, agent);
	if (!host_ask(world, THERE, FINISH))
		return false;
	if (is_late && agent->told == CF_DECISION_NONE)
		wrong(world, "libvirt is told to let it run after the time until which the commit was valid", "");
	if (!world->rules->tells_unnoted)
		agent->told = CF_DECISION_COMMIT;
	agent->at++;
	return true;
}

/* Nothing runs here any more, and nothing will: promised first, where nobody has yet, then told. */
static bool end_there(struct world *world, struct agent *agent)
{
	switch (agent->at) {
	case 0:
		if (agent->act == CF_ACT_UNDO && agent->prepared)
			give_up(world, agent);
		host_disconnect(world, THERE);
		agent->at++;
		return true;
	case 1:
		if (agent->owes_answer)
			agent_say(world, THERE, M_ANSWER);
		agent->owes_answer = false;
		agent->at++;
		return true;
	default:
		if (!agent->closed && !agent->impatient)
			return false;
		break;
	}
	agent->now.ended = true;
	agent->act = CF_ACT_NONE;
	agent->notes[agent->n_notes > 0 ? agent->n_notes - 1 : agent->n_notes++] = agent->now;
	return true;
}

bool agent_act_there(struct world *world)
{
	struct agent *agent = &world->agents[THERE];

	switch (agent->act) {
	case CF_ACT_AWAIT:	return await(world, agent);
	case CF_ACT_PREPARE:	return prepare(world, agent);
	case CF_ACT_STAND_BY:	return stand_by(world, agent);
	case CF_ACT_OBEY:	return obey(world, agent);
	case CF_ACT_CORRECT:	return agent_event(world, THERE, world->hosts[THERE].copy == RUNS ? CF_EV_CORRECTED : CF_EV_GONE);
	case CF_ACT_VERIFY:	return agent_event(world, THERE, world->hosts[THERE].copy == RUNS ? CF_EV_VERIFIED : CF_EV_GONE);
	case CF_ACT_UNDO:
	case CF_ACT_CLOSE:	return end_there(world, agent);
	default:
		wrong(world, "an act that the destination cannot do", cf_act_name(agent->act));
		return false;
	}
}
