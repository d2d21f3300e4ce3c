/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/hang.h"

#include <errno.h>
#include <time.h>

#include "daemon/clock/kernel.h"
#include "daemon/log.h"
#include "daemon/virt/job.h"

#define ANSWER_PATIENCE ((cf_span){ 2 * CF_S })
#define AGAIN           ((struct timespec){ .tv_nsec = 100 * CF_MS })
#define COMPLAIN_EVERY  ((cf_span){ 30 * CF_S })

/* That it knows no such domain is an answer, too. */
static bool answers(struct work *work, struct cf_error *err)
{
	struct virt_link *link = work_link(work, err);
	int r = -ENOTCONN;

	if (link)
		r = job_answers(link, work->reservation.uuid, cf_mono_add(kernel_raw(), ANSWER_PATIENCE), err);
	return r == 0 || r == -ENOENT;
}

static void complain(const struct work *work, cf_mono *next, const struct cf_error *err)
{
	if (!kernel_due(next, COMPLAIN_EVERY))
		return;
	log_warning_about(LOG_ABOUT(.migration = work->id, .domain = work->reservation.domain),
			  "migration %s: libvirtd does not answer, and %s is not looked after until it does: %s; "
			  "`systemctl restart libvirtd` leaves guests running", work->id, work->reservation.domain, err->text);
}

bool hang_wait(struct work *work)
{
	cf_mono next = kernel_raw();
	struct cf_error err = { 0 };
	bool hung = false;

	while (!answers(work, &err)) {
		if (work_stopping(work))
			return false;
		hung = true;
		complain(work, &next, &err);
		nanosleep(&AGAIN, NULL);
		err = (struct cf_error){ 0 };
	}
	return hung;
}
