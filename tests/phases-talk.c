/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/phases-talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int make_socket(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int talk_wait(const char *path)
{
	struct sockaddr_un address;
	int fd = make_socket(path, &address);

	unlink(path);
	bind(fd, (struct sockaddr *)&address, sizeof(address));
	listen(fd, 1);
	printf("ready=1\n");
	return accept4(fd, NULL, NULL, SOCK_CLOEXEC);
}

int talk_to(const char *path)
{
	struct sockaddr_un address;
	int fd = make_socket(path, &address);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

static bool put(int fd, const void *data, size_t size)
{
	return !size || send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool get(int fd, void *data, size_t size)
{
	return !size || recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

bool talk_say(int fd, struct talk_message *message, const char *xml, const void *cookie, size_t cookie_size)
{
	message->xml_size = xml ? strlen(xml) + 1 : 0;
	message->cookie_size = cookie_size;
	return put(fd, message, sizeof(*message)) && put(fd, xml, message->xml_size) && put(fd, cookie, cookie_size);
}

bool talk_hear(int fd, struct talk_message *message, char **xml, void **cookie)
{
	if (!get(fd, message, sizeof(*message)))
		return false;
	*xml = calloc(1, message->xml_size + 1);
	*cookie = calloc(1, message->cookie_size + 1);
	return get(fd, *xml, message->xml_size) && get(fd, *cookie, message->cookie_size);
}
