/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/virt-commands.h"

#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"

struct virt *virt;
struct cf_error err;
const char *uri;
char **words;

cf_mono in(double seconds)
{
	return cf_mono_add(kernel_raw(), SECONDS(seconds));
}

int failed(int r)
{
	printf("error=%d\ncode=%s\ntext=%s\n", -r, cf_code_name(err.code), err.text);
	return 1;
}

int run_command(const char *program, const struct virt_command *commands, size_t n, int argc, char **argv)
{
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 2 && i < n; i++) {
		if (strcmp(commands[i].name, argv[2]) != 0 || argc < 3 + commands[i].n_args)
			continue;
		uri = argv[1];
		words = argv + 3 + commands[i].n_args;
		r = virt_new(&virt, uri, &err);
		if (r == 0)
			r = virt_wait(virt, SECONDS(10), &err);
		r = r < 0 ? failed(r) : commands[i].run(argv + 3);
		virt_free(virt);
		return r;
	}
	fprintf(stderr, "usage: %s URI COMMAND...\n", program);
	return 2;
}
