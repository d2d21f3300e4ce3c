/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/vmclock.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/virt/notice.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"
#include "proto/base64.h"

#define PATH "/dev/vmclock0"

/* The head of the page, little endian (linux/vmclock-abi.h). */
#define MAGIC      "VCLK"
#define SEQUENCE   12	/* 32 bits, odd while it is being written */
#define DISRUPTION 16	/* 64 bits */
#define HEAD       24

struct vmclock_task {
	struct task task;
	struct virt_line *line;
	char uuid[CF_UUID_ROOM];
	cf_mono deadline;
	int64_t marker;
};

/* The text behind "buf-b64": ; its length in *n.  NULL: there is none. */
static const char *base64_in(const char *reply, size_t *n)
{
	static const char key[] = "\"buf-b64\"";
	const char *at = strstr(reply, key);

	if (!at)
		return NULL;
	at += sizeof(key) - 1;
	at += strspn(at, " \t");
	if (*at++ != ':')
		return NULL;
	at += strspn(at, " \t");
	if (*at++ != '"')
		return NULL;
	*n = strcspn(at, "\"");
	return at;
}

static uint64_t little(const unsigned char *at, size_t n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | at[n];
	return value;
}

int vmclock_marker(const char *reply, int64_t *ret, struct cf_error *err)
{
	unsigned char head[HEAD];
	size_t n = 0, size = 0;
	const char *text = base64_in(reply, &n);

	if (!text || n != cf_base64_size(HEAD) || !cf_base64_decode(text, n, head, &size) || size != HEAD ||
	    memcmp(head, MAGIC, sizeof(MAGIC) - 1) != 0)
		return cf_fail(err, EPROTO, CF_HOST, "the guest's " PATH " is no vmclock's");
	if (little(head + SEQUENCE, 4) & 1)
		return cf_fail(err, EAGAIN, CF_HOST, "the guest's " PATH " was being changed");
	*ret = (int64_t)little(head + DISRUPTION, 8);
	return 0;
}

static int ask(const struct vmclock_task *vmclock, virDomainPtr domain, char *command, char **reply, struct cf_error *err)
{
	return virt_agent_command(domain, command, vmclock->deadline, PATH " of the guest", reply, err);
}

static int read_head(struct vmclock_task *vmclock, virDomainPtr domain, int64_t handle, struct cf_error *err)
{
	CF_AUTO(cf_free) char *reply = NULL;
	CF_AUTO(cf_free) char *closed = NULL;
	int r = ask(vmclock, domain, notice_read_command(handle, HEAD), &reply, err);

	ask(vmclock, domain, notice_close_command(handle), &closed, NULL);
	return r < 0 ? r : vmclock_marker(reply, &vmclock->marker, err);
}

static int vmclock_run(struct task *task, struct cf_error *err)
{
	struct vmclock_task *vmclock = (struct vmclock_task *)task;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	CF_AUTO(cf_free) char *reply = NULL;
	int64_t handle;
	int r;

	r = virt_find(vmclock->line->connection, vmclock->uuid, &domain, err);
	if (r == 0)
		r = ask(vmclock, domain, notice_open_command(PATH, "r"), &reply, err);
	if (r < 0)
		return r;
	handle = notice_returned(reply);
	if (handle < 0)
		return cf_fail(err, EPROTO, CF_HOST, "the guest agent gave no handle of " PATH);
	return read_head(vmclock, domain, handle, err);
}

static void vmclock_clear(struct task *task)
{
	virt_line_drop(((struct vmclock_task *)task)->line);
}

int vmclock_read(struct virt_link *link, const char *uuid, cf_mono deadline, int64_t *ret, struct cf_error *err)
{
	struct vmclock_task *vmclock = (struct vmclock_task *)task_new(sizeof(*vmclock), vmclock_run, vmclock_clear);
	int r;

	if (!vmclock)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	vmclock->deadline = deadline;
	snprintf(vmclock->uuid, sizeof(vmclock->uuid), "%s", uuid);
	r = virt_line_take(link, deadline, &vmclock->line, err);
	if (r == 0)
		r = task_by(&vmclock->task, VIRT_GUEST_AGENT, uuid, deadline, err);
	if (r == 0)
		*ret = vmclock->marker;
	task_drop(&vmclock->task);
	return r;
}
