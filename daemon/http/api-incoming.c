/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the source's agent says to the destination's. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "daemon/act/gather.h"
#include "daemon/act/terms.h"
#include "daemon/act/work.h"
#include "daemon/http/api.h"
#include "daemon/ledger/ledger.h"
#include "daemon/settings.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/kvm-guest.h"
#include "daemon/virt/passthrough.h"
#include "policy/gate.h"

#define KEPT_WAIT       ((cf_span){ 8 * CF_S })	/* less than the source has patience */
#define LEDGER_PATIENCE ((cf_span){ 10 * CF_S })	/* more than it takes to give up */

static void add(struct cf_findings *findings, const struct cf_both_limits *limits, enum cf_finding_code code,
		const char *subject, const char *detail)
{
	struct cf_finding *finding = cf_findings_add(findings, limits, code, subject);

	if (finding)
		snprintf(finding->detail, sizeof(finding->detail), "%s", detail);
}

/* libvirt takes in no domain of the same uuid that is active, and none whose name another one has. */
static int look_for_another(struct virt *virt, const struct cf_reservation *reservation, const char *host,
			    const struct cf_both_limits *limits, struct cf_findings *findings, struct cf_error *err)
{
	struct domain_standing same = { 0 }, namesake = { 0 };
	char detail[CF_DETAIL_ROOM];
	int r;

	r = domain_look(virt, reservation->uuid, &same, err);
	if (r == 0)
		r = domain_look(virt, reservation->domain, &namesake, err);
	if (r < 0)
		return r;

	if (same.known && same.migrating) {
		snprintf(detail, sizeof(detail), "it is on its way to %.100s", host);
		add(findings, limits, CF_FINDING_DOMAIN_MIGRATING, reservation->domain, detail);
	} else if (same.known && same.active) {
		snprintf(detail, sizeof(detail), "%.100s has it, as '%.100s'", host, same.name);
		add(findings, limits, CF_FINDING_DOMAIN_EXISTS_THERE, reservation->domain, detail);
	}
	if (namesake.known && strcmp(namesake.uuid, reservation->uuid) != 0) {
		snprintf(detail, sizeof(detail), "another domain of that name on %.100s has the uuid %s", host,
			 namesake.uuid);
		add(findings, limits, CF_FINDING_DOMAIN_EXISTS_THERE, reservation->domain, detail);
	}
	return 0;
}

/* By which of our policies it is judged; and what is overridden, if that is honoured here. */
static void take_terms(const struct settings *settings, const struct cf_reservation *reservation,
		       struct own_terms *own, struct cf_lease *lease)
{
	terms_own(settings, reservation->has_policy ? reservation->policy : NULL,
		  reservation->has_requested ? reservation->requested : NULL, own);
	lease->limits = own->limits;
	lease->has_policy = true;
	snprintf(lease->policy, sizeof(lease->policy), "%s", own->policy);
	lease->has_override_accepted = reservation->has_override;
	lease->override_accepted = reservation->has_override && terms_honour(settings, reservation);
}

/* What is found out of it on a thread. */
struct considered {
	struct cf_lease lease;		/* the reply */
	bool migrating;			/* of one that somebody else drives: it stands still for a migration */
};

/* What this host has to say against it; libvirt is asked, so on a thread. */
static void object(struct api_job *job, const struct cf_reservation *reservation, const struct own_terms *own,
		   struct cf_findings *findings)
{
	const struct settings *settings = job->settings;
	const struct cf_lease *lease = job->reply;
	struct virt *virt = job->api->context->virt;
	struct cf_both_limits limits;
	struct ledger_state ledger;
	struct cf_error err = { 0 };
	int r;

	if (reservation->dry_run && strcmp(reservation->source, settings->host) == 0)
		return;		/* the source says so itself: same-host */

