/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/teller.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/guard.h"
#include "daemon/log.h"
#include "daemon/worker.h"

struct telling {
	struct teller *teller;
	struct settings *settings;
	int result;
	struct cf_error err;
};

static void discard(struct telling *telling)
{
	if (telling)
		settings_free(telling->settings);
	free(telling);
}

/* On a thread. */
static void tell(void *userdata)
{
	struct telling *telling = userdata;

	telling->result = guard_tell(telling->teller->path, telling->settings, &telling->err);
}

static void told(void *userdata)
{
	struct telling *telling = userdata;
	struct teller *teller = telling->teller;
	struct settings *next = CF_TAKE(teller->next);

	/* Where no hook is installed nobody reads it. */
	if (telling->result < 0 && access(CF_HOOK_LINK, F_OK) == 0)
		log_warning("libvirt's hook does not know the settings: %s", telling->err.text);
	discard(CF_TAKE(teller->telling));
	if (next)
		teller_tell(teller, next);
	settings_free(next);
}

void teller_tell(struct teller *teller, struct settings *settings)
{
	struct telling *telling;

	/* One at a time, or the older one might come last. */
	if (teller->telling) {
		settings_free(teller->next);
		teller->next = settings_hold(settings);
		return;
	}
	telling = calloc(1, sizeof(*telling));
	if (!telling)
		abort();
	telling->teller = teller;
	telling->settings = settings_hold(settings);
	teller->telling = telling;
	if (worker_run(teller->loop, tell, told, telling, NULL) < 0) {	/* no thread is to be had: it may take a while, then */
		tell(telling);
		told(telling);
	}
}

void teller_clear(struct teller *teller)
{
	discard(CF_TAKE(teller->telling));
	settings_free(CF_TAKE(teller->next));
}
