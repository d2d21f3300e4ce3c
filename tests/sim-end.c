/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a life of tests/sim-life.h begins, how it ends, and what has to be so then. */

#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "tests/gate.h"
#include "tests/sim-life.h"

#define ROUNDS_MOST 240
#define PATIENCE    24	/* rounds, where others still go on */

void world_begin(struct world *world, const struct rules *rules)
{
	memset(world, 0, sizeof(*world));
	world->rules = rules;
	world->now = 1000 * CF_S;
	for (int side = HERE; side <= THERE; side++) {
		world->hosts[side].up = world->hosts[side].libvirtd = true;
		world->agents[side].up = true;
		world->agents[side].life = 1;
	}
	world->hosts[HERE].copy = RUNS;
	world->hosts[HERE].autostart = true;
	world->agents[HERE].now.is = true;
	agent_event(world, HERE, CF_EV_ASKED);
}

const struct cf_both_limits *world_limits(const struct world *world, const struct scene **ret)
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

static bool try(struct world *world, enum kind kind, int on)
{
	return world_happen(world, (struct happening){ .kind = (uint8_t)kind, .on = (uint8_t)on });
}

/* All that goes on by itself, each once; what needs somebody's patience only when nothing else goes on. */
static bool round_of_all(struct world *world)
{
	bool any = false;

	for (int side = HERE; side <= THERE; side++) {
		any |= try(world, NOTE, side);
		any |= try(world, STEP, side);
		any |= try(world, LIBVIRT, side);
	}
	for (int message = 0; message < N_MESSAGES; message++)
		any |= try(world, DELIVER, message);
	any |= try(world, QEMU_STOP, 0) || try(world, QEMU_LOADED, 0) || try(world, QEMU_COMPLETED, 0);
	any |= try(world, TIDY, THERE);
	any |= try(world, RELEARN, HERE) || try(world, RELEARN, THERE);
	return any;
}

/* The source that it waits for has another life by now, or has done with it.  One in doubt asks, whatever life it is in. */
static bool is_forsaken(const struct world *world)
{
	const struct agent *source = &world->agents[HERE];

	if (source->now.is && source->now.phase == CF_PHASE_IN_DOUBT)
		return false;
	return source->life != world->lease_life || !source->now.is || source->now.ended ||
	       source->now.phase == CF_PHASE_ROLLING_BACK || cf_phase_is_end(source->now.phase);
}

static void repair(struct world *world)
{
	for (int side = HERE; side <= THERE; side++) {
		world->agents[side].cannot_write = world->agents[side].cannot_mark = false;
		world->agents[side].not_sent = false;
		try(world, BOOT, side);
		try(world, START, side);
	}
	world->agents[THERE].silent = false;
}

static bool is_over(const struct world *world, int side)
{
	return !world->agents[side].now.is || world->agents[side].now.ended;
}

/* Everything went wrong that was to, and nothing is lost in the network from now on. */
static void go_on(struct world *world)
{
	for (int round = 0; round < ROUNDS_MOST && !world->wrong; round++) {
		bool any = round_of_all(world);

		try(world, TICK, any ? 1 : 4);
		if (any && round % PATIENCE != 0)
			continue;
		if (is_over(world, HERE) && is_over(world, THERE))
			return;
		if (is_forsaken(world))
			try(world, SILENCE, 0);
		for (int side = HERE; side <= THERE; side++)
			try(world, WAIT, side);
	}
}

/*
 * The source lost its ledger, and nobody could tell it anew: what it knew of the guest is gone, and it is no worse than that.
 * Its page knows of a guest that stands, and is not settled, where the destination has a word for it.
 */
static bool is_excused(const struct world *world)
{
	enum cf_decision own = agent_decision(world);
	bool tells = world->agents[THERE].now.is && (own == CF_DECISION_NONE || own == CF_DECISION_COMMIT || own == CF_DECISION_ROLL_BACK);

	if (!world->lost_row[HERE] || world->agents[HERE].now.is)
		return false;
	return !tells || world->hosts[HERE].copy != STANDS || (agent_word(world) == CF_WORD_RAN && own != CF_DECISION_COMMIT);
}

/*
 * The destination lost what it promised, could not promise it, or obeyed and saw no more of the guest.  Or the
 * source told it that all is over, so that it has forgotten, and could not write that down for itself.
 */
static bool cannot_know(const struct world *world)
{
	return world->spoilt_row || world->lost_row[THERE] || world->lost_mark[THERE] || world->spoilt_mark ||
	       world->agents[THERE].mark == OBEYED_MARK;
}

