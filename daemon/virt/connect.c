/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/connect.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/rest.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"
#include "daemon/worker.h"

/* libvirt gives a connection up after KEEPALIVE_S x (KEEPALIVE_COUNT + 1). */
#define KEEPALIVE_S     5
#define KEEPALIVE_COUNT 2

#define DIAL_TIME  (cf_span){ 10 * CF_S }
#define RETRY_LEAST (cf_span){ 100 * CF_MS }
#define RETRY_MOST  (cf_span){ 5 * CF_S }
#define END_TIME    (cf_span){ 5 * CF_S }

/* libvirt's event loop is the process', and is pumped by one thread. */
static atomic_bool pumping;

static void no_print(void *userdata, virErrorPtr error)
{
	(void)userdata;
	(void)error;
}

static void no_op(int timer, void *userdata)
{
	(void)userdata;
	virEventRemoveTimeout(timer);
}

static void prepare(void)
{
	virSetErrorFunc(NULL, no_print);
	virInitialize();
	virEventRegisterDefaultImpl();
}

static void *pump_thread(void *userdata)
{
	(void)userdata;
	while (atomic_load(&pumping))
		virEventRunDefaultImpl();
	return NULL;
}

/* Dialling */

struct dial {
	struct task task;
	char uri[VIRT_URI_ROOM];
	virConnectPtr connection;
};

static int dial_run(struct task *task, struct cf_error *err)
{
	struct dial *dial = (struct dial *)task;

	dial->connection = virConnectOpen(dial->uri);
	if (!dial->connection)
		return virt_fail(err, "cannot connect to libvirtd");

	/* A connection within this process (test:///default) knows no keepalive, nor needs it. */
	virConnectSetKeepAlive(dial->connection, KEEPALIVE_S, KEEPALIVE_COUNT);
	return 0;
}

static void dial_clear(struct task *task)
{
	struct dial *dial = (struct dial *)task;

	if (dial->connection)
		virConnectClose(dial->connection);
}

int virt_dial(const char *uri, const char *kind, cf_mono deadline, virConnectPtr *ret, struct cf_error *err)
{
	CF_AUTO(task_drop) struct task *task = task_new(sizeof(struct dial), dial_run, dial_clear);
	struct dial *dial = (struct dial *)task;
	int r;

	if (!task)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	snprintf(dial->uri, sizeof(dial->uri), "%s", uri);
	r = task_by(task, kind, "", deadline, err);
	if (r < 0)
		return r;
	*ret = CF_TAKE(dial->connection);
	return 0;
}

/* The keeper */

static void on_close(virConnectPtr connection, int reason, void *userdata)
{
	struct virt *virt = userdata;

	(void)reason;
	pthread_mutex_lock(&virt->lock);
	if (virt->connection == connection)
		virt->lost = true;
	pthread_cond_broadcast(&virt->changed);
	pthread_mutex_unlock(&virt->lock);
}

static void note_why(struct virt *virt, const struct cf_error *why)
{
	pthread_mutex_lock(&virt->lock);
	virt->why = *why;
	pthread_mutex_unlock(&virt->lock);
}

static void publish(struct virt *virt, virConnectPtr connection, const struct virt_host *host)
{
	pthread_mutex_lock(&virt->lock);
	virt->connection = connection;
	virt->lost = false;
	virt->host = *host;
	virt->has_host = true;
	pthread_cond_broadcast(&virt->changed);
	pthread_mutex_unlock(&virt->lock);
	virt_events_connected(virt, true);
}

static void withdraw(struct virt *virt)
{
	pthread_mutex_lock(&virt->lock);
	virt->connection = NULL;
	cf_fail(&virt->why, ENOTCONN, CF_HOST, "the connection to libvirtd was lost");
	pthread_mutex_unlock(&virt->lock);
	virt_events_connected(virt, false);
	virt_lines_drop_idle(virt);	/* which may take a while */
}

static void attend(struct virt *virt, virConnectPtr connection)
{
	pthread_mutex_lock(&virt->lock);
	while (!virt->lost && !virt->ending && virConnectIsAlive(connection) == 1)
		rest_on(&virt->changed, &virt->lock, cf_mono_add(kernel_raw(), RETRY_MOST));
	pthread_mutex_unlock(&virt->lock);
}

/* One connection from its beginning to its end; false when it did not come to stand. */
static bool keep(struct virt *virt)
{
	CF_AUTO(virConnectClose) virConnectPtr connection = NULL;
	struct virt_host host = { 0 };
	struct cf_error err = { 0 };
	bool good;

	/* One attempt at a time, however long libvirtd hangs. */
	if (virt_dial(virt->uri, "connecting", cf_mono_add(kernel_raw(), DIAL_TIME), &connection, &err) < 0) {
		note_why(virt, &err);
		return false;
	}

	/* Before the first event can come, so that a watch knows which connection it lost. */
	good = virt_host_read(connection, &host, &err) == 0 &&
	       virt_events_register(virt, connection, &err) == 0;
	if (good) {
		virConnectRegisterCloseCallback(connection, on_close, virt, NULL);
		publish(virt, connection, &host);
		attend(virt, connection);
		withdraw(virt);
		virConnectUnregisterCloseCallback(connection, on_close);
	} else {
		note_why(virt, &err);
	}
	virt_events_deregister(virt, connection);
	return good;
}

