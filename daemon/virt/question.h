/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What libvirt is asked of this host's domains: each question is a task, since it may never be answered. */

#include "daemon/virt/domain-xml.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"

struct question {
	struct task task;
	int (*ask)(struct question *question, virConnectPtr connection, struct cf_error *err);
	struct virt_line *line;
	struct virt_host host;			/* as it was then */

	/* of one domain */
	char *domain;				/* its name or uuid */
	struct domain_standing standing;	/* but for its job; and what it has beside */
	struct domain_xml xml;
	int snapshots;

	/* of all */
	char after[CF_NAME_ROOM];
	size_t limit;
	struct cf_domains *list;
};

struct question *question_new(int (*ask)(struct question *question, virConnectPtr connection, struct cf_error *err),
			      struct cf_error *err);
struct question *question_drop(struct question *question);
CF_DEFINE_AUTO(struct question *, question_drop)

/* Ask, and wait for so long.  kind and subject: as for task_start(). */
int question_ask(struct question *question, struct virt *virt, const char *kind, const char *subject, cf_span patience,
		 struct cf_error *err);

/* While it is asked: what libvirt says of a domain, in our words. */
enum cf_domain_state question_state(int state);
int question_read_xml(struct question *question, virDomainPtr domain, struct cf_error *err);
