/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The life of a migration with a gate, lived over and over through the rules that ship, while
 * agents are killed between any two steps, hosts lose power, ledgers are damaged and messages
 * get lost.  After each happening it is seen from outside whether the guest runs twice, or
 * where it must not; at the end, whether it runs at all and everybody agrees.
 *
 *	sim-life [SECONDS [SEED]]
 *
 * A life that goes wrong is told with all left out that it does not need.  That this finds what
 * there is to be found is tried with rules that have a flaw.
 */

#include "tests/sim-life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base.h"
#include "tests/sim.h"
#include "tests/tap.h"

#define HAPPENINGS_MOST 400
#define SECONDS         3.0	/* unless told otherwise */
#define LIVES_LEAST     20000	/* however slow the machine is: in so many each phase is died in */
#define LIVES_MUTATED   200000	/* within which a flaw has to be found */

struct life {
	struct happening list[HAPPENINGS_MOST];
	size_t n;
};

static const struct rules shipped = {
	.next = cf_phase_next, .recover = cf_recover, .noting = cf_phase_noting, .word = cf_word, .obey = cf_obey_judge,
	.wait_over = cf_wait_over, .may_arm = cf_may_arm, .may_close = cf_may_close, .stand_again = cf_stand_again,
	.abort = cf_phase_abort, .relearn = cf_relearn,
};

static uint64_t lives, happened, began[CF_N_PHASES], killed[2][CF_N_PHASES], ends[CF_N_PHASES], doubts, waited_out;

/* --- one life --- */

/* The others are equally likely; these have to be more so for anything to come about. */
static enum kind any_kind(struct sim *sim, int64_t odds)
{
	static const enum kind often[] = { STEP, STEP, STEP, STEP, NOTE, NOTE, NOTE, DELIVER, DELIVER, DELIVER,
					   LIBVIRT, QEMU_STOP, QEMU_LOADED, QEMU_COMPLETED };

	if (!sim_chance(sim, odds))
		return often[sim_random(sim) % CF_COUNT(often)];
	return sim_random(sim) % N_GOING;
}

/* Some of what can go wrong, a lot or a little of it, early or late, and messages of one kind that take their time. */
struct luck {
	size_t calm;		/* happenings before it begins, so that not all die young */
	int64_t odds;
	enum kind ills[N_KINDS];
	size_t n_ills;
	enum message slow;	/* N_MESSAGES: none */
};

static struct luck any_luck(struct sim *sim)
{
	struct luck luck = { .calm = (size_t)sim_between(sim, 0, 120), .odds = sim_between(sim, 4, 40), .slow = N_MESSAGES };
	int64_t some = sim_between(sim, 1, 4);

	for (int kind = N_GOING; kind < N_KINDS; kind++)
		if (sim_chance(sim, some))
			luck.ills[luck.n_ills++] = (enum kind)kind;
	if (sim_chance(sim, 2))
		luck.slow = sim_random(sim) % N_MESSAGES;
	return luck;
}

static struct happening any_happening(struct sim *sim, const struct luck *luck, int64_t odds)
{
	enum kind kind = luck->n_ills > 0 && sim_chance(sim, odds) ? luck->ills[sim_random(sim) % luck->n_ills]
								  : any_kind(sim, odds);
	unsigned on = (unsigned)(sim_random(sim) & 1);

	if (kind == DELIVER || kind == LOSE || kind == REPEAT)
		on = (unsigned)(sim_random(sim) % N_MESSAGES);
	if (kind == DELIVER && on == luck->slow && !sim_chance(sim, 16))
		kind = REPEAT, on = luck->slow;
	if (kind == TICK)
		on = sim_chance(sim, 4) ? (unsigned)(sim_random(sim) % 6) : 0;
	return (struct happening){ .kind = (uint8_t)kind, .on = (uint8_t)on };
}

/* What of it was reached, for the count. */
static void tally(const struct world *world, struct happening h)
{
	for (int side = HERE; side <= THERE; side++)
		began[world->agents[side].now.phase]++;
	if (h.kind == KILL || h.kind == POWER)
		killed[h.on][world->agents[h.on].now.phase]++;
	happened++;
}

