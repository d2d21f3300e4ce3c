/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/http/internal.h"
#include "proto/base.h"
#include "tests/tap.h"
#include "tests/wire.h"

static struct wire wire;
static struct answer a;

/* By RFC 9457, and with our code. */
static bool is_problem(int status, const char *code)
{
	char wanted[256];

	snprintf(wanted, sizeof(wanted), "{\"type\":\"urn:clockferry:error:%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"", code,
		 code, status);
	return a.status == status && strcmp(a.type, "application/problem+json") == 0 &&
	       strncmp(a.body, wanted, strlen(wanted)) == 0 && strstr(a.body, "\"code\":") && strstr(a.body, "\"findings\":[");
}

/* Each is one row: what is sent and what has to come back. */
static const struct {
	const char *sentence, *method, *path, *body;
	int status;
	const char *contains;
} cases[] = {
	{ "a route answers",              "GET", "/v1/version", NULL, 200, "\"agent\":\"test\"" },
	{ "a handler's failure",          "GET", "/v1/clock", NULL, 500, "no clock here" },
	{ "an unknown path",              "GET", "/v1/nowhere", NULL, 404, "\"code\":\"not-found\"" },
	{ "a path that goes on",          "GET", "/v1/version/", NULL, 404, "\"code\":\"not-found\"" },
	{ "a route without a handler",    "GET", "/v1/health", NULL, 404, "\"code\":\"not-found\"" },
	{ "another method",               "DELETE", "/v1/version", NULL, 405, "\"code\":\"bad-request\"" },
	{ "an invented method",           "BREW", "/v1/version", NULL, 405, "\"code\":\"bad-request\"" },
	{ "a route for peers alone",      "POST", "/v1/clock/probe", "{}", 403, "\"code\":\"forbidden\"" },
	{ "a segment is decoded once",      "GET", "/v1/migrations/a%2Fb%2541", NULL, 200, "\"domain\":\"a/b%41\"" },
	{ "a malformed segment",            "GET", "/v1/migrations/a%2", NULL, 400, "\"code\":\"bad-request\"" },
	{ "a query is decoded",             "GET", "/v1/migrations/a?after=%32&wait=1%20s", NULL, 200, "\"revision\":2" },
	{ "an empty query",                 "GET", "/v1/migrations/a?", NULL, 200, "\"revision\":0" },
	{ "an unknown parameter",           "GET", "/v1/migrations/a?after=1&x=2", NULL, 400, "x: unknown parameter" },
	{ "a parameter where none is due",  "GET", "/v1/version?after=1", NULL, 400, "after: unknown parameter" },
	{ "a key without a value",          "GET", "/v1/migrations/a?after", NULL, 400, "after: without a value" },
	{ "a key twice",                    "GET", "/v1/migrations/a?after=1&after=2", NULL, 400, "after: given twice" },
	{ "a value of another kind",        "GET", "/v1/migrations/a?after=x", NULL, 400, "after: 'x' is no whole number" },
	{ "a value out of range",           "GET", "/v1/migrations/a?after=-1", NULL, 400, "after: -1 is not within" },
	{ "a wait that is too long",        "GET", "/v1/migrations/a?after=1&wait=1h", NULL, 400, "wait: " },
	{ "a malformed escape",             "GET", "/v1/migrations/a?after=%zz", NULL, 400, "after: the value is malformed" },
	{ "a NUL in a query",               "GET", "/v1/migrations/a?after=%00", NULL, 400, "after: the value is malformed" },
	{ "a good body",                  "POST", "/v1/checks", "{\"domain\":\"d\"}", 200, "\"domain\":\"d\"" },
	{ "a refusal has its findings",   "POST", "/v1/checks", "{\"domain\":\"refuse\"}", 409, "\"code\":\"skew\"" },
	{ "no body where one is due",     "POST", "/v1/checks", "", 400, "\"code\":\"bad-request\"" },
	{ "an unknown field",             "POST", "/v1/checks", "{\"domain\":\"d\",\"force\":true}", 400, "force" },
	{ "garbage",                      "POST", "/v1/checks", "\x01\xff{", 400, "\"code\":\"bad-request\"" },
	{ "a body where none is due",     "GET", "/v1/version", "{}", 413, "\"code\":\"too-large\"" },
	{ "form data is no JSON",         "POST", "/v1/checks", "domain=d", 400, "\"code\":\"bad-request\"" },
};