static void check_source(struct world *world)
{
	const struct agent *source = &world->agents[HERE];
	enum copy here = world->hosts[HERE].copy, there = world->hosts[THERE].copy;
	enum cf_word word = world->agents[THERE].now.is ? agent_word(world) : CF_WORD_UNKNOWN;
	bool done = source->now.phase == CF_PHASE_DONE;

	if (!source->now.is) {
		if (here != RUNS)
			wrong(world, "the source knows nothing of it, and its guest does not run", "");
		return;
	}
	if (!source->now.ended) {
		if (source->now.phase != CF_PHASE_IN_DOUBT)
			wrong(world, "it never ends at the source", cf_phase_words[source->now.phase]);
		else if (word != CF_WORD_UNKNOWN)
			wrong(world, "the source stays in doubt where the destination knows", cf_word_words[word]);
		else if (!cannot_know(world))
			wrong(world, "the source stays in doubt where the destination should know", "");
		return;
	}
	if (done && here != NO_COPY)
		wrong(world, "it is done, and the source still has a copy", "");
	if (done && !world->ran_there)
		wrong(world, "it is done, and the guest never ran at the destination", "");
	if (done && there != RUNS && !world->ended_there)
		wrong(world, "it is done, and the guest runs nowhere", "");
	if (!done && here == NO_COPY && world->lost_row[HERE])
		return;		/* it ended with its host, and that it was to start with it was in the ledger that is lost */
	if (!done && here != RUNS)
		wrong(world, "it came to nothing, and the guest does not run at the source", "");
	if (!done && !world->hosts[HERE].autostart)
		wrong(world, "it came to nothing, and the guest does not start with its host any more", "");
}

static void check_destination(struct world *world)
{
	const struct agent *source = &world->agents[HERE], *agent = &world->agents[THERE];

	if (!agent->now.is)
		return;
	if (world->lost_row[THERE])
		return;
	if (agent->now.phase == CF_PHASE_DROPPED && world->hosts[THERE].copy == RUNS)
		wrong(world, "it is dropped at the destination, and the guest runs there", "");
	if (!agent->now.ended)
		wrong(world, "it never ends at the destination", cf_phase_words[agent->now.phase]);
	if (world->hosts[THERE].incoming)
		wrong(world, "an incoming domain is left at the destination", "");
	if (!source->now.ended || world->operated || world->lost_row[HERE] || world->lost_mark[THERE])
		return;
	if ((source->now.phase == CF_PHASE_DONE) != (agent->now.phase == CF_PHASE_DONE))
		wrong(world, "the two receipts differ", cf_phase_words[agent->now.phase]);
}

void world_end(struct world *world)
{
	repair(world);
	go_on(world);
	if (world->wrong)
		return;
	if (!is_excused(world))
		check_source(world);
	check_destination(world);
}

static const char *const kinds[N_KINDS] = {
	[STEP]          = "goes on",
	[NOTE]          = "writes its ledger",
	[WAIT]          = "has waited long enough",
	[DELIVER]       = "arrives",
	[TICK]          = "ms pass",
	[QEMU_STOP]     = "QEMU stops the guest",
	[QEMU_LOADED]   = "the destination's QEMU has all of the guest",
	[QEMU_COMPLETED] = "the source's QEMU knows that it has",
	[LIBVIRT]       = "libvirtd does what it was asked to",
	[TIDY]          = "libvirtd destroys the incoming domain",
	[START]         = "the agent starts",
	[BOOT]          = "the host boots",
	[SILENCE]       = "the destination hears nothing of the source",
	[RELEARN]       = "the agent hears of it anew",
	[ONLY_WARN]     = "both policies only warn of the limit",
	[KILL]          = "the agent is killed",
	[CLOSE_CONN]    = "libvirtd closes the agent's connection",
	[RESTART]       = "libvirtd restarts",
	[POWER]         = "the host loses power",
	[LOSE]          = "is lost",
	[REPEAT]        = "is repeated",
	[SEND_FAILS]    = "no byte of a commit can be sent",
	[FINISH_FAILS]  = "libvirt cannot run the guest",
	[CUT]           = "the watchdog cuts the connection",
	[SPOIL_LEDGER]  = "the ledger cannot be written",
	[MEND_LEDGER]   = "the ledger can be written again",
	[LOSE_ROW]      = "the ledger is damaged",
	[LOSE_MARKS]    = "the marks are damaged",
	[SPOIL_MARKS]   = "no mark can be written",
	[ABORT]         = "the operator aborts it",
	[RESOLVE]       = "the operator looks, and says where it runs",
	[GUEST_ENDS]    = "the guest at the destination powers off",
};

static const char *const messages[N_MESSAGES] = {
	[M_RESERVE] = "reservation", [M_LEASE] = "lease", [M_OFFER] = "offer", [M_PREPARED] = "prepared", [M_RECORD] = "record of STOP",
	[M_COMMIT] = "commit", [M_ASK] = "question", [M_ANSWER] = "answer", [M_CLOSE] = "receipt", [M_ACCEPTED] = "accepted",
	[M_WISH] = "wish to abort",
};

const char *happening_text(struct happening h)
{
	static const int64_t ms[] = { 1, 10, 100, 1000, 10000, 100000 };
	static char text[96];

	switch ((enum kind)h.kind) {
	case DELIVER:
	case LOSE:
	case REPEAT:
		snprintf(text, sizeof(text), "the %s %s", messages[h.on], kinds[h.kind]);
		break;
	case TICK:
		snprintf(text, sizeof(text), "%d %s", (int)ms[h.on], kinds[h.kind]);
		break;
	case QEMU_STOP:
	case QEMU_LOADED:
	case QEMU_COMPLETED:
	case SILENCE:
	case ONLY_WARN:
	case CUT:
	case SEND_FAILS:
	case RESOLVE:
	case GUEST_ENDS:
	case FINISH_FAILS:
		snprintf(text, sizeof(text), "%s", kinds[h.kind]);
		break;
	default:
		snprintf(text, sizeof(text), "%s: %s", h.on == HERE ? "source" : "destination", kinds[h.kind]);
	}
	return text;
}
