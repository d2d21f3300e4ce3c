/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * look GUEST: what this host's libvirtd says of the guest, twenty times a second, until it is
 * killed.  A line is when a look began and ended, in nanoseconds of the machine's
 * CLOCK_MONOTONIC_RAW, and what was seen: running, paused, off (it is defined), gone (it is not), or
 * blind (libvirtd did not say).
 */
#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <time.h>

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void say_nothing(void *userdata, virErrorPtr error)
{
	(void)userdata, (void)error;
}

static const char *look(virConnectPtr *connection, const char *guest)
{
	virDomainPtr domain;
	int state, r;

	if (*connection && virConnectIsAlive(*connection) != 1) {
		virConnectClose(*connection);
		*connection = NULL;
	}
	if (!*connection)
		*connection = virConnectOpenReadOnly("qemu:///system");
	if (!*connection)
		return "blind";
	domain = virDomainLookupByName(*connection, guest);
	if (!domain)
		return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? "gone" : "blind";
	r = virDomainGetState(domain, &state, NULL, 0);
	virDomainFree(domain);
	if (r < 0)
		return "blind";
	return state == VIR_DOMAIN_RUNNING ? "running" : state == VIR_DOMAIN_SHUTOFF ? "off" : "paused";
}

int main(int argc, char **argv)
{
	virConnectPtr connection = NULL;

	if (argc != 2)
		return 2;
	virSetErrorFunc(NULL, say_nothing);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		int64_t began = now();
		const char *seen = look(&connection, argv[1]);

		printf("%" PRId64 " %" PRId64 " %s\n", began, now(), seen);
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
}
