/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvirt's phases, looked for in libraries that are played, and in the one that is here. */

#include <stdio.h>
#include <string.h>

#include "daemon/virt/drive.h"
#include "daemon/virt/phases.h"
#include "tests/tap.h"

static const char *const names[] = {
	"virDomainMigrateBegin3Params", "virDomainMigratePrepare3Params", "virDomainMigratePerform3Params",
	"virDomainMigrateFinish3Params", "virDomainMigrateConfirm3Params",
};

static const char *missing;	/* of those; NULL: none */
static const char *node_is;	/* the node that the library has them in */
static char places[CF_COUNT(names)];
static int asked;

/* That name's own place. */
static void *look(const char *name, const char *node)
{
	asked++;
	if (strcmp(node, node_is) != 0 || (missing && strcmp(name, missing) == 0))
		return NULL;
	for (size_t i = 0; i < CF_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return &places[i];
	return NULL;
}

static bool find(unsigned long version, const char *node, const char *without, struct phase_calls *ret, struct cf_error *err)
{
	missing = without;
	node_is = node;
	asked = 0;
	memset(ret, 0, sizeof(*ret));
	*err = (struct cf_error){ 0 };
	return phase_calls_find(version, look, ret, err) == 0;
}

static bool is(const void *member, size_t i)
{
	void *place = &places[i];

	return memcmp(member, &place, sizeof(place)) == 0;
}

int main(void)
{
	struct phase_calls calls;
	struct cf_error err;

	ok(find(9000000, "LIBVIRT_PRIVATE_9.0.0", NULL, &calls, &err) && is(&calls.begin, 0) && is(&calls.prepare, 1) &&
	   is(&calls.perform, 2) && is(&calls.finish, 3) && is(&calls.confirm, 4), "each is found in its release's node: %s", err.text);
	ok(find(1001000, "LIBVIRT_PRIVATE_1.1.0", NULL, &calls, &err), "from 1.1.0 on: %s", err.text);
	ok(find(11003012, "LIBVIRT_PRIVATE_11.3.12", NULL, &calls, &err), "however long its numbers are: %s", err.text);
	ok(!find(1000999, "LIBVIRT_PRIVATE_1.0.999", NULL, &calls, &err) && strstr(err.text, "older than 1.1.0") && asked == 0,
	   "not before, whatever it may have: %s", err.text);
	ok(!find(0, "LIBVIRT_PRIVATE_0.0.0", NULL, &calls, &err) && strstr(err.text, "older than 1.1.0"), "nor of one that does not say: %s",
	   err.text);
	ok(!find(9000000, "LIBVIRT_PRIVATE_9.0.1", NULL, &calls, &err) && strstr(err.text, "LIBVIRT_PRIVATE_9.0.0"),
	   "nor in another release's node: %s", err.text);
	for (size_t i = 0; i < CF_COUNT(names); i++)
		ok(!find(9000000, "LIBVIRT_PRIVATE_9.0.0", names[i], &calls, &err) && strstr(err.text, names[i]),
		   "one that is missing is named: %s", err.text);

	err = (struct cf_error){ 0 };
	ok(phases_loaded(&err) && phase_calls(&err), "the library that is here has all of them: %s", err.text);
	return done();
}
