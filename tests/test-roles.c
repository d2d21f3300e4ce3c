/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every route and every kind of caller: who may is who the table says. */

#include <grp.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/codec.h"
#include "tests/any.h"
#include "tests/pair.h"
#include "tests/tap.h"

#define NOBODY 65534

static http_handler *all[CF_N_ROUTES];

static void answer(void *userdata, struct http_exchange *x)
{
	struct cf_version version = { .major = CF_MAJOR, .minor = CF_MINOR };
	void *reply = calloc(1, cf_routes[http_route(x)].reply->size);

	(void)userdata;
	http_reply(x, http_route(x) == CF_ROUTE_VERSION ? &version : reply);
	free(reply);
}

/* The path of a route, with something for each segment. */
static char *path_of(enum cf_route_id id)
{
	static const char *const names[CF_SEGMENTS_MAX] = { "x", "y" };

	return cf_route_target(id, names, NULL, CF_MINOR, NULL);
}

/* On the socket, as whoever this process is: 1 when let in, 0 when not. */
static int ask_local(enum cf_route_id id)
{
	static struct answer a;
	CF_AUTO(cf_free) char *path = path_of(id);
	int fd = raw_connect(pair.wire.socket), r;

	r = raw_ask(fd, &a, cf_routes[id].method, path, cf_routes[id].request ? "{}" : NULL);
	close(fd);
	return r < 0 || a.status == 0 ? -1 : a.status != 403;
}

/* Each bit: a route that lets in a user with that group besides his own. */
static void try_local(const char *who, uid_t uid, gid_t group, unsigned roles)
{
	int pipes[2], told[CF_N_ROUTES], right = 0;
	pid_t pid;

	if (pipe(pipes) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		if (uid != getuid() && (setgroups(group != 0, &group) < 0 || setresgid(uid, uid, uid) < 0 ||
					setresuid(uid, uid, uid) < 0))
			_exit(99);
		for (int id = 0; id < CF_N_ROUTES; id++)
			told[id] = ask_local(id);
		_exit(write(pipes[1], told, sizeof(told)) != sizeof(told));
	}
	close(pipes[1]);
	if (read(pipes[0], told, sizeof(told)) != sizeof(told))
		memset(told, 0xff, sizeof(told));
	close(pipes[0]);
	waitpid(pid, NULL, 0);

	for (int id = 0; id < CF_N_ROUTES; id++) {
		bool may = cf_routes[id].roles & roles;

		right += told[id] == may;
		if (told[id] != may)
			printf("# %s %s: %d\n", cf_routes[id].method, cf_routes[id].path, told[id]);
	}
	ok(right == CF_N_ROUTES, "%s: let in where the table says, and nowhere else", who);
}

static void try_certificate(const char *name, unsigned roles)
{
	CF_AUTO(call_free) struct call *call = pair_call(name);
	int right = 0;

	for (int id = 0; id < CF_N_ROUTES; id++) {
		static const char *const names[CF_SEGMENTS_MAX] = { "x", "y" };
		const struct cf_shape *request = cf_routes[id].request;
		void *message = request ? calloc(1, request->size) : NULL;
		bool may = cf_routes[id].roles & roles, let;
		struct cf_error err = { 0 };
		int r;

		if (request)
			any_message(request, false, message);
		r = call_do(call, id, names, NULL, message, NULL, pair_patience, NULL, &err);
		let = err.code != CF_FORBIDDEN;
		right += let == may && (r == 0) == may;
		if (let != may || (r == 0) != may)
			printf("# %s %s: %s\n", cf_routes[id].method, cf_routes[id].path, err.text);
		if (request)
			cf_message_clear(request, message);
		free(message);
	}
	ok(right == CF_N_ROUTES, "%s: let in where the table says, and nowhere else", name);
}

int main(void)
{
	struct group *group = getgrnam("daemon");

	for (size_t i = 0; i < CF_N_ROUTES; i++)
		all[i] = answer;
	pair.wire.handlers = all;
	pair_start();

	/* A peer has to learn who is there before anything else: the version is for all of them. */
	try_certificate("a", CF_ROLE_PEER);
	try_certificate("viewer", CF_ROLE_VIEWER);
	try_certificate("olga", CF_ROLE_OPERATOR);
	try_certificate("root", CF_ROLE_ADMIN);
	if (getuid() == 0 && group) {
		try_local("root on the socket", 0, 0, CF_ROLE_LOCAL | CF_ROLE_ADMIN);
		try_local("a member of the group", NOBODY, group->gr_gid, CF_ROLE_LOCAL | CF_ROLE_OPERATOR);
		try_local("anybody", NOBODY, 0, CF_ROLE_LOCAL);
	} else {
		ok(true, "local users # SKIP needs root");
	}

	wire_stop(&pair.wire);
	return done();
}
