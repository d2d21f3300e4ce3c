/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/monitor.h"
#include "daemon/virt/private.h"

#define REGEX VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX

static const char *const names[VIRT_N_WHATS] = {
	[VIRT_CONNECTED] = "connected", [VIRT_DISCONNECTED] = "disconnected", [VIRT_DEFINED] = "defined",
	[VIRT_UNDEFINED] = "undefined", [VIRT_STARTED] = "started", [VIRT_ARRIVING] = "arriving",
	[VIRT_SUSPENDED] = "suspended", [VIRT_RESUMED] = "resumed", [VIRT_LANDED] = "landed",
	[VIRT_STOPPED] = "stopped", [VIRT_LEFT] = "left", [VIRT_SHUTDOWN] = "shutdown",
	[VIRT_CRASHED] = "crashed", [VIRT_AGENT_CONNECTED] = "agent-connected",
	[VIRT_AGENT_DISCONNECTED] = "agent-disconnected", [VIRT_RTC_CHANGED] = "rtc-changed",
	[VIRT_JOB_COMPLETED] = "job-completed", [VIRT_SENDING] = "sending",
	[VIRT_SWITCHOVER] = "switchover",
};

const char *virt_what_name(enum virt_what what)
{
	return names[what];
}

/* The listener */

void virt_set_listener(struct virt *virt, virt_listener listener, void *userdata)
{
	pthread_mutex_lock(&virt->listening);
	virt->listener = listener;
	virt->userdata = userdata;
	pthread_mutex_unlock(&virt->listening);
}

void virt_tell(struct virt *virt, enum virt_what what, virDomainPtr domain, struct cf_instant at)
{
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	struct virt_news news = { .what = what, .name = "", .uuid = uuid, .at = at };

	if (domain) {
		news.name = virDomainGetName(domain);
		virDomainGetUUIDString(domain, uuid);
	}
	pthread_mutex_lock(&virt->listening);
	if (virt->listener)
		virt->listener(&news, virt->userdata);
	pthread_mutex_unlock(&virt->listening);
}

/* libvirt's events */

/* How libvirt's STOPPED details read for a migration. */
static enum guest_gone gone_by(int detail)
{
	switch (detail) {
	case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN: return GUEST_SHUT_DOWN;
	case VIR_DOMAIN_EVENT_STOPPED_CRASHED: return GUEST_CRASHED;
	case VIR_DOMAIN_EVENT_STOPPED_MIGRATED: return GUEST_MIGRATED;
	case VIR_DOMAIN_EVENT_STOPPED_FAILED: return GUEST_FAILED;
	default: return GUEST_DESTROYED;
	}
}

/* What a lifecycle event is to the listener. */
static enum virt_what what_of(int event, int detail)
{
	switch (event) {
	case VIR_DOMAIN_EVENT_DEFINED: return VIRT_DEFINED;
	case VIR_DOMAIN_EVENT_UNDEFINED: return VIRT_UNDEFINED;
	case VIR_DOMAIN_EVENT_STARTED:
		return detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED ? VIRT_ARRIVING : VIRT_STARTED;
	case VIR_DOMAIN_EVENT_RESUMED:
		return detail == VIR_DOMAIN_EVENT_RESUMED_MIGRATED ? VIRT_LANDED : VIRT_RESUMED;
	case VIR_DOMAIN_EVENT_STOPPED:
		return detail == VIR_DOMAIN_EVENT_STOPPED_MIGRATED ? VIRT_LEFT : VIRT_STOPPED;
	case VIR_DOMAIN_EVENT_SHUTDOWN: return VIRT_SHUTDOWN;
	case VIR_DOMAIN_EVENT_CRASHED: return VIRT_CRASHED;
	default: return VIRT_SUSPENDED;
	}
}

/* What it is to a watch; false when it is nothing. */
static bool lifecycle_event(int event, int detail, struct cf_instant at, struct guest_event *ret)
{
	*ret = (struct guest_event){ .at = at };

	switch (event) {
	case VIR_DOMAIN_EVENT_STARTED:
		ret->kind = GUEST_EV_ARRIVING;
		return detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED;
	case VIR_DOMAIN_EVENT_SUSPENDED:
		ret->kind = GUEST_EV_PAUSED;
		return detail != VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED;
	case VIR_DOMAIN_EVENT_RESUMED:
		ret->kind = GUEST_EV_RUNNING;
		return true;
	case VIR_DOMAIN_EVENT_STOPPED:
		ret->kind = GUEST_EV_GONE;
		ret->gone = gone_by(detail);
		return true;
	case VIR_DOMAIN_EVENT_CRASHED:
		ret->kind = GUEST_EV_PANICKED;
		return true;
	default:
		return false;
	}
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *userdata)
{
	struct virt *virt = userdata;
	struct cf_instant at = kernel_instant();
	struct guest_event fed;

	(void)connection;
	if (lifecycle_event(event, detail, at, &fed))
		virt_watches_feed(virt, domain, &fed);
	virt_tell(virt, what_of(event, detail), domain, at);
	return 0;
}

