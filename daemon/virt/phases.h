/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The five phases of a libvirt migration, one call each; for daemon/virt alone.
 *
 * libvirt.so exports them for its own daemons, in the version node
 * LIBVIRT_PRIVATE_x.y.z of its release, and installs no header.  The
 * signatures are those of src/libvirt_internal.h, unchanged from 1.1.0 (2013) to 11.3.0;
 * what they become on the wire, libvirt has promised to keep.
 */

#include "daemon/virt/private.h"
#include "daemon/virt/task.h"

struct phase_calls {
	char *(*begin)(virDomainPtr domain, virTypedParameterPtr params, int nparams, char **cookieout,
		       int *cookieoutlen, unsigned int flags);
	int (*prepare)(virConnectPtr dconn, virTypedParameterPtr params, int nparams, const char *cookiein,
		       int cookieinlen, char **cookieout, int *cookieoutlen, char **uri_out, unsigned int flags);
	int (*perform)(virDomainPtr domain, const char *dconnuri, virTypedParameterPtr params, int nparams,
		       const char *cookiein, int cookieinlen, char **cookieout, int *cookieoutlen,
		       unsigned int flags);
	virDomainPtr (*finish)(virConnectPtr dconn, virTypedParameterPtr params, int nparams, const char *cookiein,
			       int cookieinlen, char **cookieout, int *cookieoutlen, unsigned int flags,
			       int cancelled);
	int (*confirm)(virDomainPtr domain, virTypedParameterPtr params, int nparams, const char *cookiein,
		       int cookieinlen, unsigned int flags, int cancelled);
};

/* All of them, of the library that is loaded; NULL, and why, where one is missing. */
const struct phase_calls *phase_calls(struct cf_error *why);

/* The same of a library of that version, in which find(name, node) finds them.  Fails where it is too old, or one is missing. */
int phase_calls_find(unsigned long version, void *(*find)(const char *name, const char *node), struct phase_calls *ret,
		     struct cf_error *err);

/* What no memory may keep: wiped before it is freed. */
struct phase_secret {
	char *data;
	int size;
};

/* A copy; false without memory. */
bool phase_secret_copy(struct phase_secret *secret, const void *data, size_t size);

/* One phase: a call on a thread of its own.  What it is given and gives is its own. */
struct phase {
	struct task task;
	int (*call)(struct phase *phase, const struct phase_calls *calls, struct cf_error *err);

	virConnectPtr connection;
	char uuid[CF_UUID_ROOM];		/* set out: the domain's */
	bool aims;				/* ... and QEMU's target */
	unsigned long long aim_ms;
	virDomainPtr domain;			/* source; who sets out finds it */
	virTypedParameterPtr params;
	int n_params;
	unsigned int flags;			/* who sets out adds that the domain is paused */
	bool cancelled;				/* Finish, Confirm */
	struct phase_secret given;		/* cookie */
	bool has_downtime;			/* QEMU's target, which a domain that stays gets back */
	unsigned long long downtime_ms;

	struct phase_secret got;		/* cookie */
	struct phase_secret xml;		/* Begin */
	char *uri;				/* Prepare; NULL: as it was asked to */
	int code;				/* libvirt's error, 0 when there is none */
	cf_mono asked, answered;
	bool lost;				/* the connection ended before the answer, or with it */
};

int phase_begin(struct phase *phase, const struct phase_calls *calls, struct cf_error *err);
int phase_prepare(struct phase *phase, const struct phase_calls *calls, struct cf_error *err);
int phase_perform(struct phase *phase, const struct phase_calls *calls, struct cf_error *err);
int phase_finish(struct phase *phase, const struct phase_calls *calls, struct cf_error *err);
int phase_confirm(struct phase *phase, const struct phase_calls *calls, struct cf_error *err);

/* Begin and what goes before it, in each of which libvirtd may hang: the domain is found, and QEMU's target set. */
int phase_set_out(struct phase *phase, const struct phase_calls *calls, struct cf_error *err);

/* One of those, over this connection and, at the source, about this domain, if it is known; NULL without memory. */
struct phase *phase_new(int (*call)(struct phase *, const struct phase_calls *, struct cf_error *),
			virConnectPtr connection, virDomainPtr domain, unsigned int flags);
struct phase *phase_drop(struct phase *phase);
CF_DEFINE_AUTO(struct phase *, phase_drop)
