/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hosts and the network of tests/sim-life.h: libvirt and QEMU as experiments with them found them to be. */

#include <stdio.h>
#include <string.h>

#include "tests/sim-life.h"

void wrong(struct world *world, const char *what, const char *detail)
{
	if (world->wrong)
		return;
	world->wrong = what;
	snprintf(world->detail, sizeof(world->detail), "%s", detail);
}

/* --- QEMU and libvirt --- */

/* The copy there runs: for the first time, again, after the other one. */
void host_runs(struct world *world, int side)
{
	struct host *host = &world->hosts[side];

	if (host->copy == RUNS)
		return;
	host->copy = RUNS;
	host->incoming = host->loaded = false;
	if (world->hosts[!side].copy == RUNS)
		wrong(world, "two copies run", "");
	if (side == HERE && world->ran_there)
		wrong(world, "the source's copy runs again after the destination's has run", "");
	if (side == THERE && world->ran_here_since)
		wrong(world, "the destination's copy runs after the source's has run on", "");
	if (side == THERE && world->swore)
		wrong(world, "the guest runs where it was sworn that it never will", "");
	world->ran_there |= side == THERE;
	world->ran_here_since |= side == HERE && world->has_stop;
}

/* The stream between the two QEMUs has ended before the source had all acknowledged: that one goes on by itself. */
static void stream_ends(struct world *world)
{
	if (world->sending != ACTIVE && world->sending != DEVICE)
		return;
	world->sending = NOT_SENDING;
	if (world->hosts[HERE].copy == STANDS)
		host_runs(world, HERE);
	if (world->hosts[THERE].incoming)
		host_gone(world, THERE);
}

void host_gone(struct world *world, int side)
{
	struct host *host = &world->hosts[side];

	world->ended_there |= side == THERE && host->copy == RUNS;
	host->copy = NO_COPY;
	host->incoming = host->loaded = false;
	if (side == THERE)
		stream_ends(world);
}

/* What of a migration needs its connection ends with it; what libvirtd has got already it still does. */
bool host_disconnect(struct world *world, int side)
{
	bool was = world->hosts[side].connected;

	world->hosts[side].connected = false;
	return was;
}

bool host_ask(struct world *world, int side, enum request request)
{
	if (!world->hosts[side].libvirtd)
		return false;
	world->hosts[side].request = request;
	return true;
}

static bool do_request(struct world *world, int side)
{
	struct host *host = &world->hosts[side];
	enum request request = host->request;

	if (!host->libvirtd || request == NO_REQUEST)
		return false;
	host->request = NO_REQUEST;
	switch (request) {
	case FINISH:
		if (host->incoming && host->loaded)
			host_runs(world, side);
		break;
	case BACK:	/* abort, Confirm(cancelled), resume, or start: whatever it takes */
		stream_ends(world);
		world->sending = NOT_SENDING;
		host_runs(world, side);
		break;
	case REMOVE:
		if (host->copy == RUNS)
			wrong(world, "a running source is removed", "");
		host_gone(world, side);
		world->sending = NOT_SENDING;
		break;
	case NO_REQUEST:
		break;
	}
	return true;
}

/* Nobody holds its connection: the incoming domain is destroyed. */
static bool tidy(struct world *world)
{
	struct host *host = &world->hosts[THERE];

	if (!host->libvirtd || !host->incoming || host->connected)
		return false;
	host_gone(world, THERE);
	return true;
}

static bool restart(struct world *world, int side)
{
	struct host *host = &world->hosts[side];

	if (!host->up)
		return false;
	host->connected = false;
	host->request = NO_REQUEST;
	if (side == HERE)
		stream_ends(world);
	else if (host->incoming)
		host_gone(world, THERE);
	return true;
}

static bool power_off(struct world *world, int side)
{
	struct host *host = &world->hosts[side];
	struct agent *agent = &world->agents[side];
	bool autostart = host->autostart;

	if (!host->up)
		return false;
	agent->up = false;
	if (side == HERE)
		agent->mark = NO_MARK;	/* the page is in memory */
	agent->told = CF_DECISION_LOST;
	if (side == HERE)
		world->sending = NOT_SENDING;	/* which nobody tells the other QEMU */
	host_gone(world, side);
	*host = (struct host){ .autostart = autostart };
	return true;
}

