/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/outbound.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base.h"

#define INODES_MAX  4096
#define ESTABLISHED 0x01	/* net/tcp_states.h */
#define LISTEN      0x0a

struct inodes {
	size_t n;
	unsigned long long list[INODES_MAX];
};

/* A line of /proc/PID/net/tcp or tcp6. */
struct line {
	char here[40], there[40];	/* the addresses, as they are written there */
	unsigned port_here, port_there, state;
	unsigned long long inode;
};

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline void fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static int list_sockets(const char *folder, struct inodes *ret, struct cf_error *err)
{
	CF_AUTO(closedir) DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return cf_fail(err, errno, CF_HOST, "%.60s: %s", folder, strerror(errno));
	ret->n = 0;
	while (ret->n < INODES_MAX && (entry = readdir(dir))) {
		char link[64];
		ssize_t size = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (size <= 0)
			continue;
		link[size] = '\0';
		ret->n += sscanf(link, "socket:[%llu]", &ret->list[ret->n]) == 1;
	}
	return 0;
}

static bool has(const struct inodes *sockets, unsigned long long inode)
{
	for (size_t i = 0; i < sockets->n; i++)
		if (sockets->list[i] == inode)
			return true;
	return false;
}

static bool read_line(const char *text, struct line *ret)
{
	return sscanf(text, " %*u: %39[0-9A-Fa-f]:%x %39[0-9A-Fa-f]:%x %x %*x:%*x %*x:%*x %*x %*u %*u %llu", ret->here,
		      &ret->port_here, ret->there, &ret->port_there, &ret->state, &ret->inode) == 6 &&
	       ret->port_here <= UINT16_MAX && ret->port_there <= UINT16_MAX;
}

/* Each 32 bits are written as this machine has them in memory. */
static bool spell(const char *hex, char ret[static CF_HOST_ROOM])
{
	size_t words = strlen(hex) / 8;
	uint32_t address[4];
	char word[9] = "";

	if (strlen(hex) != 8 && strlen(hex) != 32)
		return false;
	for (size_t i = 0; i < words; i++) {
		memcpy(word, hex + 8 * i, 8);
		address[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	if (words == 4 && address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff)) {	/* IPv4, as IPv6 maps it */
		words = 1;
		address[0] = address[3];
	}
	return inet_ntop(words == 4 ? AF_INET6 : AF_INET, address, ret, CF_HOST_ROOM) != NULL;
}

static bool is_this_host(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* The lines of one table whose sockets are the process's and in that state. */
struct table {
	char path[96];
	const struct inodes *sockets;
	unsigned state;
	void (*each)(const struct line *line, void *userdata);
	void *userdata;
};

/* A kernel without IPv6 has no second table. */
static void walk(const struct table *table)
{
	CF_AUTO(fclose) FILE *file = fopen(table->path, "re");
	char text[512];
	struct line line;

	while (file && fgets(text, sizeof(text), file))
		if (read_line(text, &line) && line.state == table->state && has(table->sockets, line.inode))
			table->each(&line, table->userdata);
}

struct found {
	size_t n_ports;
	unsigned ports[OUTBOUND_MAX];	/* on which it listens */
	size_t n;
	struct cf_outbound *list;
};

static void add_port(const struct line *line, void *userdata)
{
	struct found *found = userdata;

	if (found->n_ports < OUTBOUND_MAX)
		found->ports[found->n_ports++] = line->port_here;
}

static void add(const struct line *line, void *userdata)
{
	struct found *found = userdata;
	struct cf_outbound *fresh = &found->list[found->n];

	for (size_t i = 0; i < found->n_ports; i++)
		if (found->ports[i] == line->port_here)
			return;
	if (found->n == OUTBOUND_MAX || !spell(line->there, fresh->address) || is_this_host(fresh->address))
		return;
	fresh->port = line->port_there;
	found->n++;
}

static void look(const struct counter_roots *roots, pid_t pid, struct table *table)
{
	static const char *const names[] = { "tcp", "tcp6" };

	for (size_t i = 0; i < CF_COUNT(names); i++) {
		snprintf(table->path, sizeof(table->path), "%.60s/%d/net/%s", roots->proc, (int)pid, names[i]);
		walk(table);
	}
}

int outbound_list(const struct counter_roots *roots, pid_t pid, struct cf_outbound ret[static OUTBOUND_MAX], size_t *n,
		  struct cf_error *err)
{
	CF_AUTO(cf_free) struct inodes *sockets = malloc(sizeof(*sockets));
	struct found found = { .list = ret };
	struct table table = { .sockets = sockets, .userdata = &found };
	char folder[96];
	int r;

	if (!sockets)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	snprintf(folder, sizeof(folder), "%.60s/%d/fd", roots->proc, (int)pid);
	r = list_sockets(folder, sockets, err);
	if (r < 0)
		return r;
	table.state = LISTEN;
	table.each = add_port;
	look(roots, pid, &table);
	table.state = ESTABLISHED;
	table.each = add;
	look(roots, pid, &table);
	*n = found.n;
	return 0;
}
