/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue's laws, first over many queues at random, then over whole lives: guests
 * that leave through a queue for destinations which take only so many at once.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "policy/queue.h"
#include "tests/tap.h"

#define GUESTS       400
#define DESTINATIONS 4
#define ROUNDS       20000

static uint64_t seed = 1;

static int64_t between(int64_t low, int64_t high)
{
	uint64_t z = seed += UINT64_C(0x9E3779B97F4A7C15);	/* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	z ^= z >> 31;
	return low + (int64_t)(z % (uint64_t)(high - low + 1));
}

static const char *const names[DESTINATIONS] = { "hA", "hB", "hC", "hB2" };

/* --- one decision --- */

static bool earlier(const struct cf_queued *a, const struct cf_queued *b)
{
	return a->priority > b->priority || (a->priority == b->priority && a->ticket < b->ticket);
}

/* Is there a reason to pass it over: somebody held on the way to the same destination, itself or before it? */
static bool excused(const struct cf_queued *q, size_t n, size_t which)
{
	for (size_t i = 0; i < n; i++)
		if (q[i].held && !strcmp(q[i].destination, q[which].destination) &&
		    (i == which || earlier(&q[i], &q[which])))
			return true;
	return false;
}

static size_t make_up(struct cf_queued *q)
{
	size_t n = (size_t)between(0, 12);

	for (size_t i = 0; i < n; i++)
		q[i] = (struct cf_queued){ between(-2, 2), 0, names[between(0, DESTINATIONS - 1)], between(0, 3) == 0 };
	for (size_t i = 0; i < n; i++) {	/* tickets in any order, none twice */
		size_t other = (size_t)between(0, (int64_t)i);

		q[i].ticket = q[other].ticket;
		q[other].ticket = (int64_t)i + 1;
	}
	return n;
}

static void one_decision(bool good[4])
{
	struct cf_queue_limits limits = { between(0, 4), between(0, 4) };
	size_t leaving = (size_t)between(0, 5), waiting = (size_t)between(0, 5), next;
	struct cf_queued q[12];
	size_t n = make_up(q);
	bool seen[12] = { 0 };

	next = cf_queue_next(q, n, leaving, &limits);
	good[0] &= next <= n && (next == n || (int64_t)leaving < limits.outgoing);
	good[1] &= next == n || !excused(q, n, next);
	for (size_t i = 0; i < n && (int64_t)leaving < limits.outgoing; i++)
		if (next == n || earlier(&q[i], &q[next]))
			good[2] &= excused(q, n, i);
	for (size_t i = 0; i < n; i++) {
		size_t ahead = cf_queue_ahead(q, n, i);

		good[3] &= ahead < n && !seen[ahead];
		seen[ahead] = true;
		for (size_t k = 0; k < n; k++)
			good[3] &= !earlier(&q[i], &q[k]) || ahead < cf_queue_ahead(q, n, k);
	}

	good[3] &= cf_queue_admits(waiting, leaving, &limits) ==
		   ((int64_t)waiting < limits.queued || (waiting == 0 && (int64_t)leaving < limits.outgoing));
}

static void decisions(void)
{
	bool good[4] = { true, true, true, true };

	for (int i = 0; i < ROUNDS; i++)
		one_decision(good);
	ok(good[0], "none goes beyond the limit");
	ok(good[1], "nor to a destination that is held for it");
	ok(good[2], "whoever is passed over is held, or behind one that is and goes there too");
	ok(good[3], "each has one place in the line, the earlier the lower");
}

/* --- whole lives --- */

enum state { ABSENT, WAITING, ASKING, LEAVING, GONE };

struct guest {
	enum state state;
	struct cf_queued queued;
	int to;
	int64_t again;		/* when its destination may be asked again */
	int64_t until;		/* when the copy, or the question, is over */
	int busy;		/* how often it was told so */
};

static struct guest guests[GUESTS];
static int64_t now;
static int room[DESTINATIONS];		/* how many each takes at once, from all hosts */
static int strangers[DESTINATIONS];	/* of those, other hosts' */

static size_t count(enum state state, int to)
{
	size_t n = 0;

	for (size_t i = 0; i < GUESTS; i++)
		n += guests[i].state == state && (to < 0 || guests[i].to == to);
	return n;
}

static size_t queue(struct cf_queued *ret, size_t *who)
{
	size_t n = 0;

	for (size_t i = 0; i < GUESTS; i++) {
		if (guests[i].state != WAITING)
			continue;
		ret[n] = guests[i].queued;
		ret[n].held = guests[i].again > now || count(ASKING, guests[i].to) > 0;
		who[n++] = i;
	}
	return n;
}

/* Does anybody of the same priority wait for the same destination, and came before? */
static bool overtakes(const struct guest *g)
{
	for (size_t i = 0; i < GUESTS; i++)
		if (guests[i].state == WAITING && guests[i].to == g->to &&
		    guests[i].queued.priority == g->queued.priority && guests[i].queued.ticket < g->queued.ticket)
			return true;
	return false;
}

static bool ordered;

static void answer(struct guest *g)
{
	if ((int)count(LEAVING, g->to) + strangers[g->to] >= room[g->to]) {
		g->state = WAITING;
		g->again = now + 1 + (1 << (g->busy < 3 ? g->busy : 3));
		g->busy++;
		return;
	}
	ordered &= !overtakes(g);
	g->state = LEAVING;
	g->until = now + between(1, 30);
}

static void pass_time(void)
{
	now++;
	for (int d = 0; d < DESTINATIONS; d++)
		strangers[d] = room[d] > 1 ? (int)between(0, room[d] - 1) : 0;
	for (size_t i = 0; i < GUESTS; i++) {
		struct guest *g = &guests[i];

		if (g->state == ASKING && now >= g->until)
			answer(g);
		else if (g->state == LEAVING && now >= g->until)
			g->state = GONE;
	}
}

static void lives(const struct cf_queue_limits *limits)
{
	size_t arrived = 0, most = 0, who[GUESTS], n;
	struct cf_queued line[GUESTS];

	memset(guests, 0, sizeof(guests));
	ordered = true;
	for (now = 0; count(GONE, -1) < GUESTS && now < 100 * GUESTS; pass_time()) {
		while (arrived < GUESTS && cf_queue_admits(count(WAITING, -1), count(ASKING, -1) + count(LEAVING, -1), limits) &&
		       between(0, 2)) {
			int to = (int)between(0, DESTINATIONS - 1);

			guests[arrived] = (struct guest){ .state = WAITING, .to = to,
				.queued = { between(-1, 1), (int64_t)arrived, names[to], false } };
			arrived++;
		}
		for (;;) {
			size_t leaving = count(ASKING, -1) + count(LEAVING, -1), next;

			n = queue(line, who);
			next = cf_queue_next(line, n, leaving, limits);
			if (next == n)
				break;
			guests[who[next]].state = ASKING;
			guests[who[next]].until = now + between(1, 3);
			most = leaving + 1 > most ? leaving + 1 : most;
		}
	}

	ok(count(GONE, -1) == GUESTS, "outgoing %d, queued %d: all %d guests have left in the end", (int)limits->outgoing,
	   (int)limits->queued, GUESTS);
	ok((int64_t)most == limits->outgoing, "... never more than %d at once, and at times so many", (int)limits->outgoing);
	ok(ordered, "... of one priority in the order they came, to each destination");
}

int main(void)
{
	decisions();
	for (int i = 0; i < 6; i++) {
		for (int d = 0; d < DESTINATIONS; d++)
			room[d] = (int)between(1, 3);
		lives(&(struct cf_queue_limits){ 1 + i % 3, i < 3 ? 100 : 5 });
	}

	ok(cf_queue_next(NULL, 0, 0, &(struct cf_queue_limits){ 2, 100 }) == 0, "from an empty queue nobody goes");
	ok(cf_queue_admits(0, 1, &(struct cf_queue_limits){ 2, 0 }) && !cf_queue_admits(0, 2, &(struct cf_queue_limits){ 2, 0 }),
	   "without a queue one goes if there is room, and is told so if there is none");
	return done();
}
