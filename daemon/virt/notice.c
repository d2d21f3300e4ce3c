/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/notice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"
#include "proto/base64.h"
#include "proto/grow.h"

struct notice_task {
	struct task task;
	struct virt_line *line;
	char uuid[CF_UUID_ROOM];
	bool exec;
	char path[256], text[1024];
	cf_mono deadline;
};

/* Commands */

static void add(struct cf_grow *grow, const char *text)
{
	cf_grow_add(grow, text, strlen(text));
}

/* A string in JSON; what it cannot hold as it is, as \u00XX. */
static void add_string(struct cf_grow *grow, const char *text)
{
	char escape[8];

	cf_grow_char(grow, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != '"' && c != '\\') {
			cf_grow_char(grow, *text);
			continue;
		}
		snprintf(escape, sizeof(escape), "\\u%04x", c);
		add(grow, escape);
	}
	cf_grow_char(grow, '"');
}

char *notice_open_command(const char *path, const char *mode)
{
	struct cf_grow grow = { 0 };

	add(&grow, "{\"execute\":\"guest-file-open\",\"arguments\":{\"mode\":");
	add_string(&grow, mode);
	add(&grow, ",\"path\":");
	add_string(&grow, path);
	add(&grow, "}}");
	return cf_grow_take(&grow);
}

static char *handle_command(const char *name, int64_t handle, const char *more)
{
	struct cf_grow grow = { 0 };
	char number[32];

	snprintf(number, sizeof(number), "%" PRId64, handle);
	add(&grow, "{\"execute\":\"");
	add(&grow, name);
	add(&grow, "\",\"arguments\":{\"handle\":");
	add(&grow, number);
	add(&grow, more);
	add(&grow, "}}");
	return cf_grow_take(&grow);
}

char *notice_write_command(int64_t handle, const char *text)
{
	size_t n = strlen(text), room = cf_base64_size(n);
	char *more = malloc(room + sizeof(",\"buf-b64\":\"\""));
	char *command;

	if (!more)
		return NULL;
	strcpy(more, ",\"buf-b64\":\"");
	cf_base64_encode((const unsigned char *)text, n, more + strlen(more));
	strcpy(more + strlen(",\"buf-b64\":\"") + room, "\"");
	command = handle_command("guest-file-write", handle, more);
	free(more);
	return command;
}

char *notice_read_command(int64_t handle, int64_t bytes)
{
	char more[48];

	snprintf(more, sizeof(more), ",\"count\":%" PRId64, bytes);
	return handle_command("guest-file-read", handle, more);
}

char *notice_close_command(int64_t handle)
{
	return handle_command("guest-file-close", handle, "");
}

char *notice_exec_command(const char *path, const char *text)
{
	struct cf_grow grow = { 0 };

	add(&grow, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":");
	add_string(&grow, path);
	add(&grow, ",\"arg\":[");
	add_string(&grow, text);
	add(&grow, "]}}");
	return cf_grow_take(&grow);
}

int64_t notice_returned(const char *reply)
{
	const char *at = strstr(reply, "\"return\"");
	char *end;
	long long number;

	at = at ? at + strlen("\"return\"") : "";
	at += strspn(at, " \t");
	if (*at++ != ':')
		return -1;
	at += strspn(at, " \t");
	number = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) : -1;
	return number;
}

/* Calls */

int virt_agent_command(virDomainPtr domain, char *command, cf_mono deadline, const char *what, char **ret, struct cf_error *err)
{
	cf_span left = cf_mono_since(deadline, kernel_raw());
	int seconds = left.ns < CF_S ? 1 : (int)(left.ns / CF_S);

	if (!command)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	*ret = virDomainQemuAgentCommand(domain, command, seconds, 0);
	free(command);
	return *ret ? 0 : virt_fail(err, what);
}

static int ask(const struct notice_task *notice, virDomainPtr domain, char *command, int64_t *returned, struct cf_error *err)
{
	char *reply;
	int r = virt_agent_command(domain, command, notice->deadline, "notice to the guest", &reply, err);

	if (r < 0)
		return r;
	if (returned)
		*returned = notice_returned(reply);
	free(reply);
	return 0;
}

static int put_file(const struct notice_task *notice, virDomainPtr domain, struct cf_error *err)
{
	int64_t handle = -1;
	int r, closed;

	r = ask(notice, domain, notice_open_command(notice->path, "w"), &handle, err);
	if (r < 0)
		return r;
	if (handle < 0)
		return cf_fail(err, EPROTO, CF_HOST, "the guest agent gave no handle of the file");
	r = ask(notice, domain, notice_write_command(handle, notice->text), NULL, err);
	closed = ask(notice, domain, notice_close_command(handle), NULL, r < 0 ? NULL : err);
	return r < 0 ? r : closed;
}

static int notice_run(struct task *task, struct cf_error *err)
{
	struct notice_task *notice = (struct notice_task *)task;
	CF_AUTO(virDomainFree) virDomainPtr domain = NULL;
	int r;

	r = virt_find(notice->line->connection, notice->uuid, &domain, err);
	if (r < 0)
		return r;
	return notice->exec ? ask(notice, domain, notice_exec_command(notice->path, notice->text), NULL, err)
			    : put_file(notice, domain, err);
}

static void notice_clear(struct task *task)
{
	virt_line_drop(((struct notice_task *)task)->line);
}

static int give(struct virt_link *link, const char *uuid, bool exec, const char *path, const char *text, cf_mono deadline,
		struct cf_error *err)
{
	struct notice_task *notice = (struct notice_task *)task_new(sizeof(*notice), notice_run, notice_clear);
	int r;

	if (!notice)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	notice->exec = exec;
	notice->deadline = deadline;
	snprintf(notice->uuid, sizeof(notice->uuid), "%s", uuid);
	snprintf(notice->path, sizeof(notice->path), "%s", path);
	snprintf(notice->text, sizeof(notice->text), "%s%s", text, exec ? "" : "\n");
	r = virt_line_take(link, deadline, &notice->line, err);
	if (r == 0)
		r = task_by(&notice->task, VIRT_GUEST_AGENT, uuid, deadline, err);
	task_drop(&notice->task);
	return r;
}

int notice_file(struct virt_link *link, const char *uuid, const char *path, const char *text, cf_mono deadline,
		struct cf_error *err)
{
	return give(link, uuid, false, path, text, deadline, err);
}

int notice_exec(struct virt_link *link, const char *uuid, const char *path, const char *text, cf_mono deadline,
		struct cf_error *err)
{
	return give(link, uuid, true, path, text, deadline, err);
}
