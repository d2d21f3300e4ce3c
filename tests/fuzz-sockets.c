/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which sockets are QEMU's: libvirt's pid file, the command line, where the memory goes, and the
 * names and links in the process' folder of descriptors.  The process is this one, whose
 * connection with itself may be found.  The input's parts, split at bytes of 0xff, are those three
 * and then a name and a link each; '@' stands for this process' number, the port, or the number of
 * a socket: '@' of the end that asks, '`' of the one that listened.
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <sys/socket.h>

#include "daemon/virt/sockets.h"
#include "tests/fuzz-files.h"

#define UUID "9c334061-f95f-4ba0-9edf-0948a22a5eb8"
#define ENDS 700	/* the descriptors of the connection: this, and the one after it */

static char folder[64];			/* proc/PID/fd */
static unsigned long long inodes[2];
static int port;

static void connect_ends(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0), here = socket(AF_INET, SOCK_STREAM, 0);

	must(bind(listening, (struct sockaddr *)&address, size) == 0 && listen(listening, 1) == 0);
	must(getsockname(listening, (struct sockaddr *)&address, &size) == 0);
	must(connect(here, (struct sockaddr *)&address, size) == 0 && dup2(here, ENDS) == ENDS);
	must(dup2(accept(listening, NULL, NULL), ENDS + 1) == ENDS + 1);
	port = ntohs(address.sin_port);
	for (int i = 0; i < 2; i++) {
		struct stat is;

		must(fstat(ENDS + i, &is) == 0);
		inodes[i] = is.st_ino;
	}
}

static void furnish_process(void)
{
	static char process[32];
	const char *const folders[] = { "run", "proc", process, folder };

	snprintf(process, sizeof(process), "proc/%d", (int)getpid());
	snprintf(folder, sizeof(folder), "%s/fd", process);
	furnish(folders, 4);
	connect_ends();
}

/* The next part, with what stands for something filled in: a text.  false: there is none. */
static bool next(const uint8_t **data, size_t *size, unsigned long long at, unsigned long long grave, char ret[static 256])
{
	const uint8_t *end;
	size_t n, used = 0;

	if (!*data)
		return false;
	end = memchr(*data, 0xff, *size);
	n = end ? (size_t)(end - *data) : *size;
	ret[0] = '\0';
	for (size_t i = 0; i < n && used < 200; i++) {
		if ((*data)[i] == '@' || (*data)[i] == '`')
			used += (size_t)snprintf(ret + used, 24, "%llu", (*data)[i] == '@' ? at : grave);
		else
			ret[used++] = (char)(*data)[i];
	}
	ret[used] = '\0';
	*data = end ? end + 1 : NULL;
	*size = end ? *size - n - 1 : 0;
	return true;
}

static void put_text(const char *path, const uint8_t **data, size_t *size)
{
	char text[256];
	bool there = next(data, size, (unsigned long long)getpid(), 0, text);

	put(path, there ? (const uint8_t *)text : NULL, there ? strlen(text) : 0);
}

/* Of a command line the words end with 0: no text. */
static void put_command(const uint8_t **data, size_t *size)
{
	char path[64];
	const char *const paths[] = { path };

	snprintf(path, sizeof(path), "proc/%d/cmdline", (int)getpid());
	put_parts(paths, 1, data, size);
}

static void remove_links(void)
{
	int fd = openat(top_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	struct dirent *entry;

	must(dir);
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_LNK)
			must(unlinkat(fd, entry->d_name, 0) == 0);
	closedir(dir);
}

static void put_links(const uint8_t *data, size_t size)
{
	char name[256], link[256], path[512];

	remove_links();
	while (next(&data, &size, ENDS, ENDS + 1, name) && next(&data, &size, inodes[0], inodes[1], link)) {
		if (!*name || strchr(name, '/'))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		must(symlinkat(link, top_fd, path) == 0 || errno == EEXIST || errno == ENOENT);
	}
}

/* What is to be cut is our own connection, and as much of it as is told. */
static void look(struct sockets *sockets)
{
	struct sockets_seen seen;
	struct cut cut;

	sockets_look(sockets, &cut, &seen);
	must(seen.can_cut == !seen.why[0] && memchr(seen.why, '\0', sizeof(seen.why)));
	must(cut.n <= 2 && seen.n[SOCKET_MEMORY] + seen.n[SOCKET_STORAGE] == cut.n);
	for (size_t i = 0; i < cut.n; i++) {
		struct stat is;

		must(fstat(cut.fds[i], &is) == 0 && (is.st_ino == inodes[0] || is.st_ino == inodes[1]));
	}
}

static void take(const char *uri)
{
	const struct counter_roots roots = { "", in("proc"), in("run") };
	struct sockets *sockets = NULL;
	struct cf_error err = { 0 };
	char source[64];
	int r;

	if (sockets_open(&roots, "g", UUID, &sockets, &err) < 0) {
		must(!sockets && err.text[0]);
		return;
	}
	r = sockets_want(sockets, CF_DESTINATION, SOCKET_MEMORY, uri, 1, &err);
	must(r == 0 || r == -EINVAL || r == -EHOSTUNREACH || r == -E2BIG);
	look(sockets);
	snprintf(source, sizeof(source), "tcp://127.0.0.1:%d", port);
	must(sockets_want(sockets, CF_SOURCE, SOCKET_STORAGE, source, 1, &err) == 0);
	look(sockets);
	sockets_settle(sockets);
	look(sockets);
	sockets_free(sockets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char uri[256];

	if (!top_fd)
		furnish_process();
	put_text("run/g.pid", &data, &size);
	put_command(&data, &size);
	if (!next(&data, &size, (unsigned long long)port, 0, uri))
		return 0;
	put_links(data, size);
	take(uri);
	return 0;
}
