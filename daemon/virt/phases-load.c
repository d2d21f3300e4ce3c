/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* A symbol in another release's node would be another library's, whatever it is called. */
static void load(void)
{
	unsigned long version = 0;
	char node[64];

	if (virGetVersion(&version, NULL, NULL) < 0 || version < LEAST_VERSION) {
		cf_fail(&loaded.why, ENOSYS, CF_HOST, "libvirt's library is older than 1.1.0");
		return;
	}
	snprintf(node, sizeof(node), "LIBVIRT_PRIVATE_%lu.%lu.%lu", version / 1000000, version / 1000 % 1000,
		 version % 1000);
	for (size_t i = 0; i < CF_COUNT(wanted); i++) {
		void *symbol = dlvsym(RTLD_DEFAULT, wanted[i].name, node);

		if (!symbol) {
			cf_fail(&loaded.why, ENOSYS, CF_HOST, "libvirt's library has no %s in %s", wanted[i].name,
				node);
			return;
		}
		memcpy((char *)&loaded.calls + wanted[i].offset, &symbol, sizeof(symbol));
	}
	loaded.there = true;
}

const struct phase_calls *phase_calls(struct cf_error *why)
{
	pthread_once(&loaded.once, load);
	if (!loaded.there && why)
		*why = loaded.why;
	return loaded.there ? &loaded.calls : NULL;
}
