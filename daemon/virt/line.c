/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"

#define CLOSE_TIME ((cf_span){ 2 * CF_S })

/* Of every line's count of users, and of the links that share one. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Hanging up */

struct hang_up {
	struct task task;
	virConnectPtr connection;
};

static int hang_up_run(struct task *task, struct cf_error *err)
{
	struct hang_up *end = (struct hang_up *)task;

	(void)err;
	virConnectClose(CF_TAKE(end->connection));
	return 0;
}

static void hang_up_clear(struct task *task)
{
	struct hang_up *end = (struct hang_up *)task;

	if (end->connection)
		virConnectClose(end->connection);
}

void virt_hang_up(virConnectPtr connection)
{
	CF_AUTO(task_drop) struct task *task = NULL;
	int result;

	if (!connection)
		return;
	task = task_new(sizeof(struct hang_up), hang_up_run, hang_up_clear);
	if (!task) {
		virConnectClose(connection);
		return;
	}
	((struct hang_up *)task)->connection = connection;
	if (task_start(task, NULL, NULL, NULL) == 0)
		task_wait(task, cf_mono_add(kernel_raw(), CLOSE_TIME), &result, NULL);
}

/* Lines */

static int line_new(virConnectPtr connection, struct virt_line **ret, struct cf_error *err)
{
	struct virt_line *line = calloc(1, sizeof(*line));

	if (!line) {
		virt_hang_up(connection);
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	}
	line->connection = connection;
	line->users = 1;
	*ret = line;
	return 0;
}

struct virt_line *virt_line_hold(struct virt_line *line)
{
	pthread_mutex_lock(&lock);
	line->users++;
	pthread_mutex_unlock(&lock);
	return line;
}

struct virt_line *virt_line_drop(struct virt_line *line)
{
	int users;

	if (!line)
		return NULL;
	pthread_mutex_lock(&lock);
	users = --line->users;
	pthread_mutex_unlock(&lock);
	if (users == 0) {
		virt_hang_up(line->connection);
		free(line);
	}
	return NULL;
}

static int dial(struct virt *virt, const char *kind, cf_mono deadline, struct virt_line **ret, struct cf_error *err)
{
	virConnectPtr connection;
	int r = virt_dial(virt->uri, kind, deadline, &connection, err);

	return r < 0 ? r : line_new(connection, ret, err);
}

/* What can be used is held for the caller; what cannot the link has no more, and is the caller's to drop. */
static bool hold_free(struct virt_link *link, struct virt_line **ret)
{
	struct virt_line *line;
	bool is_free;

	pthread_mutex_lock(&lock);
	line = link->line;
	is_free = line && line->users == 1 && virConnectIsAlive(line->connection) == 1;
	if (is_free)
		line->users++;
	else
		link->line = NULL;
	pthread_mutex_unlock(&lock);
	*ret = line;
	return is_free;
}

int virt_line_take(struct virt_link *link, cf_mono deadline, struct virt_line **ret, struct cf_error *err)
{
	struct virt_line *line;
	int r;

	if (hold_free(link, &line)) {
		*ret = line;
		return 0;
	}
	virt_line_drop(line);

	/* One attempt at a time: where one hangs, another would too. */
	r = dial(link->virt, "another connection", deadline, &line, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&lock);
	if (!link->line) {
		link->line = line;
		line->users++;
	}
	pthread_mutex_unlock(&lock);
	*ret = line;
	return 0;
}

/* Links */

static struct virt_line *take_idle(struct virt *virt)
{
	struct virt_line *line = NULL;

	pthread_mutex_lock(&virt->lock);
	if (virt->n_idle > 0)
		line = virt->idle[--virt->n_idle];
	pthread_mutex_unlock(&virt->lock);
	return line;
}

/* False: there are enough, or they would be of no use. */
static bool put_idle(struct virt *virt, struct virt_line *line)
{
	bool put;

	pthread_mutex_lock(&virt->lock);
	put = virt->connection && !virt->ending && virt->n_idle < VIRT_IDLE;
	if (put)
		virt->idle[virt->n_idle++] = line;
	pthread_mutex_unlock(&virt->lock);
	return put;
}

void virt_lines_drop_idle(struct virt *virt)
{
	struct virt_line *line;

	while ((line = take_idle(virt)))
		virt_line_drop(line);
}

int virt_link_open(struct virt *virt, cf_span timeout, struct virt_link **ret, struct cf_error *err)
{
	CF_AUTO(cf_free) struct virt_link *link = calloc(1, sizeof(*link));
	int r = 0;

	if (!link)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	link->virt = virt;
	link->line = take_idle(virt);
	if (link->line && virConnectIsAlive(link->line->connection) != 1)
		link->line = virt_line_drop(link->line);
	if (!link->line)
		r = dial(virt, NULL, cf_mono_add(kernel_raw(), timeout), &link->line, err);
	if (r < 0)
		return r;

	*ret = CF_TAKE(link);
	return 0;
}

struct virt_link *virt_link_close(struct virt_link *link)
{
	struct virt_line *line;

	if (!link)
		return NULL;

	if (hold_free(link, &line)) {
		virt_line_drop(line);
		if (put_idle(link->virt, line))
			line = NULL;
	}
	virt_line_drop(line);
	free(link);
	return NULL;
}

bool virt_link_alive(struct virt_link *link)
{
	bool alive;

	pthread_mutex_lock(&lock);
	alive = link->line && virConnectIsAlive(link->line->connection) == 1;
	pthread_mutex_unlock(&lock);
	return alive;
}

int virt_borrow(struct virt *virt, struct virt_link **ret, struct cf_error *err)
{
	return virt_connected(virt, err) ? virt_link_open(virt, VIRT_BORROW_TIME, ret, err) : -ENOTCONN;
}
