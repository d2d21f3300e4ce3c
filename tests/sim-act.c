/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The acts of tests/sim-life.h, a step at a time: between any two of them an agent may be
 * killed.  Each returns whether it went on; one that waits does not.
 */

#include "tests/gate.h"
#include "tests/sim-life.h"

#define RESUME_TAKES (4 * CF_MS)

static bool event(struct world *world, int side, enum cf_event on)
{
	agent_event(world, side, on);
	return true;
}

/* Sends, then waits for what it waits for, or until its patience ends. */
static bool ask(struct world *world, int side, enum message message)
{
	agent_say(world, side, message);
	world->agents[side].at++;
	return true;
}

/* --- source --- */

static bool reserve(struct world *world, struct agent *agent)
{
	if (agent->at == 0)
		return ask(world, HERE, M_RESERVE);
	if (agent->leased)
		return event(world, HERE, CF_EV_GRANTED);
	return agent->impatient && event(world, HERE, CF_EV_FAILED);
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
		return event(world, HERE, on_abort);
	if (!host->connected)
		return event(world, HERE, CF_EV_NEVER_RAN);
	if (world->sending != NOT_SENDING)
		return false;
	return event(world, HERE, host->copy == RUNS ? CF_EV_KEPT : CF_EV_NEVER_RAN);
}

/* COPYING: begin, have the destination prepare, send; be armed before it can be through.  What is not begun is kept. */
static bool copy_begin(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[HERE];

	switch (agent->at) {
	case 0:
		if (agent->abort)
			return event(world, HERE, CF_EV_ABORT);
		if (!host->libvirtd || !agent_mark(agent, ARMED_MARK))
			return event(world, HERE, CF_EV_KEPT);
		host->connected = true;
		host->autostart &= world->rules->keeps_autostart;
		agent->at++;
		return true;
	case 1:
		return ask(world, HERE, M_OFFER);
	case 2:
		if (!host->connected || agent->impatient)
			return event(world, HERE, CF_EV_KEPT);
		if (!agent->prepared_there)
			return false;
		if (can_send(world))
			world->sending = ACTIVE;
		agent->at++;
		return true;
	default:
		return copy_ends(world, agent, CF_EV_NEVER_RAN) || event(world, HERE, CF_EV_ARMED);
	}
}

/* ARMED: let it converge. */
static bool copy_on(struct world *world, struct agent *agent)
{
	if (copy_ends(world, agent, CF_EV_ABORT))
		return true;
	if (world->hosts[HERE].copy == STANDS)
		return event(world, HERE, CF_EV_STOPPED);
	return agent->impatient && event(world, HERE, CF_EV_ABORT);
}

static bool gate(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[HERE];

	if (agent->at == 0)
		return ask(world, HERE, M_RECORD);
	if (agent->abort || agent->impatient || !host->connected || world->sending == NOT_SENDING || host->copy != STANDS)
		return event(world, HERE, CF_EV_NEVER_RAN);
	return world->sending == COMPLETED && event(world, HERE, CF_EV_LOADED);
}

/* Two good clocks, and a limit for the blackout: as both hosts have it. */
static const struct cf_both_limits *limits_of(const struct world *world, const struct scene **ret)
{
	static struct scene scene;
	static struct cf_both_limits refuse, warn;
	static bool is_set;

	if (!is_set) {
		scene_begin(&scene);
		scene_both(&scene, &refuse);
		set_severity(&scene.a_limits, CF_FINDING_BLACKOUT_REACHED, CF_SEVERITY_WARN);
		set_severity(&scene.b_limits, CF_FINDING_BLACKOUT_REACHED, CF_SEVERITY_WARN);
		scene_both(&scene, &warn);
		refuse.limits.max_blackout.ns = warn.limits.max_blackout.ns = LIMIT;
		is_set = true;
	}
	*ret = &scene;
	return world->only_warns ? &warn : &refuse;
}

