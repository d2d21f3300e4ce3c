/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/watch.h"

#include "policy/words.h"
#include "proto/text.h"

#define HEARTBEAT_LEAST ((cf_span){ 100 * CF_MS })
#define IN_VAIN         2	/* passes: a long one has not failed before it is over, and one is no rule */

cf_span cf_way_back(int64_t left)
{
	const cf_span walk = { left > 0 ? left / CF_WALK_BYTES_PER_US * CF_US : 0 };

	return cf_span_add(CF_WAY_BACK_USUAL, walk);
}

int64_t cf_left_at_stop(int64_t left, int64_t bytes_per_second, cf_span max_downtime)
{
	double sends = (double)bytes_per_second * (double)max_downtime.ns / (double)CF_S;

	return bytes_per_second > 0 && sends < (double)left ? (int64_t)sends : left;
}

cf_mono cf_blackout_deadline(struct cf_instant stop, cf_span slack, cf_span limit, cf_span way_back)
{
	cf_span hidden = cf_span_add(slack, (cf_span){ stop.width.ns / 2 });
	cf_span left = cf_span_sub(cf_span_sub(limit, way_back), hidden);

	return cf_mono_add(stop.raw, cf_span_max(left, (cf_span){ 0 }));
}

cf_span cf_heartbeat(cf_span set, cf_span limit)
{
	return set.ns > 0 ? set : cf_span_max((cf_span){ limit.ns / 4 }, HEARTBEAT_LEAST);
}

enum cf_watch cf_watch(const struct cf_watched *watched)
{
	if (watched->undone)
		return CF_WATCH_BACK;
	if (watched->completed)
		return CF_WATCH_LOADED;
	if (watched->switchover)
		return watched->held ? CF_WATCH_HELD : CF_WATCH_LEAVES;
	if (watched->paused)
		return CF_WATCH_PAUSED;
	return watched->stopped ? CF_WATCH_STANDS : CF_WATCH_RUNS;
}

static bool lasts(cf_mono since, cf_mono now, cf_span limit)
{
	return cf_span_cmp(cf_mono_since(now, since), limit) > 0;
}

static void say(char why[static CF_DETAIL_ROOM], const char *what, cf_span limit)
{
	char span[CF_SPAN_TEXT_ROOM];

	words_set(why, CF_DETAIL_ROOM, what);
	words_add(why, CF_DETAIL_ROOM, cf_span_text(limit, span));
}

/*
 * A pass is over: had it less to send than any before, by more than what is chance?
 * The first is no measure, it has all of the memory.
 */
static void note_pass(struct cf_copy *copy, cf_mono now)
{
	bool less = !copy->has_least || copy->most < copy->least - copy->least / 32;

	if (copy->pass < 2)
		return;
	copy->in_vain++;
	if (!less)
		return;
	copy->in_vain = 0;
	copy->has_least = true;
	copy->least = copy->most;
	copy->least_at = now;
}

static void note(struct cf_copy *copy, const struct cf_copy_look *look, cf_mono now)
{
	if (!copy->begun || look->sent > copy->sent)
		copy->sent_at = now;
	if (copy->begun && look->pass > copy->pass) {
		note_pass(copy, now);
		copy->most = 0;
	}
	if (!copy->begun || look->throttle_percent > copy->throttle_percent || look->held_back)
		copy->least_at = now;
	copy->begun = true;
	copy->sent = look->sent;
	copy->pass = look->pass;
	if (look->throttle_percent > copy->throttle_percent)
		copy->throttle_percent = look->throttle_percent;
	if (copy->most == 0 || look->left > copy->most) {
		copy->most = look->left;
		copy->most_at = now;
	}
}

bool cf_copy_nears_end(const struct cf_copy *copy, const struct cf_copy_look *look, cf_mono now)
{
	double gone = (double)(copy->most - look->left), took = (double)cf_mono_since(now, copy->most_at).ns;

	return look->pass > 0 && copy->most > 0 &&
	       (look->left <= copy->most / 4 || (gone > 0 && (double)look->left * took <= gone * (double)CF_COPY_NEAR.ns));
}

enum cf_copying cf_copy_look(struct cf_copy *copy, const struct cf_copy_rules *rules, const struct cf_copy_look *look,
			     cf_mono now, char why[static CF_DETAIL_ROOM])
{
	note(copy, look, now);
	*why = '\0';
	if (lasts(copy->sent_at, now, rules->no_progress)) {
		say(why, "nothing was sent for longer than ", rules->no_progress);
		return CF_COPYING_STUCK;
	}
	if (copy->in_vain >= IN_VAIN && lasts(copy->least_at, now, rules->converge)) {
		say(why, look->throttle_percent > 0 ? "slowed down as it is, the guest writes faster than can be sent, for longer than "
						    : "the guest writes faster than can be sent, for longer than ",
		    rules->converge);
		return CF_COPYING_DIVERGES;
	}
	return look->throttle_percent > 0 ? CF_COPYING_SLOWED : CF_COPYING_ON;
}