static void tally_end(const struct world *world)
{
	for (int side = HERE; side <= THERE; side++)
		ends[world->agents[side].now.phase]++;
	doubts += world->agents[HERE].now.phase == CF_PHASE_IN_DOUBT;
	waited_out += world->waited_out;
}

/* Live it at random and remember what happened. */
static bool live(struct world *world, const struct rules *rules, uint64_t seed, struct life *life)
{
	struct sim sim = { .random = seed };
	struct luck luck = any_luck(&sim);
	int tries = (int)sim_between(&sim, 20, 1500);

	world_begin(world, rules);
	life->n = 0;
	if (sim_chance(&sim, 4) && world_happen(world, (struct happening){ .kind = ONLY_WARN }))
		life->list[life->n++] = (struct happening){ .kind = ONLY_WARN };
	while (tries-- > 0 && life->n < HAPPENINGS_MOST && !world->wrong) {
		struct happening h = any_happening(&sim, &luck, life->n < luck.calm ? 4000 : luck.odds);

		if (!world_happen(world, h))
			continue;
		life->list[life->n++] = h;
		tally(world, h);
	}
	if (!world->wrong)
		world_end(world);
	lives++;
	tally_end(world);
	return !world->wrong;
}

/* --- a life that went wrong --- */

static bool again(struct world *world, const struct rules *rules, const struct life *life)
{
	world_begin(world, rules);
	for (size_t i = 0; i < life->n && !world->wrong; i++)
		world_happen(world, life->list[i]);
	if (!world->wrong)
		world_end(world);
	return !world->wrong;
}

/* Leave out what it goes wrong without, many at once and then one by one, until nothing can be. */
static void shrink(const struct rules *rules, struct life *life, const char *what)
{
	static struct life less;
	static struct world world;

	for (size_t n = life->n; n > 0;) {
		bool any = false;

		for (size_t from = 0; from < life->n;) {
			size_t cut = n < life->n - from ? n : life->n - from;

			less = *life;
			memmove(less.list + from, less.list + from + cut, (less.n - from - cut) * sizeof(less.list[0]));
			less.n -= cut;
			if (!again(&world, rules, &less) && strcmp(world.wrong, what) == 0) {
				*life = less;
				any = true;
			} else {
				from += cut;
			}
		}
		if (!any || n > 1)
			n /= 2;
	}
}

static const char *copy_text(const struct host *host)
{
	return host->copy == RUNS ? "runs" : host->copy == STANDS ? "stands" : "-";
}

/* What anybody would do next is told only where something comes of it. */
static bool is_worth_a_line(const struct world *before, const struct world *after, struct happening h)
{
	bool ordinary = h.kind == STEP || h.kind == NOTE || h.kind == DELIVER;
	bool differs = false;

	for (int side = HERE; side <= THERE; side++)
		differs |= before->agents[side].now.phase != after->agents[side].now.phase ||
			   before->hosts[side].copy != after->hosts[side].copy;
	return !ordinary || differs || after->wrong;
}

static void tell_line(const struct world *world, const char *what)
{
	const struct agent *here = &world->agents[HERE], *there = &world->agents[THERE];

	printf("#   %-48s %-13s %-6s | %-10s %s\n", what, here->up ? cf_phase_words[here->now.phase] : "(down)",
	       copy_text(&world->hosts[HERE]), there->up ? cf_phase_words[there->now.phase] : "(down)",
	       copy_text(&world->hosts[THERE]));
}

static void tell(const struct rules *rules, const struct life *life)
{
	static struct world world, before;

	world_begin(&world, rules);
	for (size_t i = 0; i < life->n && !world.wrong; i++) {
		before = world;
		if (world_happen(&world, life->list[i]) && is_worth_a_line(&before, &world, life->list[i]))
			tell_line(&world, happening_text(life->list[i]));
	}
	if (!world.wrong) {
		world_end(&world);
		tell_line(&world, "all is repaired, and goes on");
	}
	printf("#   %s%s%s\n", world.wrong ? world.wrong : "nothing is wrong", world.wrong && *world.detail ? ": " : "",
	       world.detail);
}

