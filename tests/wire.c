/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/wire.h"

#include <ftw.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "proto/base.h"
#include "proto/check.h"
#include "proto/health.h"
#include "proto/incoming.h"
#include "proto/migration.h"
#include "proto/probe.h"

#define PATIENCE_MS 20000

static struct http_exchange *waiting[64];
size_t wire_n_waiting;

static void on_version(void *userdata, struct http_exchange *x)
{
	struct cf_version version = { .agent = "test", .major = CF_MAJOR, .minor = CF_MINOR };

	usleep(((struct wire *)userdata)->greets_us);
	snprintf(version.host, sizeof(version.host), "%.255s", http_caller(x)->name);
	if (http_caller(x)->hosts.n > 0)
		snprintf(version.agent, sizeof(version.agent), "%.31s", http_caller(x)->hosts.list[0]);
	http_reply(x, &version);
}

static void on_clock(void *userdata, struct http_exchange *x)
{
	const struct wire *wire = userdata;
	struct cf_error err;

	cf_fail(&err, 1, CF_HOST, "no clock here");
	if (wire->clock)
		http_reply(x, wire->clock);
	else
		http_fail(x, &err);
}

static void on_probe(void *userdata, struct http_exchange *x)
{
	struct cf_round_reply reply = { .t2 = http_received(x), .at = kernel_instant() };

	(void)userdata;
	kernel_boot_id(reply.boot, NULL);
	reply.t3 = kernel_raw();
	http_reply(x, &reply);
}

static void reply_migration(struct http_exchange *x)
{
	const struct cf_migration_query *query = http_query(x);
	struct cf_migration *migration = calloc(1, sizeof(*migration));

	snprintf(migration->domain, sizeof(migration->domain), "%s", http_segment(x, 0));
	migration->revision = query->after;
	http_reply(x, migration);
	free(migration);
}

static void on_migration(void *userdata, struct http_exchange *x)
{
	(void)userdata;
	if (strcmp(http_segment(x, 0), "later") == 0 && wire_n_waiting < CF_COUNT(waiting))
		waiting[wire_n_waiting++] = x;
	else
		reply_migration(x);
}

static void on_checks(void *userdata, struct http_exchange *x)
{
	const struct cf_check_request *request = http_body(x);
	static const struct cf_finding finding = { CF_FINDING_SKEW, CF_SEVERITY_REFUSE, .subject = "a -> b" };
	struct cf_checks *checks = calloc(1, sizeof(*checks));
	struct cf_error err;

	(void)userdata;
	snprintf(checks->domain, sizeof(checks->domain), "%s", request->domain);
	cf_fail(&err, 1, CF_REFUSED, "no");
	if (strcmp(request->domain, "refuse") == 0)
		http_refuse(x, &err, &finding, 1);
	else
		http_reply(x, checks);
	free(checks);
}

static void on_record(void *userdata, struct http_exchange *x)
{
	struct cf_accepted accepted = { 0 };

	(void)userdata;
	http_reply_status(x, 202, &accepted);
}

static http_handler *const handlers[CF_N_ROUTES] = {
	[CF_ROUTE_VERSION] = on_version, [CF_ROUTE_CLOCK] = on_clock,   [CF_ROUTE_PROBE] = on_probe,
	[CF_ROUTE_MIGRATION] = on_migration, [CF_ROUTE_CHECKS] = on_checks, [CF_ROUTE_RECORD] = on_record,
};

void wire_answer_waiting(void *ignored)
{
	(void)ignored;
	while (wire_n_waiting > 0)
		reply_migration(waiting[--wire_n_waiting]);
}

static void count_waiting(void *n)
{
	*(size_t *)n = wire_n_waiting;
}

void wire_await_waiting(struct wire *wire, size_t n)
{
	size_t now = 0;

	for (int ms = 0; ms < PATIENCE_MS && now < n; ms++) {
		usleep(1000);
		wire_do(wire, count_waiting, &now);
	}
}

static void *run(void *arg)
{
	struct wire *wire = arg;

	sd_event_loop(loop_sd(wire->loop));
	return NULL;
}

static int removed(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st; (void)kind; (void)at;
	return remove(path);
}

static char left_behind[64];

