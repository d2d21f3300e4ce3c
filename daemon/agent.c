/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "daemon/agent-inside.h"
#include "daemon/alone.h"
#include "daemon/clock/kernel.h"
#include "daemon/guard.h"
#include "daemon/ledger/marks.h"
#include "daemon/log.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/events.h"
#include "daemon/worker.h"

#define RUN       RUNDIR "/clockferry"
#define LOCK      RUN "/lock"
#define DECISIONS RUN "/decisions"

#define HOUR            ((cf_span){ 3600 * CF_S })
#define LOCK_PATIENCE   ((cf_span){ 7 * CF_S })	/* the one before may not be all gone; and systemd shall not give up (StartLimitBurst) */
#define WORKER_PATIENCE ((cf_span){ 5 * CF_S })	/* for requests that are being worked on when the agent ends */

/* --- events --- */

static int on_reporter(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct agent *agent = userdata;
	struct cf_report report;

	(void)source, (void)fd, (void)events;
	reporter_changed(agent->reporter);
	reporter_report(agent->reporter, &report);
	if (report.state == agent->clock)
		return 0;

	agent->clock = report.state;
	log_notice_about(LOG_ABOUT(.id = LOG_ID_CLOCK_CHANGED), "this host's clock is %s%s%s",
			 cf_clock_states[report.state], *report.why ? ": " : "", report.why);
	sd_notifyf(false, "STATUS=clock %s", cf_clock_states[report.state]);
	return 0;
}

static void on_ledger(void *userdata, const struct ledger_state *state)
{
	struct agent *agent = userdata;
	const struct ledger_state *before = &agent->ledger_state;

	if (state->lost && strcmp(state->note, before->note) != 0)
		log_warning_about(LOG_ABOUT(.id = LOG_ID_LEDGER_LOST), "ledger %s: %s", ledger_path(agent->ledger),
				  state->note);
	if (!state->writable && before->writable)
		log_error_about(LOG_ABOUT(.id = LOG_ID_LEDGER_FAILED), "the ledger cannot be written: %s", state->fault);
	if (state->writable && !before->writable)
		log_notice_about(LOG_ABOUT(.id = LOG_ID_LEDGER_BACK), "the ledger can be written again");
	if (state->begun > before->begun)
		migrations_restore(agent->migrations);
	if (state->begun > before->begun)
		migrations_relearn(agent->migrations, state->lost);
	agent->ledger_state = *state;
	if (state->writable)
		migrations_recover_later(agent->migrations);
}

