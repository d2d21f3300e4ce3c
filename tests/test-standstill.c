/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A guest that somebody had paused is paused once more, also by an agent that was restarted. */

#include <errno.h>
#include <stdlib.h>

#include "daemon/act/standstill.h"
#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/job.h"
#include "tests/tap.h"

static struct work *work;
static bool switchover, connected;
static enum cf_domain_state state;
static int paused;
static char some;

cf_mono kernel_raw(void)
{
	return (cf_mono){ 1000 * CF_S };
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	*ret = (struct guest_events){ .switchover = switchover };
}

struct virt_link *work_link(struct work *of, struct cf_error *err)
{
	if (connected)
		return of->link = (struct virt_link *)&some;
	cf_fail(err, ENOTCONN, CF_HOST, "the connection to libvirtd was lost");
	return of->link;
}

int domain_look(struct virt *virt, const char *uuid, struct domain_standing *ret, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)err;
	*ret = (struct domain_standing){ .known = true, .active = true, .state = state };
	return 0;
}

int job_pause_again(struct virt_link *link, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)uuid, (void)deadline, (void)err;
	paused += link != NULL;
	return 0;
}

/* The agent has a link to libvirtd, or has been restarted and has none yet. */
static int again(struct virt_link *link, enum cf_domain_state now, void (*act)(struct work *of))
{
	work->link = link;
	state = now;
	paused = 0;
	act(work);
	return paused;
}

int main(void)
{
	static const struct act_context context = { 0 };
	struct virt_link *link = (struct virt_link *)&some;

	work = calloc(1, sizeof(*work));
	if (!work)
		return 1;
	work->context = &context;
	work->watch = (struct guest_watch *)&some;

	connected = true;
	ok(again(link, CF_DOMAIN_RUNNING, standstill_undone) == 1, "a guest that runs is paused once more");
	ok(again(NULL, CF_DOMAIN_RUNNING, standstill_undone) == 1, "... also where no link to libvirtd was there yet");
	ok(again(link, CF_DOMAIN_PAUSED, standstill_undone) == 0, "one that is paused is left alone");
	switchover = true;
	ok(again(link, CF_DOMAIN_RUNNING, standstill_undone) == 0, "and one that stood still for the switchover alone");
	ok(again(link, CF_DOMAIN_RUNNING, standstill_again) == 1, "... but at the destination all that was paused before");
	switchover = connected = false;
	ok(again(NULL, CF_DOMAIN_RUNNING, standstill_undone) == 0, "without libvirtd nobody is asked");

	free(work);
	return done();
}
