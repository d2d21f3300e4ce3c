/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ledger was lost, and the other host's agent has a migration: as what it is taken up is walked whole.  It never says, or
 * does, more than is certain.
 */

#include "policy/recover.h"
#include "tests/tap.h"

/* What the page has of it, and nothing has come of. */
static bool is_open(enum cf_decision own)
{
	return own != CF_DECISION_KEPT && own != CF_DECISION_LEFT && own != CF_DECISION_LOST;
}

/* However it stands: an agent can go on from there, and what it does first harms nobody. */
static void try_any(const struct cf_left *left, enum cf_phase as)
{
	struct cf_again again = cf_recover(left->side, as, left->has_gate, CF_DECISION_LOST);

	ok(again.event == CF_N_EVENTS && cf_phase_next(left->side, as, CF_EV_FAILED), "%s %s, %s there: %s is where an agent goes on",
	   cf_side_words[left->side], left->ended ? "ended" : "open", cf_phase_words[left->theirs], cf_phase_words[as]);
	ok(left->here != CF_HERE_UNKNOWN, "... and libvirt has said how its domain stands");
	ok(left->has_gate || left->here != CF_HERE_ABSENT, "... and where it is not here the destination has said that it was there");
}

static void try_destination(const struct cf_left *left, enum cf_phase as)
{
	ok(!left->ended && left->here == CF_HERE_RUNNING && left->theirs >= CF_PHASE_PAUSED, "... at the destination what runs is, and may have come");
	ok(as == CF_PHASE_RUNNING && cf_word(as, false, CF_MARK_LOST) == CF_WORD_RAN, "... and that it ran is said");
}

static void try_open(const struct cf_left *left, enum cf_phase as)
{
	bool landed = as == CF_PHASE_LANDED || as == CF_PHASE_CORRECTING;
	bool unsent = cf_recover(CF_SOURCE, CF_PHASE_ARMED, left->has_gate, left->own).event == CF_EV_NEVER_RAN;

	if (!landed) {
		ok(left->here == CF_HERE_MOVING || (left->here == CF_HERE_RUNNING && !left->has_job && unsent && is_open(left->own)),
		   "... where its guest is in the hands of a migration, or runs on and was in those of the page's");
		ok((as == CF_PHASE_ROLLING_BACK) == (unsent && left->word != CF_WORD_RAN),
		   "... it is taken back where a ledger that had it as armed would have that, and it did not run there");
		ok(as == CF_PHASE_ROLLING_BACK || as == (left->has_gate ? CF_PHASE_IN_DOUBT : CF_PHASE_PAUSED), "... and else nothing is done but to ask");
		return;
	}
	ok(left->here == CF_HERE_ABSENT && left->word == CF_WORD_RAN, "... it has landed where it is gone from here, and ran there");
	ok(as == CF_PHASE_CORRECTING || left->own == CF_DECISION_COMMIT, "... and nothing of it is removed here but by the page's leave");
}

static void try_ended(const struct cf_left *left, enum cf_phase as)
{
	ok((as == CF_PHASE_IN_DOUBT) == (left->own == CF_DECISION_COMMIT), "decision %d, here %d, word %d: it is in doubt where a commit may have been sent",
	   left->own, left->here, left->word);
	ok(as == CF_PHASE_IN_DOUBT || as == CF_PHASE_ROLLING_BACK, "... and else taken back");
	ok(is_open(left->own), "... it is the one that the page has: of an older one nothing is concluded");
	ok(!left->has_job, "... nobody has a job on the domain");
	ok(left->here != CF_HERE_RUNNING || left->word == CF_WORD_NEVER_RAN || (left->word == CF_WORD_UNKNOWN && as == CF_PHASE_ROLLING_BACK),
	   "... one that runs here never ran there, by its word or as no commit was sent: nothing is taken from it");
	ok(left->word != CF_WORD_RAN || left->own == CF_DECISION_COMMIT, "... one that ran there was let go by a commit of ours");
	ok(left->here == CF_HERE_MOVING || left->word != CF_WORD_UNKNOWN || as == CF_PHASE_ROLLING_BACK,
	   "... nobody is asked about a guest that does not stand here");
}

/* What stands still, is ours to end and has a word said of it is not left to itself. */
static void try_left(const struct cf_left *left)
{
	bool ours = left->side == CF_SOURCE && left->has_gate && left->ended && is_open(left->own) && !left->has_job;
	bool contradicts = left->word == CF_WORD_RAN && left->own != CF_DECISION_COMMIT;

	if (ours && left->here == CF_HERE_RUNNING && left->own != CF_DECISION_COMMIT)
		ok(contradicts || left->word == CF_WORD_WAITING, "decision %d, word %d: what runs here, and was to leave, is left for a reason",
		   left->own, left->word);
	if (ours && left->here == CF_HERE_MOVING)
		ok(contradicts || left->word == CF_WORD_WAITING, "decision %d, word %d: what stands here, and ended there, is left for a reason",
		   left->own, left->word);
	if (left->side == CF_SOURCE && !left->ended)
		ok(left->here != CF_HERE_MOVING, "what stands here, and is open there, is not left");
}

static void try_one(const struct cf_left *left)
{
	enum cf_phase as = cf_relearn(left);

	if (as == CF_PHASE_UNKNOWN) {
		try_left(left);
		return;
	}
	try_any(left, as);
	if (left->side == CF_DESTINATION)
		try_destination(left, as);
	else if (left->ended)
		try_ended(left, as);
	else
		try_open(left, as);
}

