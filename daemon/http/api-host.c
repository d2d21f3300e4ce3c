/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* This host: how it is, its clock, its peers, its domains. */

#include <stdio.h>
#include <string.h>

#include "daemon/act/gather.h"
#include "daemon/clock/kernel.h"
#include "daemon/http/api.h"
#include "daemon/http/server.h"
#include "daemon/ledger/ledger.h"
#include "daemon/peer/fleet.h"
#include "daemon/virt/domain.h"
#include "proto/domain.h"
#include "proto/health.h"
#include "proto/probe.h"

#define LINK_PATIENCE ((cf_span){ 5 * CF_S })

void api_health(void *userdata, struct http_exchange *x)
{
	struct api *api = userdata;
	struct cf_health health = { .migrations = migrations_under_way(api->migrations),
				    .has_queued = true,
				    .queued = migrations_queued(api->migrations),
				    .has_quiescing = true,
				    .quiescing = migrations_quiescing(api->migrations),
				    .hung_calls = virt_hung_calls() };
	struct ledger_state ledger;
	struct cf_report report;
	struct virt_host host;
	struct cf_error why;

	gather_report(api->context, &report);
	snprintf(health.host, sizeof(health.host), "%s", api->context->settings->host);
	health.clock = report.state;
	health.libvirt_connected = virt_connected(api->context->virt, &why);
	if (!health.libvirt_connected)
		snprintf(health.libvirt_why, sizeof(health.libvirt_why), "%s", why.text);
	else if (virt_host(api->context->virt, &host))
		snprintf(health.libvirt, sizeof(health.libvirt), "%s", host.libvirt);
	ledger_state(api->context->ledger, &ledger);
	health.has_ledger = true;
	health.has_ledger_note = ledger.lost;
	snprintf(health.ledger, sizeof(health.ledger), "%s", ledger.fault);
	snprintf(health.ledger_note, sizeof(health.ledger_note), "%s", ledger.note);
	snprintf(health.settings, sizeof(health.settings), "%s", api->settings_fault);
	snprintf(health.tls_why, sizeof(health.tls_why), "%s", server_tls_why(api->server));
	health.tls_listening = !*health.tls_why;
	health.healthy = health.clock == CF_CLOCK_SYNCHRONISED && health.libvirt_connected && !*health.settings &&
			 health.tls_listening && ledger.writable && !health.quiescing;
	http_reply(x, &health);
}

void api_version(void *userdata, struct http_exchange *x)
{
	struct api *api = userdata;
	struct cf_version version = { .agent = VERSION_TEXT, .major = CF_MAJOR, .minor = CF_MINOR };

	snprintf(version.host, sizeof(version.host), "%s", api->context->settings->host);
	http_reply(x, &version);
}

void api_clock(void *userdata, struct http_exchange *x)
{
	struct api *api = userdata;
	struct cf_report report;

	gather_report(api->context, &report);
	http_reply(x, &report);
}

void api_probe(void *userdata, struct http_exchange *x)
{
	struct api *api = userdata;
	struct cf_round_reply reply = { .t2 = http_received(x), .at = kernel_instant() };

	memcpy(reply.boot, api->boot, sizeof(api->boot));
	reply.t3 = kernel_raw();
	http_reply(x, &reply);
}

static int list_peers(struct api_job *job)
{
	const struct cf_page_query *page = job->query;

	fleet_list(job->api->context->fleet, page->cursor, api_limit(page, CF_PEERS_MAX), job->reply);
	return 0;
}

void api_peers(void *userdata, struct http_exchange *x)
{
	api_work(userdata, x, sizeof(struct cf_peers), list_peers, NULL);
}

static int measure_peer(struct api_job *job)
{
	return fleet_measure(job->api->context->fleet, job->subject, job->reply, &job->err);
}

void api_peer(void *userdata, struct http_exchange *x)
{
	api_work(userdata, x, sizeof(struct cf_peer), measure_peer, NULL);
}

static int list_domains(struct api_job *job)
{
	const struct cf_page_query *page = job->query;

	return domain_list(job->api->context->virt, page->cursor, api_limit(page, CF_DOMAINS_MAX), job->reply, &job->err);
}

void api_domains(void *userdata, struct http_exchange *x)
{
	api_work(userdata, x, sizeof(struct cf_domains), list_domains, NULL);
}

static int look_at_guest(struct api_job *job)
{
	return gather_guest_clock(job->api->context, job->settings, job->subject, job->reply, &job->err);
}

void api_domain_clock(void *userdata, struct http_exchange *x)
{
	api_work(userdata, x, sizeof(struct cf_guest_clock), look_at_guest, NULL);
}
