/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which domains there are. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/virt/counters.h"
#include "daemon/virt/kvm-page.h"
#include "daemon/virt/question.h"

#define LIST_TIME ((cf_span){ 30 * CF_S })	/* a thousand of them take libvirt about a second */

/* Of the QEMU of a domain that runs with KVM; absent where it cannot be looked at. */
static void look_for_library(struct cf_domain *one)
{
	pid_t pid;

	if (strcmp(one->type, "kvm") == 0 && counters_pid(&counter_roots, one->name, one->uuid, &pid, NULL) == 0)
		one->has_kvm_library = kvm_page_present(counter_roots.proc, pid, &one->kvm_library, NULL) == 0;
}

/* Fails when the domain has gone meanwhile, or libvirtd. */
static int list_one(struct question *question, virDomainPtr domain, struct cf_domain *ret, struct cf_error *err)
{
	const struct domain_xml *xml = &question->xml;
	struct cf_domain one = { 0 };
	int state, r;

	if (virDomainGetState(domain, &state, NULL, 0) < 0)
		return virt_fail(err, "state of the domain");
	r = question_read_xml(question, domain, err);
	if (r < 0)
		return r;

	memcpy(one.name, xml->name, sizeof(one.name));
	memcpy(one.uuid, xml->uuid, sizeof(one.uuid));
	memcpy(one.type, xml->guest.type, sizeof(one.type));
	memcpy(one.manager, xml->manager, sizeof(one.manager));
	one.state = question_state(state);
	one.agent_connected = xml->guest.agent_connected;
	look_for_library(&one);
	*ret = one;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(virDomainGetName(*(const virDomainPtr *)a), virDomainGetName(*(const virDomainPtr *)b));
}

/*
 * Of the n domains in order, those behind `after`; one that has gone meanwhile leaves its page shorter.  Where
 * libvirtd has gone there is no page: what is missing in it would be taken for gone.
 */
static int list_page(struct question *question, virDomainPtr *domains, size_t n, struct cf_error *err)
{
	struct cf_domains *list = question->list;
	size_t first = 0, end;

	while (first < n && strcmp(virDomainGetName(domains[first]), question->after) <= 0)
		first++;
	end = n - first > question->limit ? first + question->limit : n;
	for (size_t i = first; i < end; i++) {
		struct cf_error why = { 0 };
		int r = list_one(question, domains[i], &list->list[list->n_list], &why);

		if (r == 0)
			list->n_list++;
		else if (virConnectIsAlive(virDomainGetConnect(domains[i])) != 1)
			return cf_fail(err, -r, why.code, "%s", why.text);
	}
	list->has_next = end < n;
	if (list->has_next)
		snprintf(list->next, sizeof(list->next), "%s", virDomainGetName(domains[end - 1]));
	return 0;
}

static int list_all(struct question *question, virConnectPtr connection, struct cf_error *err)
{
	virDomainPtr *domains = NULL;
	int n, r;

	n = virConnectListAllDomains(connection, &domains, 0);
	if (n < 0)
		return virt_fail(err, "list of domains");

	qsort(domains, n, sizeof(*domains), by_name);
	r = list_page(question, domains, n, err);
	for (int i = 0; i < n; i++)
		virDomainFree(domains[i]);
	free(domains);
	return r;
}

int domain_list(struct virt *virt, const char *after, size_t limit, struct cf_domains *ret, struct cf_error *err)
{
	CF_AUTO(question_drop) struct question *question = question_new(list_all, err);
	int r;

	if (!question)
		return -ENOMEM;
	question->list = calloc(1, sizeof(*question->list));
	if (!question->list)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	snprintf(question->after, sizeof(question->after), "%s", after);
	question->limit = limit < CF_DOMAINS_MAX ? limit : CF_DOMAINS_MAX;
	r = question_ask(question, virt, "list of domains", "", LIST_TIME, err);
	if (r == 0)
		*ret = *question->list;
	return r;
}
