/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/settings.h"
#include "tests/fuzz.h"

static int read_text(const void *text, size_t size, struct settings **ret, struct cf_error *err)
{
	int fd = memfd_create("settings", MFD_CLOEXEC), r;
	char path[32];

	must(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = settings_read(path, ret, err);
	close(fd);

	if (r < 0)
		must(strncmp(err->text, path, strlen(path)) == 0 && err->code == CF_BAD_REQUEST);
	return r;
}

static char *printed(const struct settings *settings, size_t *size)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, size);

	must(file);
	settings_print(settings, file);
	must(fclose(file) == 0);
	return text;
}

/* What is taken prints as something that is taken too, and prints as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CF_AUTO(settings_free) struct settings *first = NULL, *second = NULL;
	CF_AUTO(cf_free) char *text = NULL, *again = NULL;
	size_t n, n_again;
	struct cf_error err = { 0 };

	if (read_text(data, size, &first, &err) < 0) {
		must(!first);
		return 0;
	}
	text = printed(first, &n);
	must(read_text(text, n, &second, &err) == 0);
	again = printed(second, &n_again);
	must(n == n_again && memcmp(text, again, n) == 0);
	return 0;
}
