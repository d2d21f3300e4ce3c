/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A domain whose QEMU has begun to send its state, and by nobody's order here: is it a
 * migration, and to where?
 *
 * Its thread reads the guest's clock, lists where its QEMU is connected to, and asks the
 * agents that are known which of them sees it come in.  It takes no job of the domain's.
 */

#include <stdatomic.h>

#include "daemon/act/context.h"
#include "daemon/act/gather.h"
#include "daemon/act/looker.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/events.h"
#include "policy/foreign.h"

struct departure {
	struct departure *next;		/* the list's */
	char id[CF_UUID_ROOM];		/* that the migration will have */
	char name[CF_NAME_ROOM];
	char uuid[CF_UUID_ROOM];
	struct cf_instant began;
	atomic_bool leave;		/* it is none, or the agent ends */
	enum cf_departing is;		/* once found() was called */

	/* the thread's, until then */
	const struct act_context *context;
	struct settings *settings;
	struct guest_watch *watch;
	struct drive *drive;
	struct looker *looker;
	struct gathered_domain domain;
	char peer[CF_HOST_ROOM];	/* where it comes in, by that agent's word; "" where no agent has said so */
	struct gathered_pair pair;	/* then */
	char address[CF_HOST_ROOM];	/* where its QEMU sends it, "" where that does not show */
	char why[CF_DETAIL_ROOM];	/* why there is no peer */
	int rounds;			/* of asking */
	cf_mono ask_at;			/* the next of them */
	void (*found)(void *userdata, struct departure *departure);	/* on the loop */
	void *userdata;
	pthread_t thread;
	bool has_thread;
};

/* Begins to look; found(userdata) is called on the loop once it is known. */
int departure_new(struct departure **ret, const struct act_context *context, const char *name, const char *uuid,
		  void (*found)(void *userdata, struct departure *departure), void *userdata, struct cf_error *err);

/* Waits for the thread.  What was taken out of it is NULL. */
struct departure *departure_free(struct departure *departure);
CF_DEFINE_AUTO(struct departure *, departure_free)
