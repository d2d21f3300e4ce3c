/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/receipt-made.h"

#include <stdlib.h>

#include "tests/fake-unmeasured.h"

/* In place of the rest of the agent */

const struct drive_ops drive_libvirt = { .name = "libvirt" };
static struct settings *settings;

bool virt_host(struct virt *virt, struct virt_host *ret)
{
	(void)virt;
	(void)ret;
	return false;
}

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	*ret = (struct guest_events){ .has_job = true,
				      .job = { .has_bytes = true, .bytes = 4711, .has_downtime = true,
					       .downtime = MS(2100) } };
}

void work_landing(struct work *work, struct cf_landing *ret)
{
	*ret = work->landing;
}

/* --- */

void receipt_made_begin(void)
{
	if (settings_read("/dev/null", &settings, NULL) < 0)
		abort();
}

void receipt_made_end(void)
{
	settings_free(settings);
}

struct work *work_made(void)
{
	static const struct act_context context;
	struct work *work = calloc(1, sizeof(*work));

	work->receipt = calloc(1, sizeof(*work->receipt));
	work->record = calloc(1, sizeof(*work->record));
	work->context = &context;
	work->driver = &drive_libvirt;
	work->settings = settings_hold(settings);
	*unmeasured = '\0';
	return work;
}

void work_unmade(struct work *work)
{
	settings_free(work->settings);
	free(work->receipt);
	free(work->record);
	free(work);
}