/* --- rules with a flaw --- */

/* What the sketch of this program did: a peer that is not heard of is taken for one that did nothing. */
static const struct cf_edge *lost_peer(enum cf_side side, enum cf_phase from, enum cf_event on)
{
	if (side == CF_SOURCE && from == CF_PHASE_COMMITTING && on == CF_EV_FAILED)
		on = CF_EV_NEVER_RAN;
	return cf_phase_next(side, from, on);
}

static struct cf_again lost_page(enum cf_side side, enum cf_phase phase, bool has_gate, enum cf_decision decision)
{
	return cf_recover(side, phase, has_gate, decision == CF_DECISION_LOST ? CF_DECISION_NONE : decision);
}

static struct cf_again lost_decision(enum cf_side side, enum cf_phase phase, bool has_gate, enum cf_decision decision)
{
	(void)decision;
	return cf_recover(side, phase, has_gate, CF_DECISION_NONE);
}

static enum cf_noting armed_beside(enum cf_side side, enum cf_phase phase, bool has_gate)
{
	return phase == CF_PHASE_ARMED ? CF_NOTE_BESIDE : cf_phase_noting(side, phase, has_gate);
}

static enum cf_word any_drop(enum cf_phase phase, bool resumed, enum cf_mark mark)
{
	enum cf_word word = cf_word(phase, resumed, mark);

	return word == CF_WORD_UNKNOWN && cf_phase_is_end(phase) ? CF_WORD_NEVER_RAN : word;
}

/* It does not run, and nobody has said yet that it may: as if nobody could any more. */
static enum cf_word waits_is_never(enum cf_phase phase, bool resumed, enum cf_mark mark)
{
	enum cf_word word = cf_word(phase, resumed, mark);

	return word == CF_WORD_WAITING ? CF_WORD_NEVER_RAN : word;
}

static bool always(enum cf_mark mark, enum cf_decision told)
{
	(void)mark, (void)told;
	return true;
}

/* Its own connection ended: as if that said what has become of the domain. */
static enum cf_event all_gone(enum cf_mark mark, enum cf_here here)
{
	(void)mark;
	(void)here;
	return CF_EV_GONE;
}

static enum cf_event mark_alone(enum cf_mark mark, enum cf_here here)
{
	(void)here;
	return mark == CF_MARK_OBEYED ? CF_EV_COMMITTED : CF_EV_GONE;
}

static enum cf_obey never_late(const struct cf_obey_evidence *evidence, const struct cf_both_limits *limits)
{
	enum cf_obey obey = cf_obey_judge(evidence, limits);

	return obey == CF_OBEY_LATE ? CF_OBEY : obey;
}

static bool for_ever(const struct cf_wait_evidence *evidence, const struct cf_both_limits *limits)
{
	(void)evidence, (void)limits;
	return false;
}

static bool by_limit_alone(const struct cf_wait_evidence *evidence, const struct cf_both_limits *limits)
{
	return cf_blackout_enforced(limits) && cf_wait_over(evidence, limits);
}

static bool by_record_alone(const struct cf_wait_evidence *evidence, const struct cf_both_limits *limits)
{
	struct cf_wait_evidence known = *evidence;

	known.loaded &= known.has_stop;
	return cf_wait_over(&known, limits);
}

static const struct cf_edge *no_doubt(enum cf_side side, enum cf_phase from, enum cf_event on)
{
	return on == CF_EV_DOUBT ? NULL : cf_phase_next(side, from, on);
}

static const struct cf_edge *impatient(enum cf_side side, enum cf_phase from, enum cf_event on)
{
	return cf_phase_next(side, from, from == CF_PHASE_ROLLING_BACK && on == CF_EV_FAILED ? CF_EV_KEPT : on);
}