static void on_agent(virConnectPtr connection, virDomainPtr domain, int state, int reason, void *userdata)
{
	(void)connection;
	(void)reason;
	virt_tell(userdata,
		  state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED ? VIRT_AGENT_CONNECTED
										    : VIRT_AGENT_DISCONNECTED,
		  domain, kernel_instant());
}

static void on_rtc(virConnectPtr connection, virDomainPtr domain, long long offset, void *userdata)
{
	(void)connection;
	(void)offset;
	virt_tell(userdata, VIRT_RTC_CHANGED, domain, kernel_instant());
}

static void on_job(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr params, int n,
		   void *userdata)
{
	struct virt *virt = userdata;
	struct cf_instant at = kernel_instant();
	struct guest_event event = { .kind = GUEST_EV_JOB, .at = at };

	(void)connection;
	if (virt_job_result(params, n, &event.job))
		virt_watches_feed(virt, domain, &event);
	virt_tell(virt, VIRT_JOB_COMPLETED, domain, at);
}

static void on_monitor(virConnectPtr connection, virDomainPtr domain, const char *name, long long seconds,
		       unsigned int micros, const char *details, void *userdata)
{
	const struct monitor_said said = { name, details, cf_real_from(seconds, micros * CF_US), kernel_instant() };
	struct virt *virt = userdata;
	struct guest_event event;

	(void)connection;
	if (!monitor_read(&said, &event))
		return;
	virt_watches_feed(virt, domain, &event);
	if (event.kind == GUEST_EV_MIGRATION && event.status == MIGRATION_SETUP)
		virt_tell(virt, VIRT_SENDING, domain, said.heard);
	if (event.kind == GUEST_EV_MIGRATION && event.status == MIGRATION_PRE_SWITCHOVER)
		virt_tell(virt, VIRT_SWITCHOVER, domain, said.heard);
}

/* Registrations */

static int add(struct virt *virt, int id, int (*deregister)(virConnectPtr, int), struct cf_error *err)
{
	int code = virGetLastErrorCode();

	/* Other drivers than QEMU's (test:///default) have not all of them. */
	if (id < 0 && (code == VIR_ERR_NO_SUPPORT || code == VIR_ERR_INVALID_CONN))
		return 0;
	if (id < 0)
		return virt_fail(err, "events");
	virt->registrations[virt->n_registrations++] = (struct virt_registration){ id, deregister };
	return 0;
}

/* Each event has a callback of its own type; void (*)(void) is the one from which compilers let us go to any other. */
#define CALLBACK(function) VIR_DOMAIN_EVENT_CALLBACK((void (*)(void))(function))

static const struct {
	int id;
	virConnectDomainEventGenericCallback callback;
} wanted[] = {
	{ VIR_DOMAIN_EVENT_ID_LIFECYCLE, CALLBACK(on_lifecycle) },
	{ VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, CALLBACK(on_agent) },
	{ VIR_DOMAIN_EVENT_ID_RTC_CHANGE, CALLBACK(on_rtc) },
	{ VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, CALLBACK(on_job) },
};

int virt_events_register(struct virt *virt, virConnectPtr connection, struct cf_error *err)
{
	int id;
	int r = 0;

	for (size_t i = 0; r == 0 && i < CF_COUNT(wanted); i++) {
		id = virConnectDomainEventRegisterAny(connection, NULL, wanted[i].id, wanted[i].callback,
						      virt, NULL);
		r = add(virt, id, virConnectDomainEventDeregisterAny, err);
	}
	if (r < 0)
		return r;
	id = virConnectDomainQemuMonitorEventRegister(connection, NULL, MONITOR_EVENTS, on_monitor, virt,
						      NULL, REGEX);
	return add(virt, id, virConnectDomainQemuMonitorEventDeregister, err);
}

void virt_events_deregister(struct virt *virt, virConnectPtr connection)
{
	while (virt->n_registrations) {
		struct virt_registration last = virt->registrations[--virt->n_registrations];

		last.deregister(connection, last.id);
	}
}
