/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/doctor.h"

#include <assert.h>

#include "policy/words.h"
#include "proto/base.h"
#include "proto/text.h"

static struct cf_vital *add(struct cf_vitals *vitals, enum cf_vital_code code, enum cf_vital_state state,
			    const char *detail)
{
	struct cf_vital *vital = &vitals->list[vitals->n_list++];

	assert(vitals->n_list <= CF_COUNT(vitals->list));	/* there is room for one of each, and for many peers */
	cf_vital_set(vital, code, state);
	words_set(vital->detail, sizeof(vital->detail), detail);
	return vital;
}

/* What is well unless there is a reason why not. */
static void add_why(struct cf_vitals *vitals, enum cf_vital_code code, enum cf_vital_state bad, const char *why,
		    const char *detail)
{
	if (*why)
		add(vitals, code, bad, why);
	else
		add(vitals, code, CF_VITAL_OK, detail);
}

static void look_at_agent(const struct cf_host_evidence *e, struct cf_vitals *vitals)
{
	struct cf_vital *hung;

	add(vitals, CF_VITAL_AGENT, CF_VITAL_OK, e->agent);
	add_why(vitals, CF_VITAL_SETTINGS, CF_VITAL_FAIL, e->settings_fault, "");
	hung = add(vitals, CF_VITAL_HUNG_CALLS, e->hung_calls > 0 ? CF_VITAL_WARN : CF_VITAL_OK, "");
	if (e->hung_calls > 0)
		words_add_int(hung->detail, sizeof(hung->detail), e->hung_calls);
	add(vitals, CF_VITAL_SOCKET, e->socket_for_operators ? CF_VITAL_OK : CF_VITAL_WARN, e->socket);
	add_why(vitals, CF_VITAL_RUNTIME, CF_VITAL_FAIL, e->runtime_why, e->runtime);
	add_why(vitals, CF_VITAL_LEDGER, CF_VITAL_FAIL, e->ledger_why, e->ledger);
	add_why(vitals, CF_VITAL_LEDGER_LOST, CF_VITAL_WARN, e->ledger_lost, "");
}

/* Holdover is leave to go on for a while, and no state to be left in. */
static enum cf_vital_state clock_state(enum cf_clock_state state)
{
	return state == CF_CLOCK_SYNCHRONISED ? CF_VITAL_OK : state == CF_CLOCK_HOLDOVER ? CF_VITAL_WARN
											 : CF_VITAL_FAIL;
}

static void look_at_bound(const struct cf_report *report, struct cf_vitals *vitals)
{
	struct cf_vital *clock = add(vitals, CF_VITAL_CLOCK, clock_state(report->state), report->why);
	char bound[CF_SPAN_TEXT_ROOM];

	if (!report->has_bound || *report->why)
		return;
	words_add(clock->detail, sizeof(clock->detail), "within ");
	words_add(clock->detail, sizeof(clock->detail), cf_span_text(report->bound, bound));
	words_add(clock->detail, sizeof(clock->detail), " of UTC");
}

/* Its last answer stays in the report when it is long gone; and is not young where it is asked seldom. */
static bool answers(const struct cf_report *report, cf_span fresh)
{
	return report->has_tracking && cf_span_cmp(report->reading_age, fresh) <= 0;
}

static void look_at_clock(const struct cf_host_evidence *e, struct cf_vitals *vitals)
{
	const struct cf_report *report = &e->report;
	struct cf_vital *tai;

	if (answers(report, e->fresh))
		add(vitals, CF_VITAL_CHRONYD, CF_VITAL_OK, report->has_via ? cf_vias[report->via] : "");
	else
		add(vitals, CF_VITAL_CHRONYD, CF_VITAL_FAIL, report->why);
	look_at_bound(report, vitals);
	add(vitals, CF_VITAL_KERNEL, report->kernel_unsync ? CF_VITAL_WARN : CF_VITAL_OK, "");
	tai = add(vitals, CF_VITAL_TAI, report->has_tai_s ? CF_VITAL_OK : CF_VITAL_WARN, "");
	if (report->has_tai_s) {
		words_add_int(tai->detail, sizeof(tai->detail), report->tai_s);
		words_add(tai->detail, sizeof(tai->detail), " s");
	}

	for (size_t i = 0; i < e->n_rivals; i++)
		add(vitals, CF_VITAL_RIVAL, CF_VITAL_FAIL, e->rivals[i]);
	if (e->n_rivals == 0)
		add(vitals, CF_VITAL_RIVAL, CF_VITAL_OK, "");
}

