/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libvirt's test driver, which has no phases of a migration; and phases in their place. */

#include <semaphore.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/phases.h"

#define URI  "test:///default"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of the domain "test" there */
#define COME "11111111-2222-4333-8444-555555555555"	/* of one that comes */
#define PATIENCE ((cf_span){ 60 * CF_S })

extern struct virt *virt;
extern virConnectPtr other;
extern virDomainPtr test;
extern struct cf_error err;

/* What libvirt is asked, and what it says: 0 or the number of an error. */
extern struct fake_phases {
	int begin, prepare, perform, finish, confirm;	/* answers */
	const char *uri;		/* Prepare's */
	sem_t *hold;			/* Begin, Finish and Confirm wait for it */
	char told[256];			/* the calls, in order */
	char cookie[16];		/* the last one that came in */
	char asked_uri[64];
	unsigned int flags;		/* of the last call */
} fake;

/* false: there is no such driver. */
bool fake_begins(void);

/* false: something hangs. */
bool fake_ends(void);

cf_mono soon(void);
cf_mono now(void);

/* Answers are good ones again, and nothing has been told. */
void forget(void);

/* Nothing but these calls, in this order? */
bool told(const char *calls);
