/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into libvirtd: what lies in $RIG_NFS is on NFS.  Two hosts on one
 * machine share a file system that libvirt takes for a local one, and there it treats the
 * images of a guest that has left as if nobody had them.
 */
#include <dlfcn.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

__attribute__((visibility("default")))
int statfs64(const char *path, struct statfs64 *ret)
{
	const char *shared = getenv("RIG_NFS");
	int (*real)(const char *, struct statfs64 *);
	int r;

	*(void **)&real = dlsym(RTLD_NEXT, "statfs64");
	r = real(path, ret);
	if (r == 0 && shared && strncmp(path, shared, strlen(shared)) == 0)
		ret->f_type = NFS_SUPER_MAGIC;
	return r;
}
