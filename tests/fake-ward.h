/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In place of the ward of a copy, in the time of tests/fake-host.h: with connections that can be cut, or without. */

#include "daemon/act/ward.h"
#include "tests/fake-host.h"

static struct {
	bool connected;
	bool cut;
	cf_mono at;
} fake_ward;

bool ward_cut(struct work *of)
{
	bool first = fake_ward.connected && !fake_ward.cut;

	(void)of;
	fake_ward.cut |= first;
	if (first)
		fake_ward.at = fake.now;
	return first;
}

bool ward_ends(struct work *of, cf_mono answers)
{
	cf_mono since = cf_mono_cmp(answers, fake_ward.at) > 0 ? answers : fake_ward.at;

	(void)of;
	return fake_ward.cut && cf_span_cmp(cf_mono_since(fake.now, since), (cf_span){ 500 * CF_MS }) < 0;
}