static void *keeper_thread(void *userdata)
{
	struct virt *virt = userdata;
	cf_span rest = RETRY_LEAST;
	bool ending = false;

	while (!ending) {
		cf_mono until;

		rest = keep(virt) ? RETRY_LEAST : cf_span_min((cf_span){ rest.ns * 2 }, RETRY_MOST);
		until = cf_mono_add(kernel_raw(), rest);
		pthread_mutex_lock(&virt->lock);
		while (!virt->ending && rest_on(&virt->changed, &virt->lock, until))
			;
		ending = virt->ending;
		pthread_mutex_unlock(&virt->lock);
	}

	pthread_mutex_lock(&virt->lock);
	virt->over = true;
	pthread_cond_broadcast(&virt->changed);
	pthread_mutex_unlock(&virt->lock);
	return NULL;
}

/* False: it is in a call that does not return. */
static bool end_keeper(struct virt *virt)
{
	cf_mono deadline = cf_mono_add(kernel_raw(), END_TIME);
	bool over;

	pthread_mutex_lock(&virt->lock);
	virt->ending = true;
	pthread_cond_broadcast(&virt->changed);
	while (!virt->over && rest_on(&virt->changed, &virt->lock, deadline))
		;
	over = virt->over;
	pthread_mutex_unlock(&virt->lock);
	if (over)
		pthread_join(virt->keeper, NULL);
	return over;
}

int virt_new(struct virt **ret, const char *uri, struct cf_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CF_AUTO(virt_free) struct virt *virt = calloc(1, sizeof(*virt));
	int r;

	if (!virt)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	pthread_mutex_init(&virt->lock, NULL);
	pthread_mutex_init(&virt->listening, NULL);
	pthread_cond_init(&virt->changed, NULL);
	snprintf(virt->uri, sizeof(virt->uri), "%s", uri ? uri : VIRT_URI_DEFAULT);
	cf_fail(&virt->why, ENOTCONN, CF_HOST, "not connected to libvirtd yet");

	pthread_once(&once, prepare);
	if (atomic_exchange(&pumping, true))
		return cf_fail(err, EBUSY, CF_HOST, "libvirt's event loop runs already");
	r = worker_thread(&virt->pump, pump_thread, virt, err);
	virt->has_pump = r == 0;
	if (!virt->has_pump)
		atomic_store(&pumping, false);
	if (r == 0)
		r = worker_thread(&virt->keeper, keeper_thread, virt, err);
	virt->has_keeper = r == 0;
	if (r < 0)
		return r;

	*ret = CF_TAKE(virt);
	return 0;
}

struct virt *virt_free(struct virt *virt)
{
	if (!virt)
		return NULL;

	if (virt->has_keeper && !end_keeper(virt))
		return NULL;
	if (virt->has_pump) {
		atomic_store(&pumping, false);
		virEventAddTimeout(0, no_op, NULL, NULL);
		pthread_join(virt->pump, NULL);
	}
	virt_lines_drop_idle(virt);
	assert(!virt->watches);
	pthread_cond_destroy(&virt->changed);
	pthread_mutex_destroy(&virt->listening);
	pthread_mutex_destroy(&virt->lock);
	free(virt);
	return NULL;
}

/* Questions */

bool virt_connected(struct virt *virt, struct cf_error *err)
{
	bool connected;

	pthread_mutex_lock(&virt->lock);
	connected = virt->connection;
	if (!connected && err)
		*err = virt->why;
	pthread_mutex_unlock(&virt->lock);
	return connected;
}

int virt_wait(struct virt *virt, cf_span timeout, struct cf_error *err)
{
	cf_mono deadline = cf_mono_add(kernel_raw(), timeout);
	bool connected;

	pthread_mutex_lock(&virt->lock);
	while (!virt->connection && rest_on(&virt->changed, &virt->lock, deadline))
		;
	connected = virt->connection;
	if (!connected && err)
		*err = virt->why;
	pthread_mutex_unlock(&virt->lock);
	return connected ? 0 : -ETIMEDOUT;
}

bool virt_host(struct virt *virt, struct virt_host *ret)
{
	bool has;

	pthread_mutex_lock(&virt->lock);
	has = virt->has_host;
	if (has)
		*ret = virt->host;
	pthread_mutex_unlock(&virt->lock);
	return has;
}