static void judge(struct world *world, struct cf_commit_decision *ret)
{
	static struct cf_findings findings;
	const struct scene *scene;
	const struct cf_both_limits *limits = limits_of(world, &scene);
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
		return event(world, HERE, CF_EV_NEVER_RAN);
	agent->valid_until = decision.valid_until;
	return event(world, HERE, CF_EV_COMMITTED);
}

/* The guest has run there: what is left of it here goes. */
static bool remove_here(struct world *world, struct agent *agent, int again)
{
	struct host *host = &world->hosts[HERE];

	if (host->copy == NO_COPY)
		return event(world, HERE, CF_EV_LANDED);
	if (host->request == REMOVE)
		return false;
	if (!host_ask(world, HERE, REMOVE))
		return agent->impatient && event(world, HERE, CF_EV_FAILED);
	agent->at = again;
	return true;
}

/* By the destination's word alone; any other one than these two leaves it in doubt, or to be asked again in a while. */
static bool by_word(struct world *world, struct agent *agent, bool asks_again)
{
	if (agent->has_word && agent->word == CF_WORD_NEVER_RAN)
		return event(world, HERE, CF_EV_NEVER_RAN);
	if (agent->has_word && agent->word == CF_WORD_RAN) {
		agent->at = 2;
		return true;
	}
	if (!agent->impatient && (asks_again || !agent->has_word))
		return false;
	return event(world, HERE, CF_EV_FAILED);
}

/* Sent once, whatever comes of it. */
static bool commit(struct world *world, struct agent *agent)
{
	if (agent->at == 2)
		return remove_here(world, agent, 2);
	if (agent->at == 0)
		return agent->not_sent ? event(world, HERE, CF_EV_NEVER_RAN) : ask(world, HERE, M_COMMIT);
	return by_word(world, agent, false);
}

/* From here on it only asks. */
static bool resolve(struct world *world, struct agent *agent)
{
	if (agent->at == 2)
		return remove_here(world, agent, 2);
	if (agent->resolution == CF_RUNS_HERE)
		return event(world, HERE, CF_EV_NEVER_RAN);
	if (agent->resolution == CF_RUNS_THERE) {
		agent->at = 2;
		return true;
	}
	if (agent->at == 0) {
		agent->has_word = false;
		return ask(world, HERE, M_ASK);
	}
	return by_word(world, agent, true);
}

static bool take_back(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[HERE];

	agent_mark(agent, ROLL_BACK_MARK);
	if (host->libvirtd && host->copy == RUNS && world->sending == NOT_SENDING)
		return event(world, HERE, CF_EV_KEPT);
	if (host->libvirtd && host->copy == NO_COPY && world->rules->never_starts)
		return event(world, HERE, CF_EV_KEPT);
	if (host->request != BACK && host_ask(world, HERE, BACK))
		return true;
	return agent->impatient && event(world, HERE, CF_EV_FAILED);
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
		return ask(world, HERE, M_CLOSE);
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
	return event(world, HERE, CF_EV_RESUMED);
}

bool agent_act_here(struct world *world)
{
	struct agent *agent = &world->agents[HERE];

	switch (agent->act) {
	case CF_ACT_CHECK:	return event(world, HERE, agent->abort ? CF_EV_ABORT : CF_EV_ALLOWED);
	case CF_ACT_RESERVE:	return reserve(world, agent);
	case CF_ACT_CAPTURE:	return event(world, HERE, agent->abort ? CF_EV_ABORT : CF_EV_CAPTURED);
	case CF_ACT_COPY:	return agent->now.phase == CF_PHASE_COPYING ? copy_begin(world, agent) : copy_on(world, agent);
	case CF_ACT_GATE:	return gate(world, agent);
	case CF_ACT_DECIDE:	return decide(world, agent);
	case CF_ACT_COMMIT:	return commit(world, agent);
	case CF_ACT_RESOLVE:	return resolve(world, agent);
	case CF_ACT_TAKE_BACK:	return take_back(world, agent);
	case CF_ACT_LAND:	return land(world, agent);
	case CF_ACT_CORRECT:	return event(world, HERE, CF_EV_CORRECTED);
	case CF_ACT_VERIFY:	return event(world, HERE, CF_EV_VERIFIED);
	case CF_ACT_UNDO:
	case CF_ACT_CLOSE:	return end_here(world, agent);
	default:
		wrong(world, "an act that the source cannot do", cf_act_name(agent->act));
		return false;
	}
}