static bool boot(struct world *world, int side)
{
	struct host *host = &world->hosts[side];

	if (host->up)
		return false;
	host->up = host->libvirtd = true;
	world->agents[THERE].rebooted |= side == HERE && world->agents[THERE].now.is;
	if (host->autostart)
		host_runs(world, side);
	return true;
}

enum cf_here host_here(const struct host *host)
{
	return host->copy == RUNS ? CF_HERE_RUNNING : host->copy == STANDS ? CF_HERE_MOVING : CF_HERE_ABSENT;
}

/* --- the network --- */

void agent_say(struct world *world, int from, enum message message)
{
	const struct agent *agent = &world->agents[from];
	struct sent *sent = &world->sent[world->n_sent];

	if (world->n_sent == SENT_MOST)
		return;	/* lost */
	*sent = (struct sent){
		.message = message, .to = !from,
		.life = from == HERE ? agent->life : world->agents[HERE].life,
		.valid_until = agent->valid_until, .stop = { world->stop },
	};
	if (message == M_ANSWER)
		sent->word = agent->now.is ? agent_word(world) : CF_WORD_UNKNOWN;
	world->swore |= message == M_ANSWER && sent->word == CF_WORD_NEVER_RAN;
	if (message == M_ANSWER && sent->word == CF_WORD_NEVER_RAN && world->ran_there)
		wrong(world, "it is sworn that the guest never ran, and it did", "");
	world->n_sent++;
}

static bool take(struct world *world, enum message message, bool keep, bool deliver)
{
	for (size_t i = 0; i < world->n_sent; i++) {
		struct sent sent = world->sent[i];

		if (sent.message != message)
			continue;
		if (!keep) {
			world->n_sent--;
			memmove(&world->sent[i], &world->sent[i + 1], (world->n_sent - i) * sizeof(sent));
		} else if (world->n_sent < SENT_MOST) {
			world->sent[world->n_sent++] = sent;
		}
		if (deliver)
			agent_take_message(world, &sent);
		return true;
	}
	return false;
}

/* --- happenings --- */

static bool stop(struct world *world)
{
	if (world->sending != ACTIVE || world->hosts[HERE].copy != RUNS)
		return false;
	world->sending = DEVICE;
	world->hosts[HERE].copy = STANDS;
	world->has_stop = true;
	world->stop = world->now;
	return true;
}

static bool load(struct world *world)
{
	if (world->sending != DEVICE || !world->hosts[THERE].incoming || world->hosts[THERE].loaded)
		return false;
	world->hosts[THERE].loaded = true;
	return true;
}

static bool complete(struct world *world)
{
	if (world->sending != DEVICE || !world->hosts[THERE].loaded)
		return false;
	world->sending = COMPLETED;
	return true;
}

/* The watchdog drops its descriptors at `completed`. */
static bool cut(struct world *world)
{
	if (!world->agents[HERE].up || (world->sending != ACTIVE && world->sending != DEVICE))
		return false;
	stream_ends(world);
	return true;
}

static bool turn(bool *flag, bool to)
{
	bool other = *flag != to;

	*flag = to;
	return other;
}

/* An operator who has looked says what is so, and says that it never ran there only when it cannot any more. */
static bool resolve(struct world *world)
{
	struct agent *agent = &world->agents[HERE];

	if (!agent->up || !agent->now.is || agent->now.phase != CF_PHASE_IN_DOUBT || agent->resolution)
		return false;
	if (!world->ran_there && (world->hosts[THERE].incoming || world->hosts[THERE].request == FINISH))
		return false;
	agent->resolution = world->ran_there ? CF_RUNS_THERE : CF_RUNS_HERE;
	world->operated = true;
	return true;
}

/* What comes too late is refused. */
static bool ask_abort(struct world *world, int side)
{
	struct agent *agent = &world->agents[side];
	enum cf_side as = side == HERE ? CF_SOURCE : CF_DESTINATION;

	return agent->up && agent->now.is && world->rules->abort(as, agent->now.phase, true, true) != CF_ABORT_LATE &&
	       turn(&agent->abort, true);
}

static bool kill_agent(struct world *world, int side)
{
	if (!turn(&world->agents[side].up, false))
		return false;
	host_disconnect(world, side);
	return true;
}

/*
 * A destination that has lost both knows nothing: then a call that is as old as its first ones would find
 * it willing.  No connection lives as long as that takes.
 */
