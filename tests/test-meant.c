/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "proto/base.h"
#include "proto/meant.h"
#include "tests/tap.h"

static const char *const names[] = { "max-skew", "max-blackout", "max-residual", "mode", "off", "port", "verify-until" };

static const struct {
	const char *said, *meant;	/* NULL: none of them */
} tries[] = {
	{ "max-skew", "max-skew" },
	{ "max-skw", "max-skew" },
	{ "max-skeww", "max-skew" },
	{ "max-skwe", "max-skew" },
	{ "max_skew", "max-skew" },
	{ "maxskw", "max-skew" },
	{ "max-blakcuot", "max-blackout" },
	{ "prot", "port" },
	{ "pots", NULL },	/* two of four letters */
	{ "max-drift", NULL },
	{ "verify", NULL },
	{ "of", NULL },
	{ "", NULL },
};

int main(void)
{
	char said[200];

	for (size_t i = 0; i < CF_COUNT(tries); i++) {
		const char *meant = cf_meant(tries[i].said, names, CF_COUNT(names), sizeof(names[0]));

		ok(tries[i].meant ? meant && strcmp(meant, tries[i].meant) == 0 : !meant, "'%s': %s", tries[i].said,
		   tries[i].meant ? tries[i].meant : "none of them");
	}
	ok(!cf_meant("port", names, 0, sizeof(names[0])), "of none none");
	memset(said, 'a', sizeof(said) - 1);
	said[sizeof(said) - 1] = '\0';
	ok(!cf_meant(said, names, CF_COUNT(names), sizeof(names[0])), "what is long is no name");
	return done();
}