/* Of none it is not known that it is old. */
static bool is_old(int64_t version, int64_t least)
{
	return version > 0 && version < least;
}

/* "2 of 10: web1, db2" */
static void look_at_guests(const struct cf_host_evidence *e, struct cf_vitals *vitals)
{
	struct cf_vital *agents;

	agents = add(vitals, CF_VITAL_GUEST_AGENTS, e->n_agentless > 0 ? CF_VITAL_WARN : CF_VITAL_OK, "");
	words_add_int(agents->detail, sizeof(agents->detail), e->n_agentless > 0 ? e->n_agentless : e->n_guests);
	words_add(agents->detail, sizeof(agents->detail), e->n_agentless > 0 ? " of " : " running");
	if (e->n_agentless == 0)
		return;
	words_add_int(agents->detail, sizeof(agents->detail), e->n_guests);
	words_add(agents->detail, sizeof(agents->detail), ": ");
	words_add(agents->detail, sizeof(agents->detail), e->agentless);
}

/* libvirt looks for hooks when it starts, and when it is told to. */
static bool is_loaded(const struct cf_hook_evidence *hook)
{
	if (!hook->has_began || cf_real_since(hook->began, hook->since).ns > 0)
		return true;
	return cf_real_since(hook->loaded, hook->since).ns >= 0 || cf_real_since(hook->asked, hook->since).ns > 0;
}

static void look_at_hook(const struct cf_hook_evidence *hook, struct cf_vitals *vitals)
{
	struct cf_vital *vital;

	if (!hook->installed) {
		add(vitals, CF_VITAL_HOOK, CF_VITAL_OK, "not installed");
	} else if (*hook->broken) {
		add(vitals, CF_VITAL_HOOK, CF_VITAL_WARN, hook->broken);
	} else if (*hook->untold) {
		vital = add(vitals, CF_VITAL_HOOK, CF_VITAL_WARN, "it does not find the agent's settings in ");
		words_add(vital->detail, sizeof(vital->detail), hook->untold);
	} else if (!is_loaded(hook)) {
		vital = add(vitals, CF_VITAL_HOOK, CF_VITAL_WARN, "installed, not loaded yet: restart or reload ");
		words_add(vital->detail, sizeof(vital->detail), hook->daemon);
	} else {
		vital = add(vitals, CF_VITAL_HOOK, CF_VITAL_OK, "installed, mode ");
		words_add(vital->detail, sizeof(vital->detail), cf_guard_mode_words[hook->mode]);
	}
}

static void look_at_libvirt(const struct cf_host_evidence *e, struct cf_vitals *vitals)
{
	bool old = is_old(e->libvirt_version, CF_LIBVIRT_LEAST) || is_old(e->emulator_version, CF_QEMU_LEAST);

	if (e->libvirt) {
		add(vitals, CF_VITAL_LIBVIRT, CF_VITAL_OK, "");
		add(vitals, CF_VITAL_VERSIONS, old ? CF_VITAL_WARN : CF_VITAL_OK, e->versions);
	} else {
		add(vitals, CF_VITAL_LIBVIRT, CF_VITAL_FAIL, e->libvirt_why);
	}
	add_why(vitals, CF_VITAL_DRIVER, e->driver_spare ? CF_VITAL_WARN : CF_VITAL_FAIL, e->driver_lacks, e->driver);
	look_at_hook(&e->hook, vitals);
	if (*e->cut_why)
		add(vitals, CF_VITAL_CUT, CF_VITAL_FAIL, e->cut_why);
	else
		add_why(vitals, CF_VITAL_CUT, CF_VITAL_WARN, e->late_why, "");
	if (e->has_kvm)
		add_why(vitals, CF_VITAL_COUNTERS, CF_VITAL_WARN, e->counters_why, "");
	if (e->guests_known)
		look_at_guests(e, vitals);
}

/* "2027-03-01T12:00:00Z": certificates know no fractions. */
static const char *second_text(cf_real at, char ret[static CF_REAL_TEXT_ROOM])
{
	char *dot = cf_real_text(at, ret) + sizeof("2027-03-01T12:00:00") - 1;

	words_set(dot, 2, "Z");
	return ret;
}

