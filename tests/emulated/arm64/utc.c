/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * utc PORT: answers every datagram with this machine's CLOCK_REALTIME, ns, in decimal.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0) {
		perror("utc");
		return 1;
	}
	for (;;) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		char text[32];
		struct timespec now;
		int length;

		if (recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &size) < 0)
			continue;
		clock_gettime(CLOCK_REALTIME, &now);
		length = snprintf(text, sizeof(text), "%lld%09ld", (long long)now.tv_sec, now.tv_nsec);
		if (sendto(fd, text, (size_t)length, 0, (struct sockaddr *)&from, size) < 0)
			perror("utc");
	}
}
