/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hook/hook.h"

int main(int argc, char **argv)
{
	static const struct hook_places places = {
		.settings = LOCALSTATEDIR "/lib/clockferry/hook",
		.socket = RUNDIR "/clockferry/api.sock",
		.log = "/dev/log",
	};

	return hook_run(&places, argc, argv);
}