/* --- destination --- */

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
	return event(world, THERE, on);
}

/* Somebody wants it called off here: by whom, and when, the rules say. */
static bool called_off(struct world *world, struct agent *agent)
{
	enum cf_abort abort = agent->abort ? world->rules->abort(CF_DESTINATION, agent->now.phase, true, true) : CF_ABORT_LATE;

	if (abort == CF_ABORT_HERE || (abort == CF_ABORT_SOURCE_FIRST && agent->impatient))	/* leased: nothing to give up yet */
		return agent->act == CF_ACT_AWAIT ? event(world, THERE, CF_EV_ABORT) : ends(world, agent, CF_EV_ABORT);
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
		return event(world, THERE, world->hosts[THERE].copy == RUNS ? CF_EV_LANDED : CF_EV_GONE);
	}
	if (agent->now.phase == CF_PHASE_PREPARED)	/* after a restart: what was prepared went with the connection */
		return !world->hosts[THERE].incoming && event(world, THERE, CF_EV_GONE);
	if (agent->at == 0)
		return ask(world, THERE, M_LEASE);
	if (world->hosts[THERE].copy == RUNS)	/* reserved once more, after the ledger was lost */
		return event(world, THERE, cf_arrival(CF_PHASE_LEASED, true, CF_MARK_LOST, CF_HERE_RUNNING));
	if (agent->kept)
		return event(world, THERE, CF_EV_KEPT);
	if (called_off(world, agent))
		return true;
	if (agent->offered)
		return event(world, THERE, CF_EV_OFFERED);
	return agent->impatient && event(world, THERE, CF_EV_GONE);
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
	return called_off(world, agent) || event(world, THERE, CF_EV_ARMED);
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
	const struct cf_both_limits *limits = limits_of(world, &scene);
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
	const struct cf_both_limits *limits = limits_of(world, &scene);
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
	return found != CF_N_EVENTS && event(world, THERE, found);
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
	return event(world, THERE, CF_EV_COMMITTED);
}

static bool stand_by(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[THERE];

	if (!agent->prepared)	/* by the agent before this one */
		return stand_again(world, agent);
	if (agent->at == 0)
		return ask(world, THERE, M_PREPARED);
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
	return agent->now.phase != CF_PHASE_ARMED || event(world, THERE, CF_EV_LOADED);
}

/* It is not to be let run after all. */
static bool takes_back(struct world *world, struct agent *agent)
{
	return event(world, THERE, give_up(world, agent) ? CF_EV_NEVER_RAN : CF_EV_GONE);
}

static bool obey(struct world *world, struct agent *agent)
{
	struct host *host = &world->hosts[THERE];
	bool is_late = cf_mono_cmp(now_there(world), agent->valid_until) > 0;

	if (called_off(world, agent))
		return true;
	if (host->libvirtd && host->copy == RUNS)
		return event(world, THERE, CF_EV_RESUMED);
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
	case CF_ACT_CORRECT:	return event(world, THERE, world->hosts[THERE].copy == RUNS ? CF_EV_CORRECTED : CF_EV_GONE);
	case CF_ACT_VERIFY:	return event(world, THERE, world->hosts[THERE].copy == RUNS ? CF_EV_VERIFIED : CF_EV_GONE);
	case CF_ACT_UNDO:
	case CF_ACT_CLOSE:	return end_there(world, agent);
	default:
		wrong(world, "an act that the destination cannot do", cf_act_name(agent->act));
		return false;
	}
}