	cf_limits_both(&reservation->limits, reservation->source, &own->limits, settings->host, &limits);
	terms_override(reservation, lease, &limits);
	terms_object(own, settings->host, &limits, findings);
	if (*reservation->uuid)
		r = look_for_another(virt, reservation, settings->host, &limits, findings, &err);
	else		/* a dry run of a domain that is not there, or that the source's libvirt does not tell of */
		r = virt_connected(virt, &err) ? 0 : -ENOTCONN;
	if (r < 0)
		add(findings, &limits, CF_FINDING_LIBVIRT_UNAVAILABLE, settings->host, err.text);
	ledger_state(job->api->context->ledger, &ledger);
	if (!ledger.writable)
		add(findings, &limits, CF_FINDING_LEDGER_UNWRITABLE, settings->host, ledger.fault);
}

/* A migration that somebody else drives, and that has begun: it is asked whether it comes to here. */
static bool is_foreign(const struct cf_reservation *reservation)
{
	return work_driver(reservation->driver)->foreign;
}

static void miss(const struct cf_reservation *reservation, const char *why, struct cf_finding *ret)
{
	*ret = (struct cf_finding){ .code = CF_FINDING_DOMAIN_UNKNOWN, .severity = CF_SEVERITY_REFUSE };
	snprintf(ret->subject, sizeof(ret->subject), "%s", reservation->domain);
	snprintf(ret->detail, sizeof(ret->detail), "it does not come in here%s%.200s", *why ? ": " : "", why);
}

/* Nothing of this host speaks against it, since nobody has asked; but it has to be there: whether it has come in just now the loop knows. */
static void look_for_newcomer(struct api_job *job, const struct cf_reservation *reservation, struct cf_findings *findings)
{
	struct considered *considered = job->reply;
	struct domain_standing standing;
	struct cf_error err = { 0 };

	if (job->settings->guard.measure && strcmp(reservation->source, job->settings->host) != 0 &&
	    domain_glance(job->api->context->virt, reservation->uuid, &standing, &err) == 0 && standing.known &&
	    standing.active) {
		considered->migrating = standing.migrating;
		return;
	}
	findings->n_list = 1;
	miss(reservation, err.text, &findings->list[0]);
}