/* As if an abort at the destination could take back what was obeyed. */
static enum cf_abort ever(enum cf_side side, enum cf_phase phase, bool has_gate, bool hears)
{
	return phase == CF_PHASE_OBEYED ? CF_ABORT_HERE : cf_phase_abort(side, phase, has_gate, hears);
}

static const struct cf_edge *obeyed_is_armed(enum cf_side side, enum cf_phase from, enum cf_event on)
{
	return cf_phase_next(side, from == CF_PHASE_OBEYED && on == CF_EV_ABORT ? CF_PHASE_ARMED : from, on);
}

/* A source that learns of it anew thinks that no commit was sent, as it has noted none. */
static enum cf_phase not_sent(const struct cf_left *left)
{
	enum cf_phase phase = cf_relearn(left);

	return phase == CF_PHASE_IN_DOUBT && !left->ended ? CF_PHASE_ROLLING_BACK : phase;
}

/* One that has ended at the destination needs nobody's page to be taken back. */
static enum cf_phase ended_well(const struct cf_left *left)
{
	bool stands = left->side == CF_SOURCE && left->ended && left->here == CF_HERE_MOVING;

	return stands ? CF_PHASE_ROLLING_BACK : cf_relearn(left);
}

/* A destination that learns of it anew thinks that it has landed, wherever its domain is. */
static enum cf_phase has_landed(const struct cf_left *left)
{
	return left->side == CF_DESTINATION ? CF_PHASE_RUNNING : cf_relearn(left);
}

/* A source learns of what is open there, and of nothing that has ended. */
static enum cf_phase open_alone(const struct cf_left *left)
{
	return left->side == CF_SOURCE && left->ended ? CF_PHASE_UNKNOWN : cf_relearn(left);
}

static const struct {
	const char *sentence;
	struct rules flaw;	/* what is not set is as it ships */
} flaws[] = {
	{ "a lost peer is taken for one that never ran it", { .next = lost_peer } },
	{ "a lost page is taken for one without a commit", { .recover = lost_page } },
	{ "a decision that was noted is not looked at", { .recover = lost_decision } },
	{ "the ledger is not waited for before the copy may converge", { .noting = armed_beside } },
	{ "whatever came to its end is sworn never to have run", { .word = any_drop } },
	{ "never-ran is sworn of what waits for a commit still", { .word = waits_is_never } },
	{ "a late commit is obeyed", { .obey = never_late } },
	{ "... or libvirt told of it late", { .tells_late = true } },
	{ "an abort at the destination ends what was obeyed", { .abort = ever, .next = obeyed_is_armed } },
	{ "a source that lost its ledger and hears of it anew takes its guest back", { .relearn = not_sent } },
	{ "... of one that has ended there, whatever its page says", { .relearn = ended_well } },
	{ "... nothing of one that has ended there", { .relearn = open_alone } },
	{ "a destination that lost its ledger and hears of it anew says that it ran", { .relearn = has_landed } },
	{ "there is no way into doubt", { .next = no_doubt } },
	{ "a guest that could not be taken back is taken for one that was", { .next = impatient } },
	{ "the source leaves the guest's autostart as it is", { .keeps_autostart = true } },
	{ "a destination that comes back does not look at what it promised", { .stand_again = all_gone } },
	{ "... nor at what runs there", { .stand_again = mark_alone } },
	{ "never-ran is promised over a promise that was lost", { .may_close = always } },
	{ "the destination does not note that it tells libvirt to let the guest run", { .tells_unnoted = true } },
	{ "a destination forgets its promise before the source has ended", { .forgets_early = true } },
	{ "a destination waits for a commit that was lost, and the source only asks", { .only_asks = true, .wait_over = for_ever } },
	{ "... where the limit is only warned of", { .only_asks = true, .wait_over = by_limit_alone } },
	{ "... where the record of STOP was lost as well", { .only_asks = true, .wait_over = by_record_alone } },
	{ "a guest that ended with its host stays off though its migration came to nothing", { .never_starts = true } },
	{ "a destination that knows nothing is taken for one that never ran it", { .absent_is_never = true } },
};