static void test_cases(void)
{
	int fd = raw_connect(wire.socket);

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		memset(&a, 0, sizeof(a));
		raw_ask(fd, &a, cases[i].method, cases[i].path, cases[i].body);
		ok(a.status == cases[i].status && strstr(a.body, cases[i].contains), "%s: %d",
		   cases[i].sentence, cases[i].status);
		if (a.status != cases[i].status || !strstr(a.body, cases[i].contains))
			printf("# %d %s\n", a.status, a.body);
		ok(strcmp(a.type, a.status == 200 ? "application/json" : "application/problem+json") == 0 &&
		   !a.close,
		   "... as %s, and the connection stays", a.type);
		if (a.status == 405)
			ok(strcmp(a.allow, "GET") == 0, "... and it says what the path has: %s", a.allow);
	}
	close(fd);
}

static void test_bodies(void)
{
	static char nested[40000], big[70000];
	int fd = raw_connect(wire.socket);

	memset(nested, '[', sizeof(nested) - 1);
	raw_ask(fd, &a, "POST", "/v1/checks", nested);
	ok(is_problem(400, "bad-request"), "forty thousand brackets are refused");

	raw_send(fd, "POST /v1/checks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "5\r\n{\"dom\r\n9\r\nain\":\"d\"}\r\n0\r\n\r\n");
	raw_read(fd, &a);
	ok(a.status == 200, "a body in chunks is put together");

	raw_send(fd, "POST /v1/checks HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n");
	raw_read(fd, &a);
	ok(is_problem(413, "too-large") && a.close,
	   "a body that is announced too large is refused before it is sent");
	close(fd);

	fd = raw_connect(wire.socket);
	memset(big, ' ', sizeof(big) - 1);
	raw_send(fd, "POST /v1/checks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1116f\r\n");
	raw_send(fd, big);
	raw_send(fd, "\r\n0\r\n\r\n");
	raw_read(fd, &a);
	ok(is_problem(413, "too-large"), "one that grows too large is refused");
	close(fd);

	fd = raw_connect(wire.socket);
	raw_send(fd, "POST /v1/checks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n");
	while (raw_send(fd, big) == 0)
		;
	ok(true, "one that never ends is cut off");
	close(fd);
}

/* More of a header than anybody needs, and less than libmicrohttpd has room for. */
static void test_headers(void)
{
	char header[25000], *at;
	int fd;

	fd = raw_connect(wire.socket);
	at = stpcpy(header, "GET /v1/version?");
	memset(at, 'a', 5000);
	strcpy(at + 5000, " HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_send(fd, header);
	raw_read(fd, &a);
	ok(is_problem(414, "too-large") && a.close, "a long query is refused");
	close(fd);

	fd = raw_connect(wire.socket);
	at = stpcpy(header, "GET /v1/version HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 100; i++)
		at += sprintf(at, "X%d: y\r\n", i);
	strcpy(at, "\r\n");
	raw_send(fd, header);
	raw_read(fd, &a);
	ok(is_problem(431, "too-large") && a.close, "so are many fields");
	close(fd);

	fd = raw_connect(wire.socket);
	at = stpcpy(header, "GET /v1/version HTTP/1.1\r\nHost: a\r\nX: ");
	memset(at, 'a', 20000);
	strcpy(at + 20000, "\r\n\r\n");
	raw_send(fd, header);
	raw_read(fd, &a);
	ok(is_problem(431, "too-large") && a.close, "and a long one");
	close(fd);
}

/* What libmicrohttpd answers, or leaves unanswered, before we are asked: never a success, and the end. */
static void test_malformed(void)
{
	static const char *const requests[] = {
		"\r\n\r\n", "GET\r\n\r\n", "GET /v1/version\r\n\r\n", "GET /v1/version FOO\r\n\r\n",
		"GET /v1/version HTTP/9.9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /v1/version HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
		"POST /v1/checks HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n{}",
		"POST /v1/checks HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{}",
		"POST /v1/checks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
	};
	int ended = 0;

	for (size_t i = 0; i < CF_COUNT(requests); i++) {
		int fd = raw_connect(wire.socket);
		char rest[4096];
		ssize_t n;

		memset(&a, 0, sizeof(a));
		raw_send(fd, requests[i]);
		shutdown(fd, SHUT_WR);
		raw_read_head(fd, &a);
		while ((n = read(fd, rest, sizeof(rest))) > 0)
			;
		ended += n == 0 && (a.status == 0 || (a.status >= 400 && a.status < 600));
		close(fd);
	}
	ok(ended == CF_COUNT(requests), "requests that are none end their connections: %d", ended);
}

static void test_head(void)
{
	int fd = raw_connect(wire.socket);

	raw_send(fd, "HEAD /v1/version HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_read_head(fd, &a);
	ok(a.status == 200 && strcmp(a.type, "application/json") == 0, "HEAD is answered as GET");
	ok(raw_ask(fd, &a, "GET", "/v1/version", NULL) == 0 && a.status == 200, "... without a body");
	close(fd);
}

static void test_garbage(void)
{
	static const char *const starts[] = {
		"", "GET ", "GET /v1/version HTTP/1.1\r\n",
		"POST /v1/checks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
	};
	unsigned random = 1;
	char noise[600];

	for (int i = 0; i < 400; i++) {
		int fd = raw_connect(wire.socket);

		for (size_t n = 0; n < sizeof(noise); n++)
			noise[n] = (random = random * 1103515245 + 12345) >> 16 & (i % 3 ? 0x7f : 0xff);
		raw_send(fd, starts[i % CF_COUNT(starts)]);
		send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
		close(fd);
	}
	ok(raw_ask(raw_connect(wire.socket), &a, "GET", "/v1/version", NULL) == 0 && a.status == 200,
	   "noise does no harm");
}

/* In a process of another user, with at most one group besides its own. */
static int as_user(uid_t uid, gid_t group, int (*fn)(void))
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (setgroups(group != 0, &group) < 0 || setresgid(uid, uid, uid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(99);
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int may_only_ask_the_clock(void)
{
	int fd = raw_connect(wire.socket);

	if (raw_ask(fd, &a, "GET", "/v1/clock", NULL) < 0 || a.status != 500)
		return 1;
	if (raw_ask(fd, &a, "GET", "/v1/version", NULL) < 0 || !is_problem(403, "forbidden"))
		return 2;
	return 0;
}

static int may_act(void)
{
	int fd = raw_connect(wire.socket);

	return raw_ask(fd, &a, "GET", "/v1/version", NULL) < 0 || a.status != 200 ||
	       !strstr(a.body, "uid 65534");
}

static int is_bounded(void)
{
	int fds[8];

	for (size_t i = 0; i < CF_COUNT(fds); i++) {
		fds[i] = raw_connect(wire.socket);
		if (raw_ask(fds[i], &a, "GET", "/v1/clock", NULL) < 0)
			return 1;
		if (i >= 4 && !(is_problem(503, "busy") && a.close))
			return 2;
		if (i == 0 && a.status != 500)
			return 3;
	}
	return 0;
}

static void test_users(void)
{
	struct group *group = getgrnam("daemon");

	if (getuid() != 0 || !group) {
		ok(true, "other users # SKIP needs root");
		return;
	}
	ok(as_user(65534, 0, may_only_ask_the_clock) == 0, "anybody may ask the clock and nothing else");
	ok(as_user(65534, group->gr_gid, may_act) == 0, "a member of the group may more, and is named");
	ok(as_user(65534, 0, is_bounded) == 0, "one user has so many connections and no more");
	ok(raw_ask(raw_connect(wire.socket), &a, "GET", "/v1/version", NULL) == 0 && a.status == 200 &&
	   strstr(a.body, "uid 0 (root)"), "root is served all the same, and named");
}

static void test_later(void)
{
	int slow = raw_connect(wire.socket), gone = raw_connect(wire.socket),
	    quick = raw_connect(wire.socket);

	raw_send(slow, "GET /v1/migrations/later?after=7 HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_send(gone, "GET /v1/migrations/later HTTP/1.1\r\nHost: a\r\n\r\n");
	wire_await_waiting(&wire, 2);
	ok(raw_ask(quick, &a, "GET", "/v1/version", NULL) == 0 && a.status == 200,
	   "others are served meanwhile");

	close(gone);
	usleep(10000);
	wire_do(&wire, wire_answer_waiting, NULL);
	ok(raw_read(slow, &a) == 0 && a.status == 200 && strstr(a.body, "\"revision\":7"),
	   "a late answer arrives");
	ok(raw_ask(slow, &a, "GET", "/v1/version", NULL) == 0 && a.status == 200,
	   "and the connection goes on");
	ok(raw_ask(quick, &a, "GET", "/v1/version", NULL) == 0, "an answer to nobody harms nobody");
	close(slow);
	close(quick);
}

static void test_slow(void)
{
	static const char *const starts[] = {
		"POST /v1/checks HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n", "GET /v1/ver",
	};
	int slow[8], quick = raw_connect(wire.socket), left_out = 0, cut = 0;

	for (size_t i = 0; i < CF_COUNT(slow); i++) {
		slow[i] = raw_connect(wire.socket);
		raw_send(slow[i], starts[i % CF_COUNT(starts)]);
	}
	for (int round = 0; round < 2000 && cut < (int)CF_COUNT(slow); round++) {
		cut = 0;
		for (size_t i = 0; i < CF_COUNT(slow); i++)
			cut += raw_send(slow[i], "x") < 0;
		if (round % 10 == 0)
			left_out += raw_ask(quick, &a, "GET", "/v1/version", NULL) < 0 || a.status != 200;
		usleep(10000);
	}
	ok(cut == CF_COUNT(slow), "clients that send a byte now and then are cut");
	ok(left_out == 0, "and nobody else waited for them");
	for (size_t i = 0; i < CF_COUNT(slow); i++)
		close(slow[i]);
	close(quick);
}

static void test_socket(void)
{
	CF_AUTO(loop_free) struct loop *loop = NULL;
	CF_AUTO(server_free) struct server *other = NULL;
	static http_handler *const none[CF_N_ROUTES];
	struct server_options options = wire.options;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char path[128];
	struct cf_error err;
	int fd;

	loop_new(&loop, NULL);
	ok(server_new(&other, loop, &options, none, NULL, &err) == -EADDRINUSE,
	   "a socket in use is left alone");

	snprintf(path, sizeof(path), "%s/stale", wire.dir);
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	options.socket = path;
	ok(server_new(&other, loop, &options, none, NULL, &err) == 0, "a stale one is replaced");
	ok(strstr(server_tls_why(other), "no CA"), "without certificates there is no TCP: %s",
	   server_tls_why(other));
	options.ca = options.certificate = options.key = "/no/such/file.pem";
	options.max_per_party = 7;
	ok(server_reload(other, &options, &err) == 0 && strstr(server_tls_why(other), "/no/such/file.pem") &&
	   other->limits.per_party == 7, "with some that cannot be read there is none either, and all else is taken over: %s",
	   server_tls_why(other));
	server_free(CF_TAKE(other));
	ok(access(path, F_OK) < 0, "and removed at the end");

	close(open(path, O_CREAT | O_WRONLY, 0600));
	ok(server_new(&other, loop, &options, none, NULL, &err) == -EEXIST && access(path, F_OK) == 0,
	   "a file that is no socket is left alone");
}

static void free_server(void *ignored)
{
	(void)ignored;
	server_free(CF_TAKE(wire.server));
}

static void test_end(void)
{
	int waits = raw_connect(wire.socket);

	raw_send(waits, "GET /v1/migrations/later HTTP/1.1\r\nHost: a\r\n\r\n");
	wire_await_waiting(&wire, 1);
	wire_do(&wire, free_server, NULL);
	ok(raw_read(waits, &a) == 0 && is_problem(503, "busy"), "who waits when the server ends is told");
	wire_do(&wire, wire_answer_waiting, NULL);
	ok(wire_n_waiting == 0, "and a handler may still answer");
	close(waits);
}

int main(void)
{
	struct group *group = getgrgid(getgid());
	struct cf_error err = { 0 };

	wire_init(&wire);
	wire.options.group = getuid() == 0 ? "daemon" : group ? group->gr_name : NULL;
	wire.options.max_per_party = getuid() == 0 ? 4 : 16;
	wire.options.patience = (cf_span){ 3 * CF_S };
	ok(wire_start(&wire, &err) == 0, "a server is started %s", err.text);

	test_cases();
	test_bodies();
	test_headers();
	test_malformed();
	test_head();
	test_garbage();
	test_users();
	test_later();
	test_slow();
	test_socket();
	test_end();

	wire_stop(&wire);
	return done();
}