/* What is too old goes, by a clock that can be trusted. */
static int on_hour(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct agent *agent = userdata;

	(void)usec;
	if (agent->clock == CF_CLOCK_SYNCHRONISED)
		ledger_tidy(agent->ledger, kernel_instant().real);
	sd_event_source_set_time_relative(source, HOUR.ns / CF_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static void say_tls(const struct agent *agent)
{
	const char *why = server_tls_why(agent->server);

	if (*why)
		log_warning_about(LOG_ABOUT(.id = LOG_ID_TLS_OFF), "peers cannot reach this agent: %s", why);
}

static void on_peer_back(void *userdata)
{
	struct agent *agent = userdata;

	migrations_bring(agent->migrations);
}

/* From a peer's thread; log_ functions may be called from any. */
static void on_peer(void *userdata, const struct cf_peer *peer, bool reachable_before, bool open_before)
{
	struct agent *agent = userdata;
	char text[CF_FINDING_TEXT_ROOM];

	if (peer->reachable && !reachable_before) {
		log_notice_about(LOG_ABOUT(.id = LOG_ID_PEER_BACK, .peer = peer->host), "peer %s answers", peer->host);
		loop_post(agent->loop, on_peer_back, agent);
	}
	if (!peer->reachable && reachable_before)
		log_warning_about(LOG_ABOUT(.id = LOG_ID_PEER_LOST, .peer = peer->host), "peer %s: %s", peer->host,
				  peer->why);
	if (peer->gate_open && !open_before)
		log_notice_about(LOG_ABOUT(.id = LOG_ID_GATE_OPENED, .peer = peer->host), "the gate to %s is open",
				 peer->host);
	if (!peer->gate_open && open_before)
		log_warning_about(LOG_ABOUT(.id = LOG_ID_GATE_CLOSED, .peer = peer->host), "the gate to %s is closed: %s",
				  peer->host, peer->n_findings ? cf_finding_text(&peer->findings[0], text) : peer->why);
}

/* On libvirt's thread. */
static void on_virt(const struct virt_news *news, void *userdata)
{
	(void)userdata;

	if (news->what == VIRT_CONNECTED)
		log_notice_about(LOG_ABOUT(.id = LOG_ID_LIBVIRT_BACK), "libvirt is connected");
	if (news->what == VIRT_DISCONNECTED)
		log_warning_about(LOG_ABOUT(.id = LOG_ID_LIBVIRT_LOST), "the connection to libvirt is lost");
}

/* The same, once there is somebody who wants to know what happens to the domains. */
static void on_virt_and_domains(const struct virt_news *news, void *userdata)
{
	struct agent *agent = userdata;

	on_virt(news, userdata);
	migrations_hear(agent->migrations, news);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct agent *agent = userdata;
	struct cf_error err = { 0 };

	(void)source, (void)info;
	sd_notify(false, "RELOADING=1");
	if (agent_reload(agent, &err) < 0) {
		log_error_about(LOG_ABOUT(.id = LOG_ID_SETTINGS_INVALID), "the settings stay as they were: %s", err.text);
	} else {
		log_notice("the settings were read again");
		say_tls(agent);
	}
	sd_notify(false, "READY=1");
	return 0;
}

static void on_idle(void *userdata)
{
	struct agent *agent = userdata;

	sd_event_exit(loop_sd(agent->loop), 0);
}

/* Who asks twice is in a hurry. */
static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct agent *agent = userdata;

	(void)source, (void)info;
	sd_notify(false, "STOPPING=1");
	if (agent->stopping)
		on_idle(agent);
	else
		migrations_stop(agent->migrations, on_idle, agent);
	agent->stopping = true;
	return 0;
}

/* --- making and running --- */

static int add_sources(struct agent *agent, struct cf_error *err)
{
	sd_event *event = loop_sd(agent->loop);
	int r;

	r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, agent);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, on_terminate, agent);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, on_terminate, agent);
	if (r >= 0)
		r = sd_event_add_io(event, NULL, reporter_fd(agent->reporter), EPOLLIN, on_reporter, agent);
	if (r >= 0)
		r = sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, HOUR.ns / CF_US, 0, on_hour, agent);
	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r < 0)
		return cf_fail(err, -r, CF_HOST, "the event loop cannot be set up: %s", strerror(-r));

	return 0;
}

/* Before the first thread: all of them inherit it, and signals are the loop's. */
static void block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Before anything is opened that another agent may have in its hands. */
static int be_alone(struct cf_error *err)
{
	if (mkdir(RUN, 0755) < 0 && errno != EEXIST)
		return cf_fail(err, errno, CF_HOST, RUN ": %s", strerror(errno));
	return alone_lock(LOCK, LOCK_PATIENCE, err);
}

/* Where the decisions of migrations are noted: a page that survives the agent, and not this boot of the host. */
static int make_marks(struct agent *agent, struct cf_error *err)
{
	struct marks_options decisions = { .durable = false }, promises = { .durable = true };
	int r;

	snprintf(decisions.path, sizeof(decisions.path), "%s", DECISIONS);
	snprintf(promises.path, sizeof(promises.path), "%.240s-promises", agent->context.settings->ledger.path);
	r = marks_new(&agent->context.decisions, &decisions, err);
	if (r == 0)
		r = marks_new(&agent->context.promises, &promises, err);
	return r;
}

/* What a gate needs besides libvirt.  An agent without it has none, and says so to who asks. */
static void make_gate(struct agent *agent)
{
	struct watchdog_standing standing;
	struct cf_error err = { 0 };

	if (make_marks(agent, &err) < 0) {
		snprintf(agent->context.gate_why, sizeof(agent->context.gate_why), "%s", err.text);
		log_warning("migrations have no gate: %s", err.text);
	}
	if (agent->context.settings->libvirt.driver != CF_DRIVER_LIBVIRT && !phases_loaded(&err))
		log_warning("migrations have no gate, libvirt drives them by itself (driver libvirt): %s", err.text);
	watchdog_standing(agent->dog, &standing);
	if (*standing.why)
		log_notice("the watchdog may be late: %s", standing.why);
}

