/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/virt/drive.h"
#include "daemon/virt/phases.h"

#define LEAST_VERSION 1001000

static struct {
	pthread_once_t once;
	bool there;
	struct cf_error why;
	struct phase_calls calls;
} loaded = { .once = PTHREAD_ONCE_INIT };

static const struct {
	const char *name;
	size_t offset;
} wanted[] = {
	{ "virDomainMigrateBegin3Params",   offsetof(struct phase_calls, begin) },
	{ "virDomainMigratePrepare3Params", offsetof(struct phase_calls, prepare) },
	{ "virDomainMigratePerform3Params", offsetof(struct phase_calls, perform) },
	{ "virDomainMigrateFinish3Params",  offsetof(struct phase_calls, finish) },
	{ "virDomainMigrateConfirm3Params", offsetof(struct phase_calls, confirm) },
};

int phase_calls_find(unsigned long version, void *(*find)(const char *name, const char *node), struct phase_calls *ret,
		     struct cf_error *err)
{
	struct phase_calls calls;
	char node[64];

	if (version < LEAST_VERSION)
		return cf_fail(err, ENOSYS, CF_HOST, "libvirt's library is older than 1.1.0");
	snprintf(node, sizeof(node), "LIBVIRT_PRIVATE_%lu.%lu.%lu", version / 1000000, version / 1000 % 1000,
		 version % 1000);
	for (size_t i = 0; i < CF_COUNT(wanted); i++) {
		void *symbol = find(wanted[i].name, node);

		if (!symbol)
			return cf_fail(err, ENOSYS, CF_HOST, "libvirt's library has no %s in %s", wanted[i].name, node);
		memcpy((char *)&calls + wanted[i].offset, &symbol, sizeof(symbol));
	}
	*ret = calls;
	return 0;
}

/* A symbol in another release's node would be another library's, whatever it is called. */
static void *find(const char *name, const char *node)
{
	return dlvsym(RTLD_DEFAULT, name, node);
}

static void load(void)
{
	unsigned long version = 0;

	if (virGetVersion(&version, NULL, NULL) < 0)
		version = 0;
	loaded.there = phase_calls_find(version, find, &loaded.calls, &loaded.why) == 0;
}

const struct phase_calls *phase_calls(struct cf_error *why)
{
	pthread_once(&loaded.once, load);
	if (!loaded.there && why)
		*why = loaded.why;
	return loaded.there ? &loaded.calls : NULL;
}

bool phases_loaded(struct cf_error *why)
{
	return phase_calls(why) != NULL;
}
