/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is at the other end of the Unix socket: what the kernel noted when it was connected. */

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/http/internal.h"

static bool credentials(int fd, struct ucred *ret)
{
	socklen_t size = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &size) == 0;
}

uid_t local_uid(int fd)
{
	struct ucred peer;

	return credentials(fd, &peer) ? peer.uid : (uid_t)-1;
}

static bool in_group(int fd, gid_t group)
{
	gid_t groups[1024];
	struct ucred peer;
	socklen_t size = sizeof(groups);

	if (credentials(fd, &peer) && peer.gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* From the file itself: a directory service may take its time to answer, and the loop has none. */
static void name_user(uid_t uid, char *text, size_t room)
{
	char buffer[4096];
	struct passwd entry, *found;
	FILE *file = fopen("/etc/passwd", "re");

	snprintf(text, room, "uid %u", uid);
	while (file && fgetpwent_r(file, &entry, buffer, sizeof(buffer), &found) == 0)
		if (entry.pw_uid == uid) {
			snprintf(text, room, "uid %u (%s)", uid, entry.pw_name);
			break;
		}
	if (file)
		fclose(file);
}

void local_judge(const struct server *server, int fd, struct http_caller *ret)
{
	uid_t uid = local_uid(fd);

	*ret = (struct http_caller){ .roles = CF_ROLE_LOCAL };
	if (uid == 0)
		ret->roles |= CF_ROLE_ADMIN;
	else if (server->has_group && in_group(fd, server->group))
		ret->roles |= CF_ROLE_OPERATOR;
	name_user(uid, ret->name, sizeof(ret->name));
}
