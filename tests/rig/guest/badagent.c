/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * badagent PORT MODE: a guest agent that speaks the protocol and is no good.
 *
 *   late    answers everything, three seconds later
 *   never   answers libvirt's synchronisation, and nothing after it
 *   wrong   shows a clock two hours off, and says that it has set what it has not
 *   absurd  says times that no clock shows, another one each time
 *   refuse  shows the clock, and does not set it
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const absurd[] = { "9223372036854775807", "-1", "0", "\"noon\"", "1e400", "{}" };

static void answer(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		perror("write");
}

static void answer_sync(int fd, const char *request)
{
	const char *id = strstr(request, "\"id\":");
	char text[80];

	/* The delimited kind wants a byte that is never part of JSON first. */
	snprintf(text, sizeof(text), "%s{\"return\": %lld}\n", strstr(request, "sync-delimited") ? "\xff" : "",
		 id ? atoll(id + strlen("\"id\":")) : 0);
	answer(fd, text);
}

static void answer_time(int fd, const char *mode)
{
	static size_t turn;
	struct timespec now;
	char text[80];

	clock_gettime(CLOCK_REALTIME, &now);
	if (strcmp(mode, "wrong") == 0)
		now.tv_sec += 7200;

	if (strcmp(mode, "absurd") == 0)
		snprintf(text, sizeof(text), "{\"return\": %s}\n", absurd[turn++ % (sizeof(absurd) / sizeof(*absurd))]);
	else
		snprintf(text, sizeof(text), "{\"return\": %lld%09ld}\n", (long long)now.tv_sec, now.tv_nsec);
	answer(fd, text);
}

static void serve(int fd, const char *mode, const char *request)
{
	if (strcmp(mode, "late") == 0)
		sleep(3);

	if (strstr(request, "\"guest-sync"))
		answer_sync(fd, request);
	else if (strcmp(mode, "never") == 0)
		return;
	else if (strstr(request, "\"guest-get-time\""))
		answer_time(fd, mode);
	else if (strcmp(mode, "refuse") == 0)
		answer(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not today\"}}\n");
	else
		answer(fd, "{\"return\": {}}\n");
}

int main(int argc, char **argv)
{
	char line[4096];
	size_t length = 0;
	int fd;

	if (argc != 3)
		return 2;
	fd = open(argv[1], O_RDWR);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}

	for (;;) {
		char byte;

		/* Nothing to read: no libvirt at the other end, for now. */
		if (read(fd, &byte, 1) != 1) {
			usleep(10000);
			continue;
		}
		if (byte != '\n') {
			if (length < sizeof(line) - 1)
				line[length++] = byte;
			continue;
		}
		line[length] = '\0';
		length = 0;
		serve(fd, argv[2], line);
	}
}