/* Also after a test that gave up in the middle. */
static void remove_all(void)
{
	nftw(left_behind, removed, 8, FTW_DEPTH | FTW_PHYS);
}

void wire_init(struct wire *wire)
{
	*wire = (struct wire){ .handlers = wire->handlers, .clock = wire->clock };
	snprintf(wire->dir, sizeof(wire->dir), "/tmp/clockferry-test-XXXXXX");
	if (!mkdtemp(wire->dir) || chmod(wire->dir, 0711) < 0)
		abort();
	strcpy(left_behind, wire->dir);
	atexit(remove_all);
	snprintf(wire->socket, sizeof(wire->socket), "%s/run/api.sock", wire->dir);
	wire->options.socket = wire->socket;
}

int wire_start(struct wire *wire, struct cf_error *err)
{
	int r = loop_new(&wire->loop, err);

	if (r >= 0)
		r = server_new(&wire->server, wire->loop, &wire->options, wire->handlers ? wire->handlers : handlers, wire, err);
	if (r >= 0)
		wire->runs = pthread_create(&wire->thread, NULL, run, wire) == 0;
	return r;
}

static void end(void *wire)
{
	sd_event_exit(loop_sd(((struct wire *)wire)->loop), 0);
}

void wire_stop(struct wire *wire)
{
	if (wire->runs) {
		loop_post(wire->loop, end, wire);
		pthread_join(wire->thread, NULL);
	}
	server_free(wire->server);
	loop_free(wire->loop);
	remove_all();
}

struct job {
	void (*fn)(void *arg);
	void *arg;
	sem_t done;
};

static void do_job(void *arg)
{
	struct job *job = arg;

	job->fn(job->arg);
	sem_post(&job->done);
}

void wire_do(struct wire *wire, void (*fn)(void *arg), void *arg)
{
	struct job job = { .fn = fn, .arg = arg };

	sem_init(&job.done, 0, 0);
	loop_post(wire->loop, do_job, &job);
	sem_wait(&job.done);
	sem_destroy(&job.done);
}

int raw_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int raw_send(int fd, const char *text)
{
	size_t n = strlen(text);

	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

static int read_some(int fd, char *text, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1 ? read(fd, text, room) : -1;
}

static void copy_header(const char *head, const char *name, char *ret, size_t room)
{
	const char *at = strcasestr(head, name);

	if (at)
		snprintf(ret, room, "%.*s", (int)strcspn(at + strlen(name), "\r"), at + strlen(name));
}

static int read_head(int fd, struct answer *ret, size_t *size)
{
	char head[4096] = "", length[32] = "0", connection[32] = "";
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	while (!strstr(head, "\r\n\r\n")) {
		if (n == sizeof(head) - 1 || read_some(fd, head + n, 1) != 1)
			return -1;
		head[++n] = '\0';
	}

	copy_header(head, "\r\nContent-Length: ", length, sizeof(length));
	copy_header(head, "\r\nContent-Type: ", ret->type, sizeof(ret->type));
	copy_header(head, "\r\nAllow: ", ret->allow, sizeof(ret->allow));
	copy_header(head, "\r\nConnection: ", connection, sizeof(connection));
	ret->close = strcasecmp(connection, "close") == 0;
	ret->status = atoi(head + strlen("HTTP/1.1 "));
	*size = strtoul(length, NULL, 10);
	return 0;
}

int raw_read_head(int fd, struct answer *ret)
{
	size_t ignored;

	return read_head(fd, ret, &ignored);
}

int raw_read(int fd, struct answer *ret)
{
	size_t size = 0, n = 0;

	if (read_head(fd, ret, &size) < 0 || size >= sizeof(ret->body))
		return -1;
	while (n < size) {
		int r = read_some(fd, ret->body + n, size - n);

		if (r <= 0)
			return -1;
		n += r;
	}
	return 0;
}

int raw_ask(int fd, struct answer *ret, const char *method, const char *path, const char *body)
{
	char *text;
	int r;

	if (asprintf(&text, "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", method, path,
		     body ? strlen(body) : 0, body ? body : "") < 0)
		return -1;
	r = raw_send(fd, text);
	free(text);
	if (r == 0)
		r = raw_read(fd, ret);
	return r;
}