static void end_old_calls(struct world *world)
{
	if (!world->lost_row[THERE] || !world->lost_mark[THERE])
		return;
	while (take(world, M_RESERVE, false, false) || take(world, M_OFFER, false, false))
		;
}

static bool lose_row(struct world *world, int side)
{
	struct agent *agent = &world->agents[side];

	if (!agent->row.is)
		return false;
	agent->row = (struct row){ 0 };
	world->lost_row[side] = true;
	end_old_calls(world);
	return true;
}

static bool lose_marks(struct world *world, int side)
{
	if (world->agents[side].mark == NO_MARK)
		return false;
	world->agents[side].mark = NO_MARK;
	world->agents[side].told = CF_DECISION_LOST;
	world->lost_mark[side] = true;
	end_old_calls(world);
	return true;
}

static bool finish_fails(struct world *world)
{
	struct host *host = &world->hosts[THERE];

	if (host->request != FINISH || !host->incoming)
		return false;
	host->request = NO_REQUEST;
	host_gone(world, THERE);
	return true;
}

static bool tick(struct world *world, int exponent)
{
	int64_t by = CF_MS;

	while (exponent-- > 0)
		by *= 10;
	world->now += by;
	return true;
}

static bool only_warn(struct world *world)
{
	return world->agents[HERE].now.phase == CF_PHASE_CHECKING && turn(&world->only_warns, true);
}

static bool step(struct world *world, int side)
{
	struct agent before = world->agents[side];
	size_t n_sent = world->n_sent;
	struct host hosts[2] = { world->hosts[0], world->hosts[1] };

	if (!before.up || before.noting || before.act == CF_ACT_NONE)
		return false;
	agent_step(world, side);
	return memcmp(&before, &world->agents[side], sizeof(before)) != 0 || n_sent != world->n_sent ||
	       memcmp(hosts, world->hosts, sizeof(hosts)) != 0;
}

bool world_happen(struct world *world, struct happening h)
{
	struct agent *agent = &world->agents[h.on & 1];
	struct host *host = &world->hosts[h.on & 1];

	switch ((enum kind)h.kind) {
	case STEP:		return step(world, h.on);
	case NOTE:		return agent_note(world, h.on);
	case WAIT:		return agent->up && agent->act != CF_ACT_NONE && !agent->noting && turn(&agent->impatient, true);
	case DELIVER:		return take(world, h.on, false, true);
	case TICK:		return tick(world, h.on);
	case QEMU_STOP:		return stop(world);
	case QEMU_LOADED:	return load(world);
	case QEMU_COMPLETED:	return complete(world);
	case LIBVIRT:		return do_request(world, h.on);
	case TIDY:		return tidy(world);
	case START:		return host->up && agent_start(world, h.on);
	case BOOT:		return boot(world, h.on);
	case SILENCE:		return world->agents[THERE].up && turn(&world->agents[THERE].silent, true);
	case RELEARN:		return agent_relearn(world, h.on);
	case ONLY_WARN:		return only_warn(world);
	case KILL:		return kill_agent(world, h.on);
	case CLOSE_CONN:	return host_disconnect(world, h.on);
	case RESTART:		return restart(world, h.on);
	case POWER:		return power_off(world, h.on);
	case LOSE:		return take(world, h.on, false, false);
	case REPEAT:		return take(world, h.on, true, false);
	case SEND_FAILS:	return world->agents[HERE].up && turn(&world->agents[HERE].not_sent, true);
	case FINISH_FAILS:	return finish_fails(world);
	case CUT:		return cut(world);
	case SPOIL_LEDGER:	return world->spoilt_row |= h.on == HERE, turn(&agent->cannot_write, true);
	case MEND_LEDGER:	return turn(&agent->cannot_write, false);
	case LOSE_ROW:		return lose_row(world, h.on);
	case LOSE_MARKS:	return lose_marks(world, h.on);
	case SPOIL_MARKS:	return world->spoilt_mark |= h.on == THERE, turn(&agent->cannot_mark, true);
	case ABORT:		return ask_abort(world, h.on);
	case RESOLVE:		return resolve(world);
	case GUEST_ENDS:
		if (world->hosts[THERE].copy != RUNS)
			return false;
		host_gone(world, THERE);
		return true;
	case N_KINDS:
		break;
	}
	return false;
}
