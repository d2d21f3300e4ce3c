/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of daemon/virt know of one another: the only header of the folder that shows libvirt. */

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>

#include "daemon/virt/connect.h"
#include "daemon/virt/events.h"
#include "proto/options.h"

CF_DEFINE_AUTO(virConnectPtr, virConnectClose)
CF_DEFINE_AUTO(virDomainPtr, virDomainFree)

/* One registration with libvirt, by what takes it back. */
struct virt_registration {
	int id;
	int (*deregister)(virConnectPtr connection, int id);
};

#define VIRT_REGISTRATIONS 8
#define VIRT_IDLE 4		/* connections that wait for their next use */
#define VIRT_JOB_ROOM 32

struct virt {
	char uri[VIRT_URI_ROOM];
	pthread_t pump, keeper;
	bool has_pump, has_keeper;

	pthread_mutex_t lock;		/* of everything down to watches */
	pthread_cond_t changed;
	bool ending, over;		/* the keeper is to end; has */
	bool lost;			/* the connection below is dead, the keeper has to replace it */
	virConnectPtr connection;	/* NULL: none */
	struct cf_error why;		/* then: why */
	bool has_host;
	struct virt_host host;
	struct guest_watch *watches;
	size_t n_idle;
	struct virt_line *idle[VIRT_IDLE];

	pthread_mutex_t listening;	/* held while the listener runs */
	virt_listener listener;
	void *userdata;

	size_t n_registrations;		/* the keeper's own */
	struct virt_registration registrations[VIRT_REGISTRATIONS];
};

/* A connection, and how many have it: its link, or who keeps it for the next one, and those whose call is on it. */
struct virt_line {
	virConnectPtr connection;
	int users;
};

struct virt_link {
	struct virt *virt;
	struct virt_line *line;		/* NULL: the last one hangs, or is dead, and there is no other yet */
};

/* libvirt's last error of this thread into *err, led in by what was tried. */
int virt_fail(struct cf_error *err, const char *what);

/* A command, which is freed, for the guest's agent; its reply is the caller's.  libvirt then calls the domain tainted. */
int virt_agent_command(virDomainPtr domain, char *command, cf_mono deadline, const char *what, char **ret, struct cf_error *err);

/* The kind of every task that talks to it (task.h): of one kind a domain has one call at a time. */
#define VIRT_GUEST_AGENT "guest agent"

/* A link, or why there is none: at once where the agent's own connection does not stand. */
int virt_borrow(struct virt *virt, struct virt_link **ret, struct cf_error *err);
#define VIRT_BORROW_TIME ((cf_span){ 5 * CF_S })

/*
 * The link's connection for a call, or for several in a row; another one where the last call on
 * it has not returned.  It is in use until virt_line_drop(), which a task does when it is cleared.
 */
int virt_line_take(struct virt_link *link, cf_mono deadline, struct virt_line **ret, struct cf_error *err);
struct virt_line *virt_line_hold(struct virt_line *line);	/* once more */
struct virt_line *virt_line_drop(struct virt_line *line);
CF_DEFINE_AUTO(struct virt_line *, virt_line_drop)

/* Close those that wait for their next use. */
void virt_lines_drop_idle(struct virt *virt);

/* Close a connection, without waiting for long: libvirtd may hang. */
void virt_hang_up(virConnectPtr connection);

/* Connect, with keepalive; -ETIMEDOUT when that takes too long.  kind: as for task_start(), about nobody. */
int virt_dial(const char *uri, const char *kind, cf_mono deadline, virConnectPtr *ret, struct cf_error *err);

/* A domain by uuid; CF_NOT_FOUND when there is none. */
int virt_find(virConnectPtr connection, const char *uuid, virDomainPtr *ret, struct cf_error *err);

/* What libvirt says of the host, read over this connection. */
int virt_host_read(virConnectPtr connection, struct virt_host *ret, struct cf_error *err);

/* Of it what stands in libvirt's capabilities XML. */
int virt_host_capabilities(const char *text, struct virt_host *host, struct cf_error *err);

/* Keeper: hear the events of this connection, and stop hearing them. */
int virt_events_register(struct virt *virt, virConnectPtr connection, struct cf_error *err);
void virt_events_deregister(struct virt *virt, virConnectPtr connection);

/* Keeper: the connection came or went. */
void virt_events_connected(struct virt *virt, bool connected);

/* libvirt's thread: one event of one domain, to whoever watches it; news to the listener. */
void virt_watches_feed(struct virt *virt, virDomainPtr domain, const struct guest_event *event);
void virt_tell(struct virt *virt, enum virt_what what, virDomainPtr domain, struct cf_instant at);

/*
 * Which job the domain has, "" for none.  A QEMU that does not answer by the
 * deadline has one as well.
 */
int virt_job_look(struct virt_link *link, const char *uuid, cf_mono deadline, char job[static VIRT_JOB_ROOM],
		  struct cf_error *err);
#define VIRT_JOB_SILENT "QEMU does not answer"

/* A limit as libvirt and QEMU take it: whole milliseconds, rounded down, at least 1. */
unsigned long long job_downtime_ms(cf_span limit);

/*
 * What a drive is told, as libvirt takes it: params for virTypedParamsFree(), migrate_uri "" leaves that to
 * libvirt; and flags, but for those that say who drives.
 */
struct drive_options;
int virt_migrate_params(const struct drive_options *drive, const char *migrate_uri, virTypedParameterPtr *ret,
			int *n, struct cf_error *err);
unsigned int virt_migrate_flags(const struct cf_options *o, bool persistent);

/* The same for who takes it in; the offered XML alone, under this name. */
struct drive_offer;
int virt_incoming_params(const struct drive_offer *offer, const char *migrate_uri, const char *listen,
			 virTypedParameterPtr *ret, int *n, struct cf_error *err);

/* Does libvirtd know of that emulator ("": its default)?  -EINVAL, CF_PEER: no. */
int virt_knows_emulator(virConnectPtr connection, const char *emulator, cf_mono deadline, struct cf_error *err);

/* A template with its "%s" filled in, see struct drive_options. */
int virt_uri_fill(const char *template, const char *host, char *ret, size_t size, struct cf_error *err);

/* What can be seen to be wrong with a domain before anything is begun. */
int virt_drive_ready(struct virt *virt, const char *uuid, bool *persistent, struct cf_error *err);

/* Set QEMU's target, and say what it was before, where that is known: a domain that stays gets it back. */
int virt_aim(virDomainPtr domain, unsigned long long target_ms, bool *known, unsigned long long *before_ms,
	     struct cf_error *err);

/* libvirt's job statistics as a result; false when they are of another kind of job, or of one that failed. */
bool virt_job_result(virTypedParameterPtr params, int n, struct job_result *ret);

/* The same of one that goes on; false while it has not begun to copy: there are no figures then. */
bool virt_job_progress(virTypedParameterPtr params, int n, struct cf_progress *ret);
