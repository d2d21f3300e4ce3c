/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/peer/sight.h"

#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/peer/probe.h"
#include "policy/gate.h"
#include "proto/health.h"

int sight_call(const struct settings *settings, const char *host, struct call **ret, struct cf_error *err)
{
	const struct call_tls tls = {
		.ca = settings->tls.ca,
		.crl = settings->tls.crl,
		.certificate = settings->tls.cert,
		.key = settings->tls.key,
	};
	const char *address;
	int port;

	settings_where(settings, host, &address, &port);
	return call_new(ret, host, address, port, &tls, err);
}

static void say_where(const struct settings *settings, struct cf_peer *peer)
{
	const char *address;
	int port;

	settings_where(settings, peer->host, &address, &port);
	snprintf(peer->address, sizeof(peer->address), "%.240s port %d", address, port);
}

void sight_begin(const struct settings *settings, const char *host, struct sighting *ret)
{
	*ret = (struct sighting){ .failure = CF_FINDING_PEER_UNREACHABLE };
	snprintf(ret->peer.host, sizeof(ret->peer.host), "%s", host);
	snprintf(ret->peer.why, sizeof(ret->peer.why), "not asked yet");
	say_where(settings, &ret->peer);
}

static int measure(const struct settings *settings, struct call **call, struct sighting *sighting,
		   struct cf_error *err)
{
	struct cf_peer *peer = &sighting->peer;
	cf_span patience = settings->probe.timeout;
	int r;

	if (!*call) {
		r = sight_call(settings, peer->host, call, err);
		if (r < 0)
			return r;
	}
	sighting->offset.drift_ppm = settings->probe.raw_drift_ppm;
	r = probe_calmly(*call, settings->probe.rounds, &sighting->offset, sighting->boot, patience, err);
	peer->rounds = sighting->offset.rounds;
	if (r == 0)
		r = call_do(*call, CF_ROUTE_CLOCK, NULL, NULL, NULL, &peer->report, patience, NULL, err);
	if (r < 0)
		return r;

	sighting->heard = kernel_raw();
	peer->has_report = peer->has_agent = true;
	snprintf(peer->agent, sizeof(peer->agent), "%s", call_version(*call)->agent);
	return 0;
}

void sight(const struct settings *settings, struct call **call, struct sighting *sighting)
{
	struct cf_peer *peer = &sighting->peer;
	struct cf_error err = { 0 };
	int r;

	say_where(settings, peer);
	r = measure(settings, call, sighting, &err);
	peer->reachable = r == 0;
	snprintf(peer->why, sizeof(peer->why), "%s", err.text);
	if (r < 0) {
		sighting->failure = call_finding(r, &err);
		call_free(CF_TAKE(*call));
	}
}

/* Of a host that does not answer, nothing that it once said is judged. */
static void judge(const struct settings *settings, struct reporter *reporter, enum cf_finding_code failure,
		  cf_real now, struct cf_peer *peer)
{
	const struct settings_policy *own = settings_policy(settings, "");
	struct cf_both_limits limits;
	struct cf_findings findings = { 0 };
	struct cf_finding *finding;
	struct cf_report ours;
	struct cf_pair_evidence pair = {
		.source = settings->host,
		.destination = peer->host,
		.source_report = &ours,
		.destination_report = peer->has_report ? &peer->report : NULL,
		.has_host_offset = peer->has_host_offset,
		.host_offset = peer->host_offset,
		.now = now,
	};

	cf_limits_both(&own->limits, settings->host, &own->limits, settings->host, &limits);
	if (peer->reachable) {
		reporter_report(reporter, &ours);
		cf_gate_pair(&pair, &limits, &findings);
	} else {
		finding = cf_findings_add(&findings, &limits, failure, peer->host);
		if (finding)
			snprintf(finding->detail, sizeof(finding->detail), "%s", peer->why);
	}

	peer->gate_open = peer->reachable && cf_gate_open(&findings);
	for (size_t i = 0; i < findings.n_list && peer->n_findings < CF_COUNT(peer->findings); i++)
		peer->findings[peer->n_findings++] = findings.list[i];
}

void sight_now(const struct settings *settings, struct reporter *reporter, const struct sighting *sighting,
	       struct cf_peer *ret)
{
	const struct cf_report *report = sighting->peer.has_report ? &sighting->peer.report : NULL;
	struct cf_instant now = kernel_instant();

	*ret = sighting->peer;
	ret->n_findings = 0;
	ret->has_host_offset = ret->has_half_width = ret->rounds > 0;
	ret->has_age = sighting->heard.ns != 0;
	if (ret->has_age)
		ret->age = cf_mono_since(now.raw, sighting->heard);
	ret->host_offset = cf_offset_real(&sighting->offset, now,
					  cf_slew_since(&sighting->offset, report, now.raw));
	ret->half_width = cf_interval_half(ret->host_offset);
	judge(settings, reporter, sighting->failure, now.real, ret);
}