/* Nothing is promised twice under one id. */
static int look_for_past(struct api_job *job)
{
	CF_AUTO(cf_free) struct ledger_row *row = NULL;
	int r = ledger_find(job->api->context->ledger, job->subject, &row, &job->err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return row->line.ended ? cf_fail(&job->err, EALREADY, CF_CONFLICT, "migration %.64s has ended here already",
					 job->subject) : 0;
}

static int consider(struct api_job *job)
{
	const struct cf_reservation *reservation = job->body;
	const struct act_context *context = job->api->context;
	struct cf_findings findings = { 0 };
	struct cf_lease *lease = job->reply;
	struct own_terms own;
	struct cf_error gate = { 0 };
	struct utsname kernel;
	struct virt_host host;
	int r;

	take_terms(job->settings, reservation, &own, lease);
	if (is_foreign(reservation))
		look_for_newcomer(job, reservation, &findings);
	else
		object(job, reservation, &own, &findings);
	r = cf_gate_open(&findings) && !reservation->dry_run ? look_for_past(job) : 0;
	if (r < 0)
		return r;
	lease->granted = cf_gate_open(&findings);
	gather_report(context, &lease->report);
	snprintf(lease->host, sizeof(lease->host), "%s", job->settings->host);
	snprintf(lease->agent, sizeof(lease->agent), "%s", VERSION_TEXT);
	if (virt_host(context->virt, &host)) {
		snprintf(lease->libvirt, sizeof(lease->libvirt), "%s", host.libvirt);
		snprintf(lease->emulator, sizeof(lease->emulator), "%s", host.emulator);
	}
	lease->has_gate = true;
	lease->gate = job->settings->libvirt.driver != CF_DRIVER_LIBVIRT && gather_gate(context, &gate);
	lease->has_gate_why = !lease->gate;
	snprintf(lease->gate_why, sizeof(lease->gate_why), "%s", *gate.text ? gate.text : "its settings have `driver = libvirt`");
	lease->has_kvm = true;
	kvm_host_look(&kvm_host_roots, &reservation->passthrough, &lease->kvm);
	lease->has_passthrough_accepted = true;
	lease->passthrough_accepted = job->settings->libvirt.accept_passthrough || passthrough_is_harmless(&reservation->passthrough);
	if (uname(&kernel) == 0)
		snprintf(lease->kernel, sizeof(lease->kernel), "%.64s %.60s", kernel.sysname, kernel.release);
	for (size_t i = 0; i < findings.n_list && lease->n_findings < CF_COUNT(lease->findings); i++)
		lease->findings[lease->n_findings++] = findings.list[i];
	return 0;
}

/* What only the loop knows: is there room, and does this host take any? */
static void object_last(struct api_job *job)
{
	struct cf_lease *lease = job->reply;
	struct cf_finding finding = { .severity = CF_SEVERITY_REFUSE };

	finding.code = migrations_objection(job->api->migrations, job->subject, finding.detail);
	if (finding.code == CF_FINDING_UNKNOWN)
		return;

	lease->granted = false;
	snprintf(finding.subject, sizeof(finding.subject), "%s", lease->host);
	if (lease->n_findings < CF_COUNT(lease->findings))
		lease->findings[lease->n_findings++] = finding;
}

/* Of one that somebody else drives: does it come in, or does it merely run here?  Then it is nobody's but this host's. */
static void look_for_newcomer_last(struct api_job *job)
{
	const struct cf_reservation *reservation = job->body;
	const struct considered *considered = job->reply;
	struct cf_lease *lease = job->reply;

	if (!lease->granted || migrations_comes_in(job->api->migrations, job->subject, reservation->uuid, considered->migrating))
		return;
	lease->granted = false;
	lease->n_findings = 1;
	miss(reservation, "", &lease->findings[0]);
}

/* A lease that is told once the ledger has it. */
struct promised {
	struct http_exchange *x;
	struct migration *migration;
	struct cf_lease lease;
};

static void tell(void *userdata)
{
	struct promised *promised = userdata;
	struct cf_migration view;
	struct cf_error err = { 0 };

	migration_view(promised->migration, &view);
	if (view.phase == CF_PHASE_DROPPED) {
		cf_fail(&err, EIO, CF_HOST, "%s", view.reason);
		http_fail(promised->x, &err);
	} else {
		http_reply(promised->x, &promised->lease);
	}
	free(promised);
}

/* Back on the loop: what was considered becomes a promise, unless somebody was faster. */
static void promise(struct api_job *job)
{
	const struct cf_reservation *reservation = job->body;
	struct cf_lease *lease = job->reply;
	struct promised *promised;
	struct cf_error err = { 0 };

	if (is_foreign(reservation))
		look_for_newcomer_last(job);
	else
		object_last(job);
	if (reservation->dry_run || !lease->granted) {
		http_reply(job->x, lease);
		return;
	}
	promised = malloc(sizeof(*promised));
	if (!promised) {
		api_no_memory(job->x);
		return;
	}

	*promised = (struct promised){ .x = job->x, .lease = *lease };
	if (migrations_expect(job->api->migrations, job->subject, reservation, lease, reservation->source,
			      &promised->migration, &err) < 0 ||
	    migration_when_checked(promised->migration, LEDGER_PATIENCE, tell, promised, &err) < 0) {
		http_fail(job->x, &err);
		free(promised);
	}
}

/* What a peer says goes into names and logs, and its own name is what keeps the others out. */
static int check_reservation(struct http_exchange *x, struct cf_error *err)
{
	const struct host_names *names = &http_caller(x)->hosts;
	const struct cf_reservation *reservation = http_body(x);

	if (!cf_is_uuid(http_segment(x, 0)))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "id: '%.64s' is not a uuid", http_segment(x, 0));
	if (!cf_is_uuid(reservation->uuid) && !(reservation->dry_run && !*reservation->uuid))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "uuid: '%.64s' is not one", reservation->uuid);
	if (names->n == 0)
		return cf_fail(err, EACCES, CF_FORBIDDEN,
			       "the certificate gives this peer no name: it needs a DNS name or a CN with the role");
	if (!host_names_have(names, reservation->source))
		return cf_fail(err, EACCES, CF_FORBIDDEN, "the certificate is that of %.64s, which calls itself %.64s",
			       names->list[0], reservation->source);
	if (!passthrough_is_sound(&reservation->passthrough))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "passthrough.library: it is no path of " KVM_LIBRARY);
	return cf_labels_check(reservation->labels, reservation->n_labels, err);
}

