/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/domain-xml.h"
#include "daemon/virt/private.h"
#include "daemon/virt/readings.h"
#include "daemon/virt/task.h"

/* One conversation about one guest; each call to its agent is one, and may be given up. */
struct guest_task {
	struct task task;
	struct virt_line *line;
	char uuid[CF_UUID_ROOM];
	virDomainPtr domain;		/* found by the first, carried on to the others */
	struct cf_instant before, after;
	cf_real guest;			/* read: what the guest said; set: what it is told */
	cf_mono at;			/* set: when `guest` would have been right */
};

static void guest_clear(struct task *task)
{
	struct guest_task *guest = (struct guest_task *)task;

	if (guest->domain)
		virDomainFree(guest->domain);
	virt_line_drop(guest->line);
}

static struct guest_task *guest_drop(struct guest_task *guest)
{
	task_drop(&guest->task);
	return NULL;
}
CF_DEFINE_AUTO(struct guest_task *, guest_drop)

static struct guest_task *guest_task(int (*run)(struct task *task, struct cf_error *err),
				     struct virt_line *line, struct cf_error *err)
{
	struct guest_task *guest = (struct guest_task *)task_new(sizeof(struct guest_task), run, guest_clear);

	if (guest)
		guest->line = virt_line_hold(line);
	else
		cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	return guest;
}

/* Finding it */

static int check_agent(virDomainPtr domain, struct cf_error *err)
{
	CF_AUTO(cf_free) struct domain_xml *xml = calloc(1, sizeof(*xml));
	CF_AUTO(cf_free) char *text = virDomainGetXMLDesc(domain, 0);
	int r;

	if (!xml)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (!text)
		return virt_fail(err, "domain XML");
	r = domain_xml_read(text, 0, 0, xml, err);
	if (r < 0)
		return r;
	if (!xml->guest.agent_configured)
		return cf_fail(err, ENOTCONN, CF_HOST, "the domain has no guest agent channel");
	if (!xml->guest.agent_connected)
		return cf_fail(err, ENOTCONN, CF_HOST, "the guest agent is not connected");
	return 0;
}

static int find_run(struct task *task, struct cf_error *err)
{
	struct guest_task *guest = (struct guest_task *)task;
	int r = virt_find(guest->line->connection, guest->uuid, &guest->domain, err);

	return r < 0 ? r : check_agent(guest->domain, err);
}

static int find_guest(struct virt_line *line, const char *uuid, cf_mono deadline, virDomainPtr *ret,
		      struct cf_error *err)
{
	CF_AUTO(guest_drop) struct guest_task *guest = guest_task(find_run, line, err);
	int r;

	if (!guest)
		return -ENOMEM;
	snprintf(guest->uuid, sizeof(guest->uuid), "%s", uuid);
	r = task_by(&guest->task, VIRT_GUEST_AGENT, uuid, deadline, err);
	if (r < 0)
		return r;
	*ret = CF_TAKE(guest->domain);
	return 0;
}

/* Reading */

static int read_run(struct task *task, struct cf_error *err)
{
	struct guest_task *guest = (struct guest_task *)task;
	long long seconds;
	unsigned int nanoseconds;
	int r;

	guest->before = kernel_instant();
	r = virDomainGetTime(guest->domain, &seconds, &nanoseconds, 0);
	guest->after = kernel_instant();
	if (r < 0)
		return virt_fail(err, "guest time");

	/* Saturated: what is no time at all is told as one that cannot be. */
	guest->guest = cf_real_from(seconds, nanoseconds);
	return 0;
}

/* Is there time for one more?  A call that is given up keeps its guest from being asked again. */
static bool fits(const struct readings *readings, cf_mono deadline)
{
	cf_span left = cf_mono_since(deadline, kernel_raw());

	return !readings->rounds || cf_span_cmp(left, readings->took) > 0;
}

static int read_once(struct virt_line *line, virDomainPtr domain, const char *uuid, cf_mono deadline,
		     struct readings *readings, struct cf_error *err)
{
	CF_AUTO(guest_drop) struct guest_task *guest = guest_task(read_run, line, err);
	int r;

	if (!guest)
		return -ENOMEM;
	virDomainRef(domain);
	guest->domain = domain;
	r = task_by(&guest->task, VIRT_GUEST_AGENT, uuid, deadline, err);
	if (r == -ETIMEDOUT)
		return cf_fail(err, ETIMEDOUT, CF_HOST, "the guest agent did not answer in time");
	if (r < 0)
		return r;
	return readings_add(readings, guest->before, guest->guest, guest->after, err);
}

int guest_offset_read(struct virt_link *link, const char *uuid, int rounds, cf_mono deadline,
		      struct cf_guest_offset *ret, struct cf_error *err)
{
	CF_AUTO(virt_line_drop) struct virt_line *line = NULL;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	struct readings readings = { 0 };
	int r;

	r = virt_line_take(link, deadline, &line, err);
	if (r == 0)
		r = find_guest(line, uuid, deadline, &domain, err);
	while (r == 0 && (!readings.rounds || readings.rounds < rounds || readings_stand(&readings)) && fits(&readings, deadline))
		r = read_once(line, domain, uuid, deadline, &readings, err);
	/* Rounds that were good stay good when a later one finds no answer; not when it finds nonsense. */
	if (r < 0 && (!readings.rounds || r == -EPROTO))
		return r;
	if (readings_stand(&readings))
		return cf_fail(err, EPROTO, CF_HOST, "the guest's clock stood still while it was read");

	*ret = readings_offset(&readings);
	return 0;
}

/* Setting */

static int set_run(struct task *task, struct cf_error *err)
{
	struct guest_task *guest = (struct guest_task *)task;
	cf_real to;

	guest->before.raw = kernel_raw();
	to = cf_real_add(guest->guest, cf_mono_since(guest->before.raw, guest->at));
	if (virDomainSetTime(guest->domain, to.ns / CF_S, (unsigned int)(to.ns % CF_S), 0) < 0)
		return virt_fail(err, "setting the guest's time");
	return 0;
}

int guest_time_set(struct virt_link *link, const char *uuid, cf_real to, cf_mono at, cf_mono deadline,
		   cf_span *took, struct cf_error *err)
{
	CF_AUTO(virt_line_drop) struct virt_line *line = NULL;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	CF_AUTO(guest_drop) struct guest_task *guest = NULL;
	cf_mono begun = kernel_raw();
	int r;

	if (!readings_plausible(to)) {
		*took = (cf_span){ 0 };
		return cf_fail(err, ERANGE, CF_HOST, "that is no time to set a guest to");
	}
	r = virt_line_take(link, deadline, &line, err);
	if (r == 0)
		r = find_guest(line, uuid, deadline, &domain, err);
	if (r == 0 && !(guest = guest_task(set_run, line, err)))
		r = -ENOMEM;
	if (r == 0) {
		guest->domain = CF_TAKE(domain);
		guest->guest = to;
		guest->at = at;
		begun = kernel_raw();
		r = task_by(&guest->task, VIRT_GUEST_AGENT, uuid, deadline, err);
	}
	*took = cf_mono_since(kernel_raw(), begun);
	return r;
}