/* All there is of a source; what it was at the destination, beside whether it has ended, is that one's word. */
static void try_source(void)
{
	for (int at = 0; at < 8 * CF_N_HERES * CF_N_WORDS * CF_N_DECISIONS; at++)
		try_one(&(struct cf_left){
			.side = CF_SOURCE,
			.has_gate = at & 1,
			.theirs = at & 2 ? CF_PHASE_DROPPED : CF_PHASE_VERIFYING,
			.ended = at & 2,
			.word = at / 8 / CF_N_HERES % CF_N_WORDS,
			.own = at / 8 / CF_N_HERES / CF_N_WORDS,
			.here = at / 8 % CF_N_HERES,
			.has_job = at & 4,
		});
}

static void try_all_destinations(void)
{
	for (int theirs = CF_PHASE_UNKNOWN + 1; theirs < CF_N_PHASES; theirs++)
		for (int at = 0; at < 4 * CF_N_HERES; at++)
			try_one(&(struct cf_left){
				.side = CF_DESTINATION, .has_gate = at & 1, .theirs = theirs, .ended = at & 2,
				.own = CF_DECISION_LOST, .here = at / 4,
			});
}

static const struct {
	const char *what;
	struct cf_left left;
	enum cf_phase as;
} cases[] = {
#define SOURCE(page, ...) { .side = CF_SOURCE, .own = CF_DECISION_##page, __VA_ARGS__ }
#define DESTINATION(...) { .side = CF_DESTINATION, .has_gate = true, .own = CF_DECISION_LOST, __VA_ARGS__ }
	{ "a guest that was left standing is in doubt", SOURCE(LOST, .has_gate = true, .here = CF_HERE_MOVING, .theirs = CF_PHASE_DROPPED), CF_PHASE_IN_DOUBT },
	{ "... as is one for which a commit may have been sent", SOURCE(COMMIT, .has_gate = true, .here = CF_HERE_MOVING, .theirs = CF_PHASE_LOADED,
								       .word = CF_WORD_WAITING), CF_PHASE_IN_DOUBT },
	{ "one for which none was is taken back", SOURCE(NONE, .has_gate = true, .here = CF_HERE_MOVING, .theirs = CF_PHASE_ARMED,
							 .word = CF_WORD_WAITING), CF_PHASE_ROLLING_BACK },
	{ "... unless it ran there all the same", SOURCE(NONE, .has_gate = true, .here = CF_HERE_MOVING, .theirs = CF_PHASE_VERIFYING,
							 .word = CF_WORD_RAN), CF_PHASE_IN_DOUBT },
	{ "... also where it runs on, to start with its host again", SOURCE(NONE, .has_gate = true, .here = CF_HERE_RUNNING, .theirs = CF_PHASE_ARMED,
									    .word = CF_WORD_WAITING), CF_PHASE_ROLLING_BACK },
	{ "without a gate it is asked about", SOURCE(LOST, .here = CF_HERE_MOVING, .theirs = CF_PHASE_PREPARED), CF_PHASE_PAUSED },
	{ "one that runs needs nobody", SOURCE(LOST, .has_gate = true, .here = CF_HERE_RUNNING, .theirs = CF_PHASE_DROPPED), CF_PHASE_UNKNOWN },
	{ "one that is gone, and has landed, is followed to its end",
	  SOURCE(LOST, .has_gate = true, .here = CF_HERE_ABSENT, .theirs = CF_PHASE_VERIFYING, .word = CF_WORD_RAN), CF_PHASE_CORRECTING },
	{ "one that is gone, and has not, is not",
	  SOURCE(LOST, .has_gate = true, .here = CF_HERE_ABSENT, .theirs = CF_PHASE_DROPPED, .word = CF_WORD_NEVER_RAN), CF_PHASE_UNKNOWN },
	{ "a guest that stands here, and never ran there, is not forgotten",
	  SOURCE(COMMIT, .has_gate = true, .ended = true, .here = CF_HERE_MOVING, .word = CF_WORD_NEVER_RAN), CF_PHASE_IN_DOUBT },
	{ "nor is one that runs on, and is to start with its host again",
	  SOURCE(NONE, .has_gate = true, .ended = true, .here = CF_HERE_RUNNING, .word = CF_WORD_NEVER_RAN), CF_PHASE_ROLLING_BACK },
	{ "... though the destination was never prepared for it",
	  SOURCE(NONE, .has_gate = true, .ended = true, .here = CF_HERE_RUNNING, .theirs = CF_PHASE_DROPPED), CF_PHASE_ROLLING_BACK },
	{ "... but for one that may have run there", SOURCE(COMMIT, .has_gate = true, .ended = true, .here = CF_HERE_RUNNING,
							    .theirs = CF_PHASE_DROPPED), CF_PHASE_UNKNOWN },
	{ "unless that was done", SOURCE(KEPT, .has_gate = true, .ended = true, .here = CF_HERE_RUNNING,
					 .word = CF_WORD_NEVER_RAN), CF_PHASE_UNKNOWN },
	{ "one that is not there may have run", DESTINATION(.here = CF_HERE_ABSENT, .theirs = CF_PHASE_IN_DOUBT), CF_PHASE_UNKNOWN },
	{ "one that runs there ends the doubt", DESTINATION(.here = CF_HERE_RUNNING, .theirs = CF_PHASE_IN_DOUBT), CF_PHASE_RUNNING },
	{ "... but not what is taken back", DESTINATION(.here = CF_HERE_RUNNING, .theirs = CF_PHASE_ROLLING_BACK), CF_PHASE_UNKNOWN },
};

int main(void)
{
	try_source();
	try_all_destinations();
	for (size_t i = 0; i < CF_COUNT(cases); i++)
		ok(cf_relearn(&cases[i].left) == cases[i].as, "%s: %s", cases[i].what, cf_phase_words[cf_relearn(&cases[i].left)]);
	return done();
}