static void look_at_life(const struct cf_shelf_life *life, enum cf_vital_code code, cf_span soon, enum cf_vital_state over,
			 cf_real now, struct cf_vitals *vitals)
{
	bool is_early = cf_real_since(now, life->from).ns < 0, is_late = cf_real_since(life->until, now).ns < 0;
	enum cf_vital_state state = is_early || is_late ? over : CF_VITAL_OK;
	char at[CF_REAL_TEXT_ROOM];
	struct cf_vital *vital;

	if (!life->known)
		return;
	if (state == CF_VITAL_OK && cf_span_cmp(cf_real_since(life->until, now), soon) < 0)
		state = CF_VITAL_WARN;
	vital = add(vitals, code, state, is_early ? "from " : "until ");
	words_add(vital->detail, sizeof(vital->detail), second_text(is_early ? life->from : life->until, at));
}

static void look_at_tls(const struct cf_host_evidence *e, struct cf_vitals *vitals)
{
	const cf_span soon = { CF_EXPIRES_SOON }, never = { 0 };

	add_why(vitals, CF_VITAL_LISTENING, CF_VITAL_FAIL, e->listening_why, "");
	look_at_life(&e->certificate, CF_VITAL_CERTIFICATE, soon, CF_VITAL_FAIL, e->now, vitals);
	look_at_life(&e->ca, CF_VITAL_CA, soon, CF_VITAL_FAIL, e->now, vitals);
	look_at_life(&e->crl, CF_VITAL_CRL, never, CF_VITAL_WARN, e->now, vitals);
	if (*e->key)
		add(vitals, CF_VITAL_KEY, e->key_open ? CF_VITAL_FAIL : CF_VITAL_OK, e->key);
	add(vitals, CF_VITAL_PEER_ROLE, e->has_peer_role ? CF_VITAL_OK : CF_VITAL_WARN, "");
}

static const char *why_closed(const struct cf_peer *peer)
{
	for (size_t i = 0; i < peer->n_findings; i++)
		if (cf_finding_refuses(&peer->findings[i]))
			return cf_finding_words[peer->findings[i].code];
	return "";
}

static bool is_well(const struct cf_peer *peer)
{
	return peer->reachable && peer->gate_open;
}

static void look_at_peer(const struct cf_peer *peer, struct cf_vital *ret)
{
	if (is_well(peer))
		cf_vital_set(ret, CF_VITAL_PEER, CF_VITAL_OK);
	else
		cf_vital_set(ret, peer->reachable ? CF_VITAL_GATE : CF_VITAL_PEER, CF_VITAL_FAIL);
	words_set(ret->detail, sizeof(ret->detail), !peer->reachable ? peer->why : !peer->gate_open ? why_closed(peer) : "");
	words_set(ret->subject, sizeof(ret->subject), peer->host);
}

/* Behind `peers`, in place of one that is well where there is no other; NULL where there is none of those either. */
static struct cf_vital *place_of(const struct cf_peer *peer, struct cf_vital *all, struct cf_vitals *vitals)
{
	if (vitals->n_list < CF_COUNT(vitals->list))
		return &vitals->list[vitals->n_list++];
	for (struct cf_vital *last = &vitals->list[vitals->n_list - 1]; !is_well(peer) && last > all; last--)
		if (last->state == CF_VITAL_OK)
			return last;
	return NULL;
}

void cf_doctor_peers(const struct cf_peers *page, size_t *n, struct cf_vitals *vitals)
{
	struct cf_vital *all = vitals->list, *place;
	size_t shown;

	while (all->code != CF_VITAL_PEERS)
		all++;
	for (size_t i = 0; i < page->n_list; i++)
		if ((place = place_of(&page->list[i], all, vitals)))
			look_at_peer(&page->list[i], place);
	*n += page->n_list;
	cf_vital_set(all, CF_VITAL_PEERS, CF_VITAL_OK);
	words_add_int(all->detail, sizeof(all->detail), *n);
	shown = vitals->list + vitals->n_list - all - 1;
	if (shown == *n)
		return;
	words_add(all->detail, sizeof(all->detail), ", of which ");
	words_add_int(all->detail, sizeof(all->detail), shown);
	words_add(all->detail, sizeof(all->detail), " are shown, those first that are not well");
}

void cf_doctor(const struct cf_host_evidence *evidence, struct cf_vitals *vitals)
{
	look_at_agent(evidence, vitals);
	look_at_clock(evidence, vitals);
	look_at_libvirt(evidence, vitals);
	look_at_tls(evidence, vitals);
	add(vitals, CF_VITAL_PEERS, CF_VITAL_WARN, "");
}