void api_reserve(void *userdata, struct http_exchange *x)
{
	struct cf_error err = { 0 };

	if (check_reservation(x, &err) < 0) {
		http_fail(x, &err);
		return;
	}
	api_work(userdata, x, sizeof(struct considered), consider, promise);
}

struct migration *api_reserved(struct api *api, struct http_exchange *x)
{
	struct migration *migration;
	struct cf_error err = { 0 };

	if (migrations_find(api->migrations, http_segment(x, 0), &migration, NULL) < 0)
		api_past(api, x);
	else if (migrations_find_incoming(api->migrations, http_segment(x, 0), &http_caller(x)->hosts, &migration, &err) < 0)
		http_fail(x, &err);
	else
		return migration;
	return NULL;
}

/* A copy that the migration may keep; answers itself without memory. */
static void *copy_of(struct http_exchange *x, const void *message, size_t size)
{
	void *copy = malloc(size);

	if (copy)
		return memcpy(copy, message, size);

	api_no_memory(x);
	return NULL;
}

static void accept_it(struct http_exchange *x)
{
	struct cf_accepted accepted = { .accepted = true };

	http_reply(x, &accepted);
}

void api_record(void *userdata, struct http_exchange *x)
{
	struct migration *migration = api_reserved(userdata, x);
	struct cf_error err = { 0 };
	struct cf_record *record;

	if (!migration)
		return;
	record = copy_of(x, http_body(x), sizeof(*record));
	if (!record)
		return;
	if (migration_take_record(migration, record, &err) < 0)
		http_fail(x, &err);
	else
		accept_it(x);
}

void api_counters(void *userdata, struct http_exchange *x)
{
	struct migration *migration = api_reserved(userdata, x);
	struct cf_error err = { 0 };
	struct cf_counters *counters;

	if (!migration)
		return;
	counters = copy_of(x, http_body(x), sizeof(*counters));
	if (!counters)
		return;
	if (migration_take_counters(migration, counters, &err) < 0)
		http_fail(x, &err);
	else
		accept_it(x);
}

void api_landing(void *userdata, struct http_exchange *x)
{
	struct migration *migration = api_reserved(userdata, x);
	struct cf_landing landing;

	if (!migration)
		return;
	migration_landing(migration, &landing);
	http_reply(x, &landing);
}

/* A receipt that is accepted once it lasts: what is not, the source brings once more. */
struct closed {
	struct http_exchange *x;
	const struct api *api;
	const struct migration *migration;
};

static void tell_closed(void *userdata)
{
	CF_AUTO(cf_free) struct closed *closed = userdata;
	struct ledger_state state;
	struct cf_error err = { 0 };

	ledger_state(closed->api->context->ledger, &state);
	if (migration_is_kept(closed->migration)) {
		accept_it(closed->x);
		return;
	}
	if (!state.writable)
		cf_fail(&err, EROFS, CF_HOST, "the receipt cannot be kept: %s", state.fault);
	else
		cf_fail(&err, EBUSY, CF_BUSY, "the receipt is not in the ledger yet");
	http_fail(closed->x, &err);
}

void api_close(void *userdata, struct http_exchange *x)
{
	struct cf_closing *closing = http_body(x);
	const struct api *api = userdata;
	struct migration *migration;
	struct closed *closed;
	struct cf_error err = { 0 };
	struct cf_receipt *receipt;

	if (strcmp(closing->receipt.migration.id, http_segment(x, 0)) != 0) {
		cf_fail(&err, EINVAL, CF_BAD_REQUEST, "receipt: it is that of another migration");
		http_fail(x, &err);
		return;
	}
	migration = api_reserved(userdata, x);
	if (!migration)
		return;
	receipt = copy_of(x, &closing->receipt, sizeof(*receipt));
	if (!receipt)
		return;
	closed = malloc(sizeof(*closed));
	if (!closed) {
		free(receipt);
		api_no_memory(x);
		return;
	}
	*closed = (struct closed){ x, api, migration };
	if (migration_when_closed(migration, KEPT_WAIT, tell_closed, closed, &err) < 0) {
		free(receipt);
		free(closed);
		http_fail(x, &err);
		return;
	}
	migration_take_closing(migration, receipt);
}
