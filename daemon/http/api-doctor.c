/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How this host is, thing by thing. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/doctor.h"
#include "daemon/guard.h"
#include "daemon/http/api.h"
#include "daemon/http/certificate.h"
#include "daemon/http/server.h"
#include "daemon/peer/fleet.h"

/* The reply, and behind it what it is made of. */
struct examination {
	struct cf_vitals vitals;
	struct cf_host_evidence evidence;
	struct cf_peers page;
	size_t n_peers;
};

/* What only the loop may ask. */
static void look_at_server(const struct api *api, struct cf_host_evidence *ret)
{
	ret->socket_for_operators = server_has_operators(api->server);
	snprintf(ret->socket, sizeof(ret->socket), "%.230s", server_socket(api->server));
	snprintf(ret->listening_why, sizeof(ret->listening_why), "%s", server_tls_why(api->server));
	guard_look(&guard_roots, api->context->settings, api->hook_asked, &ret->hook);
	snprintf(ret->settings_fault, sizeof(ret->settings_fault), "%s", api->settings_fault);
}

static void look_at_files(const struct settings *settings, struct cf_host_evidence *ret)
{
	struct stat st;

	certificate_life(settings->tls.cert, &ret->certificate);
	certificate_life(settings->tls.ca, &ret->ca);
	if (*settings->tls.crl)
		crl_life(settings->tls.crl, &ret->crl);
	if (stat(settings->tls.key, &st) < 0)
		return;
	snprintf(ret->key, sizeof(ret->key), "%.230s", settings->tls.key);
	/* Whoever is in the agent's own group may ask it for migrations, and no more than that. */
	ret->key_open = st.st_mode & S_IROTH || (st.st_mode & S_IRGRP && st.st_gid == getegid() && getegid() != 0);
}

static int examine(struct api_job *job)
{
	struct examination *e = job->reply;

	look_at_files(job->settings, &e->evidence);
	doctor_look(&doctor_roots, job->api->context, job->settings, &e->evidence);
	snprintf(e->vitals.host, sizeof(e->vitals.host), "%s", job->settings->host);
	cf_doctor(&e->evidence, &e->vitals);
	while (fleet_next(job->api->context->fleet, &e->page))
		cf_doctor_peers(&e->page, &e->n_peers, &e->vitals);
	return 0;
}

void api_doctor(void *userdata, struct http_exchange *x)
{
	struct api *api = userdata;
	struct examination *examination = calloc(1, sizeof(*examination));

	if (examination)
		look_at_server(api, &examination->evidence);
	api_work_on(api, x, examination, examine);
}