static int make_parts(struct agent *agent, struct cf_error *err)
{
	const struct fleet_listener listener = { on_peer, agent };
	const struct ledger_listener ledger_listener = { on_ledger, agent };
	struct ledger_options ledger = agent_ledger_options(agent->context.settings);
	struct reporter_options reporter = agent_reporter_options(agent->context.settings);
	int r;

	r = loop_new(&agent->loop, err);
	if (r < 0)
		return r;
	agent->ledger_state.writable = true;
	r = ledger_new(&agent->ledger, agent->loop, &ledger, &ledger_listener, err);
	if (r < 0)
		return r;
	r = reporter_new(&reporter, &agent->reporter, err);
	if (r < 0)
		return r;
	r = virt_new(&agent->virt, agent->context.settings->libvirt.uri, err);
	if (r < 0)
		return r;
	virt_set_listener(agent->virt, on_virt, agent);
	r = watchdog_start(&agent->dog, err);
	if (r < 0)
		return r;
	r = fleet_new(&agent->fleet, agent->context.settings, agent->reporter, &listener, err);
	if (r < 0)
		return r;

	make_gate(agent);
	agent->teller = (struct teller){ .loop = agent->loop, .path = GUARD_FILE };
	agent->context.loop = agent->loop;
	agent->context.ledger = agent->ledger;
	agent->context.reporter = agent->reporter;
	agent->context.virt = agent->virt;
	agent->context.dog = agent->dog;
	agent->context.fleet = agent->fleet;
	r = migrations_new(&agent->migrations, &agent->context, err);
	if (r < 0)
		return r;
	migrations_recover(agent->migrations);
	virt_set_listener(agent->virt, on_virt_and_domains, agent);
	return 0;
}

int agent_new(struct agent **ret, const struct agent_options *options, struct cf_error *err)
{
	CF_AUTO(agent_free) struct agent *agent = calloc(1, sizeof(*agent));
	struct server_options server;
	struct cf_error fault = { 0 };
	int r;

	if (!agent)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	block_signals();
	agent->settings_path = options->settings_path;
	r = settings_read(options->settings_path, &agent->context.settings, &fault);
	if (r < 0)
		r = settings_fallback(fault.text, &agent->context.settings, err);
	if (r == 0)
		r = be_alone(err);
	if (r == 0)
		r = make_parts(agent, err);
	if (r < 0)
		return r;

	agent->api = (struct api){ .context = &agent->context, .migrations = agent->migrations };
	snprintf(agent->api.settings_fault, sizeof(agent->api.settings_fault), "%s", agent->context.settings->fault);
	kernel_boot_id(agent->api.boot, NULL);
	server = agent_server_options(agent->context.settings);
	r = server_new(&agent->server, agent->loop, &server, api_handlers, &agent->api, err);
	if (r < 0)
		return r;
	agent->api.server = agent->server;
	r = add_sources(agent, err);
	if (r < 0)
		return r;

	*ret = CF_TAKE(agent);
	return 0;
}

int agent_run(struct agent *agent, struct cf_error *err)
{
	int r;

	log_notice_about(LOG_ABOUT(.id = LOG_ID_STARTED), "clockferryd %s on %s", VERSION_TEXT, agent->context.settings->host);
	if (*agent->context.settings->fault)
		log_error_about(LOG_ABOUT(.id = LOG_ID_SETTINGS_INVALID), "every migration is refused: %s",
				agent->context.settings->fault);
	else
		say_tls(agent);
	teller_tell(&agent->teller, agent->context.settings);
	sd_notify(false, "READY=1");
	r = sd_event_loop(loop_sd(agent->loop));
	if (r < 0)
		return cf_fail(err, -r, CF_HOST, "the event loop ended: %s", strerror(-r));

	return 0;
}

void agent_free(struct agent *agent)
{
	int busy;

	if (!agent)
		return;

	server_free(agent->server);
	if (agent->virt)
		virt_set_listener(agent->virt, NULL, NULL);
	migrations_free(agent->migrations);
	busy = worker_wait(WORKER_PATIENCE);
	if (busy) {	/* they use what follows: the end of the process takes it all */
		log_warning("leaving with %d requests unfinished", busy);
		return;
	}
	marks_free(agent->context.decisions);
	marks_free(agent->context.promises);
	ledger_free(agent->ledger);
	fleet_free(agent->fleet);
	virt_free(agent->virt);
	watchdog_stop(agent->dog);
	reporter_free(agent->reporter);
	loop_free(agent->loop);
	teller_clear(&agent->teller);
	settings_free(agent->context.settings);
	free(agent);
}
