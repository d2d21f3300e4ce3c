/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/question.h"

#include <errno.h>

#include "daemon/clock/kernel.h"

static int run(struct task *task, struct cf_error *err)
{
	struct question *question = (struct question *)task;

	return question->ask(question, question->line->connection, err);
}

static void clear(struct task *task)
{
	struct question *question = (struct question *)task;

	virt_line_drop(question->line);
	free(question->domain);
	free(question->list);
}

struct question *question_new(int (*ask)(struct question *question, virConnectPtr connection, struct cf_error *err),
			      struct cf_error *err)
{
	struct question *question = (struct question *)task_new(sizeof(*question), run, clear);

	if (question)
		question->ask = ask;
	else
		cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	return question;
}

struct question *question_drop(struct question *question)
{
	if (question)
		task_drop(&question->task);
	return NULL;
}

int question_ask(struct question *question, struct virt *virt, const char *kind, const char *subject, cf_span patience,
		 struct cf_error *err)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	cf_mono deadline;
	int r;

	virt_host(virt, &question->host);
	r = virt_borrow(virt, &link, err);
	if (r < 0)
		return r;
	deadline = cf_mono_add(kernel_raw(), patience);
	r = virt_line_take(link, deadline, &question->line, err);
	return r < 0 ? r : task_by(&question->task, kind, subject, deadline, err);
}

static const enum cf_domain_state states[] = {
	[VIR_DOMAIN_NOSTATE] = CF_DOMAIN_STATE_UNKNOWN, [VIR_DOMAIN_RUNNING] = CF_DOMAIN_RUNNING,
	[VIR_DOMAIN_BLOCKED] = CF_DOMAIN_RUNNING, [VIR_DOMAIN_PAUSED] = CF_DOMAIN_PAUSED,
	[VIR_DOMAIN_SHUTDOWN] = CF_DOMAIN_SHUTDOWN, [VIR_DOMAIN_SHUTOFF] = CF_DOMAIN_SHUTOFF,
	[VIR_DOMAIN_CRASHED] = CF_DOMAIN_CRASHED, [VIR_DOMAIN_PMSUSPENDED] = CF_DOMAIN_SUSPENDED,
};

enum cf_domain_state question_state(int state)
{
	return state >= 0 && state < (int)CF_COUNT(states) ? states[state] : CF_DOMAIN_STATE_UNKNOWN;
}

int question_read_xml(struct question *question, virDomainPtr domain, struct cf_error *err)
{
	/* Without VIR_DOMAIN_XML_SECURE libvirt leaves passwords out. */
	CF_AUTO(cf_free) char *text = virDomainGetXMLDesc(domain, 0);

	if (!text)
		return virt_fail(err, "domain XML");
	return domain_xml_read(text, question->host.libvirt_version, question->host.emulator_version, &question->xml, err);
}
