/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Preloaded into an agent: its libvirt's library is older than it is. */

int virGetVersion(unsigned long *version, const char *type, unsigned long *type_version);

int virGetVersion(unsigned long *version, const char *type, unsigned long *type_version)
{
	(void)type, (void)type_version;
	*version = 1000005;
	return 0;
}
