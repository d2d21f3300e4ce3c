/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into libvirtd: what lies in $RIG_NFS is on NFS.  Two hosts on one
 * machine share a file system that libvirt takes for a local one, and there it treats the
 * images of a guest that has left as if nobody had them.  Nor has NFS the attributes in
 * which libvirt remembers whose a file was.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define EXPORT __attribute__((visibility("default")))

static int is_shared(const char *path)
{
	const char *shared = getenv("RIG_NFS");

	return shared && strncmp(path, shared, strlen(shared)) == 0;
}

static int unsupported(void)
{
	errno = ENOTSUP;
	return -1;
}

EXPORT int statfs64(const char *path, struct statfs64 *ret)
{
	int (*real)(const char *, struct statfs64 *);
	int r;

	*(void **)&real = dlsym(RTLD_NEXT, "statfs64");
	r = real(path, ret);
	if (r == 0 && is_shared(path))
		ret->f_type = NFS_SUPER_MAGIC;
	return r;
}

EXPORT int setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
	int (*real)(const char *, const char *, const void *, size_t, int);

	*(void **)&real = dlsym(RTLD_NEXT, "setxattr");
	return is_shared(path) ? unsupported() : real(path, name, value, size, flags);
}

EXPORT ssize_t getxattr(const char *path, const char *name, void *value, size_t size)
{
	ssize_t (*real)(const char *, const char *, void *, size_t);

	*(void **)&real = dlsym(RTLD_NEXT, "getxattr");
	return is_shared(path) ? unsupported() : real(path, name, value, size);
}

EXPORT int removexattr(const char *path, const char *name)
{
	int (*real)(const char *, const char *);

	*(void **)&real = dlsym(RTLD_NEXT, "removexattr");
	return is_shared(path) ? unsupported() : real(path, name);
}
