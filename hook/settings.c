/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hook/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE     ((cf_span){ CF_S })
#define DEADLINE_MAX 60000	/* ms */

static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

static void take(const char *line, struct hook_settings *ret)
{
	const char *value = value_of(line, "deadline-ms");
	int64_t ms = 0;

	for (; value && *value >= '0' && *value <= '9' && ms <= DEADLINE_MAX; value++)
		ms = ms * 10 + (*value - '0');
	if (ms > 0)
		ret->deadline.ns = (ms < DEADLINE_MAX ? ms : DEADLINE_MAX) * CF_MS;

	value = value_of(line, "without-agent");
	if (value)
		ret->closed = strcmp(value, "open") != 0;
}

void hook_settings_read(const char *path, struct hook_settings *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[1024], *line = text, *next;
	ssize_t n;

	*ret = (struct hook_settings){ .deadline = DEADLINE, .closed = fd < 0 && errno != ENOENT && errno != ENOTDIR };
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0) {
		ret->closed = true;
		return;
	}

	text[n] = '\0';
	for (; (next = strchr(line, '\n')); line = next + 1) {
		*next = '\0';
		take(line, ret);
	}
}
