/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures the offset to another host's agent as the agent here would, with the
 * same code, and says what each measurement proves: tests/pair.sh knows the truth,
 * and bench/offset how long it took.
 *
 *	rounds PKI HOST PORT N COUNT	COUNT measurements of N rounds each
 *
 * PKI is the folder of ca.pem, cert.pem and key.pem.  One line of JSON each: the
 * RAW and the host offset (there minus here) as [low, high], and the time it took.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock/kernel.h"
#include "daemon/peer/probe.h"
#include "proto/base.h"

static const cf_span patience = { 10 * CF_S };

static int measure(struct call *call, int n, struct cf_error *err)
{
	struct cf_offset offset = { 0 };
	char boot[CF_BOOT_ROOM] = "";
	cf_mono begun = kernel_raw(), ended;
	struct cf_interval raw, real;
	struct cf_instant now;
	int r;

	r = probe_rounds(call, n, &offset, boot, patience, err);
	if (r < 0)
		return r;
	ended = kernel_raw();
	now = kernel_instant();
	raw = cf_offset_raw(&offset, now.raw);
	real = cf_offset_real(&offset, now, CF_SLEW_PPM);

	printf("{\"rounds\": %" PRId64 ", \"raw\": [%" PRId64 ", %" PRId64 "], \"real\": [%" PRId64 ", %" PRId64
	       "], \"took_ns\": %" PRId64 "}\n", offset.rounds, raw.low.ns, raw.high.ns, real.low.ns,
	       real.high.ns, cf_mono_since(ended, begun).ns);
	return 0;
}

static int connect_to(const char *pki, const char *host, int port, struct call **ret, struct cf_error *err)
{
	char ca[4096], certificate[4096], key[4096];
	const struct call_tls tls = { .ca = ca, .certificate = certificate, .key = key };
	int r;

	snprintf(ca, sizeof(ca), "%s/ca.pem", pki);
	snprintf(certificate, sizeof(certificate), "%s/cert.pem", pki);
	snprintf(key, sizeof(key), "%s/key.pem", pki);
	r = call_new(ret, host, NULL, port, &tls, err);
	return r < 0 ? r : call_warm(*ret, patience, err);
}

int main(int argc, char **argv)
{
	CF_AUTO(call_free) struct call *call = NULL;
	struct cf_error err = { 0 };
	int r;

	if (argc != 6) {
		fprintf(stderr, "rounds PKI HOST PORT N COUNT\n");
		return 2;
	}

	r = connect_to(argv[1], argv[2], atoi(argv[3]), &call, &err);
	for (int left = atoi(argv[5]); r == 0 && left > 0; left--)
		r = measure(call, atoi(argv[4]), &err);
	if (r < 0)
		fprintf(stderr, "rounds: %s\n", err.text);
	return r < 0;
}
