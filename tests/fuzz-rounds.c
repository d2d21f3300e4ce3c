/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Time stamps of others, which may be anything: the input is numbers of eight bytes.
 * As rounds with a peer, seven each; and as readings of a guest's clock, five each.
 */

#include <string.h>

#include "daemon/virt/readings.h"
#include "policy/offset.h"
#include "tests/fuzz.h"

struct numbers {
	const uint8_t *data;
	size_t size;
};

static int64_t next(struct numbers *from)
{
	int64_t n = 0;

	if (from->size < sizeof(n))
		return 0;
	memcpy(&n, from->data, sizeof(n));
	from->data += sizeof(n);
	from->size -= sizeof(n);
	return n;
}

static bool is_interval(struct cf_interval i)
{
	return i.low.ns <= i.high.ns;
}

/* Our own stamps are our kernel's, the others' are what the codec lets through. */
static int64_t positive(struct numbers *from)
{
	return next(from) & INT64_MAX;
}

static void rounds(struct numbers from)
{
	struct cf_offset offset = { 0 };
	struct cf_round round;
	struct cf_instant here;

	while (from.size >= 7 * sizeof(int64_t)) {
		round.t1.ns = positive(&from);
		round.t2.ns = positive(&from);
		round.t3.ns = positive(&from);
		round.t4.ns = positive(&from);
		round.there.raw.ns = positive(&from);
		round.there.real.ns = positive(&from);
		round.there.width.ns = positive(&from) % CF_DAY;
		cf_offset_add(&offset, &round);
		here = (struct cf_instant){ round.t4, { round.t1.ns }, { CF_US } };
		must(offset.rounds == 0 || is_interval(offset.raw));
		must(is_interval(cf_offset_raw(&offset, round.t2)));
		must(is_interval(cf_offset_real(&offset, here, CF_SLEW_PPM)));
		must(is_interval(cf_offset_real_between(offset.raw, here, round.there)));
		must(cf_offset_drift(&offset) >= 0);
	}
}

static void readings(struct numbers from)
{
	struct readings all = { 0 };
	struct cf_instant before, after;
	struct cf_error err = { 0 };
	cf_real guest;

	while (from.size >= 5 * sizeof(int64_t)) {
		before = (struct cf_instant){ { positive(&from) }, { positive(&from) }, { CF_US } };
		guest = cf_real_from(next(&from), 5);
		after = (struct cf_instant){ { positive(&from) }, { positive(&from) }, { CF_US } };
		if (readings_add(&all, before, guest, after, &err) < 0)
			must(err.text[0]);
		must(all.rounds == 0 || (is_interval(all.raw) && is_interval(readings_offset(&all).offset)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rounds((struct numbers){ data, size });
	readings((struct numbers){ data, size });
	return 0;
}
