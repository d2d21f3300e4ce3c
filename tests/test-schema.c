/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "proto/migration.h"
#include "proto/schema.h"
#include "tests/kinds.h"
#include "tests/tap.h"

/* A query is spelled in another way than a body: by a person. */
static void try_query(void)
{
	char *text = cf_schema_query(&cf_migration_query_shape);

	ok(text && strcmp(text, "cf_migration_query\n"
				"  after           integer, 0 to 9223372036854775807; optional\n"
				"  wait            span with its unit, 0 s to 1 min; optional\n") == 0, "a query has no unit in its keys");
	free(text);
	text = cf_schema_query(&cf_migrations_query_shape);
	ok(text && strstr(text, "\n  label           text, at most 127 bytes; up to 16 times\n"), "... and a list is its key repeated");
	free(text);
}

int main(void)
{
	static const char expected[] =
		"kinds\n"
		"  flag            true or false\n"
		"  count           integer, 10 to 1000\n"
		"  drift_ppm       number, -1e+300 to 500.5\n"
		"  blackout_ns     integer, 0 to 86400000000000\n"
		"  stopped_raw_ns  integer, 0 to 9223372036854775807\n"
		"  at              time, RFC 3339 UTC with nine digits\n"
		"  text            text, at most 23 bytes\n"
		"  sky             one of unknown, clear, rain\n"
		"  offset          { low_ns, high_ns }, integers, -31622400000000000 to 31622400000000000\n"
		"  main            part\n"
		"  parts           list of part, at most 3\n"
		"  tags            list of texts of at most 7 bytes, at most 4\n"
		"  record          base64 of at most 64 bytes\n"
		"  anything        integer; optional\n"
		"  wide            { low_ns, high_ns }, integers; optional\n"
		"  late_ns         integer, -1000000000 to 1000000000; optional; since 1.2\n"
		"  spare           part; optional\n"
		"  when            time, RFC 3339 UTC with nine digits; optional\n"
		"  news            list of texts of at most 7 bytes, at most 2; since 1.3\n"
		"\n"
		"part\n"
		"  name            text, at most 15 bytes\n"
		"  side            one of left, right\n"
		"  weight          integer, -5 to 1000; optional\n"
		"  skin            base64 of at most 5 bytes\n";
	char *text = cf_schema(&kinds_shape);

	ok(text && strcmp(text, expected) == 0, "the schema says it all, each shape once");
	if (text && strcmp(text, expected) != 0)
		printf("%s", text);
	free(text);
	try_query();

	return done();
}