static void try_flaw(const char *sentence, const struct rules *flaw, uint64_t seed)
{
	static struct world world;
	static struct life life;
	struct rules rules = *flaw;
	size_t before;
	int n = 0;

	rules.next = flaw->next ? flaw->next : shipped.next;
	rules.recover = flaw->recover ? flaw->recover : shipped.recover;
	rules.noting = flaw->noting ? flaw->noting : shipped.noting;
	rules.word = flaw->word ? flaw->word : shipped.word;
	rules.obey = flaw->obey ? flaw->obey : shipped.obey;
	rules.wait_over = flaw->wait_over ? flaw->wait_over : shipped.wait_over;
	rules.relearn = flaw->relearn ? flaw->relearn : shipped.relearn;
	rules.abort = flaw->abort ? flaw->abort : shipped.abort;
	rules.may_arm = flaw->may_arm ? flaw->may_arm : shipped.may_arm;
	rules.may_close = flaw->may_close ? flaw->may_close : shipped.may_close;
	rules.stand_again = flaw->stand_again ? flaw->stand_again : shipped.stand_again;
	while (n < LIVES_MUTATED && live(&world, &rules, seed + (uint64_t)n, &life))
		n++;
	ok(world.wrong, "found: %s", sentence);
	if (!world.wrong)
		return;
	before = life.n;
	shrink(&rules, &life, world.wrong);
	printf("# after %d lives; %zu happenings, of which it needs %zu:\n", n + 1, before, life.n);
	tell(&rules, &life);
	ok(life.n < before || before < 60, "... and told in fewer words");
}

/* --- the rules that ship --- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void try_shipped(uint64_t seed, double patience)
{
	static struct world world;
	static struct life life;
	double until = seconds() + patience;
	uint64_t n = 0;
	bool good = true;

	lives = happened = doubts = waited_out = 0;
	while (good && (n < LIVES_LEAST || n % 256 != 0 || seconds() < until))
		good = live(&world, &shipped, seed + n++, &life);
	printf("# %llu lives, %llu happenings; %llu in doubt to the end\n", (unsigned long long)lives,
	       (unsigned long long)happened, (unsigned long long)doubts);
	ok(good, "nothing goes wrong in any of them, the last one's seed being %llu", (unsigned long long)(seed + n - 1));
	if (!good) {
		shrink(&shipped, &life, world.wrong);
		tell(&shipped, &life);
	}
}

/* A simulation that never gets anywhere finds nothing. */
static void try_reached(void)
{
	static const enum cf_phase ended[] = { CF_PHASE_DONE, CF_PHASE_ABORTED, CF_PHASE_DROPPED, CF_PHASE_IN_DOUBT };

	for (int phase = CF_PHASE_QUEUED; phase < CF_N_PHASES; phase++) {
		bool here = cf_phase_next(CF_SOURCE, phase, CF_EV_FAILED) || phase == CF_PHASE_LOADED;

		if (phase == CF_PHASE_QUEUED || phase == CF_PHASE_REFUSED)
			continue;	/* left at once, never entered */
		ok(began[phase] > 0, "%s is lived: %llu times looked at", cf_phase_words[phase], (unsigned long long)began[phase]);
		ok(!here || phase == CF_PHASE_PREPARED || killed[HERE][phase] + killed[THERE][phase] > 0,
		   "... and an agent dies in it, %llu times", (unsigned long long)(killed[HERE][phase] + killed[THERE][phase]));
	}
	for (size_t i = 0; i < CF_COUNT(ended); i++)
		ok(ends[ended[i]] > 0, "some end %s", cf_phase_words[ended[i]]);
	ok(waited_out > 0, "some destinations wait for a commit for as long as they may, %llu of them", (unsigned long long)waited_out);
}

int main(int argc, char **argv)
{
	double patience = argc > 1 ? strtod(argv[1], NULL) : SECONDS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : UINT64_C(20261128);

	try_shipped(seed, patience);
	try_reached();
	for (size_t i = 0; i < CF_COUNT(flaws); i++)
		try_flaw(flaws[i].sentence, &flaws[i].flaw, seed);
	return done();
}
