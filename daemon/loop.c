/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "proto/base.h"

struct post {
	struct post *next;
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	sd_event *event;
	sd_event_source *source;
	int fd;				/* readable while there are posts */
	pthread_mutex_t lock;		/* of the two below */
	struct post *first;
	struct post **last;
};

static struct post *take_all(struct loop *loop)
{
	struct post *posts;
	uint64_t ignored;

	pthread_mutex_lock(&loop->lock);
	(void)!read(loop->fd, &ignored, sizeof(ignored));
	posts = CF_TAKE(loop->first);
	loop->last = &loop->first;
	pthread_mutex_unlock(&loop->lock);
	return posts;
}

static int on_posts(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct loop *loop = userdata;
	struct post *post = take_all(loop);

	(void)source; (void)fd; (void)revents;
	while (post) {
		struct post *next = post->next;

		post->fn(post->arg);
		free(post);
		post = next;
	}
	return 0;
}

int loop_new(struct loop **ret, struct cf_error *err)
{
	CF_AUTO(loop_free) struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	pthread_mutex_init(&loop->lock, NULL);
	loop->last = &loop->first;
	loop->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->fd < 0)
		return cf_fail(err, errno, CF_HOST, "cannot make an eventfd: %s", strerror(errno));

	r = sd_event_new(&loop->event);
	if (r >= 0)
		r = sd_event_add_io(loop->event, &loop->source, loop->fd, EPOLLIN, on_posts, loop);
	if (r < 0)
		return cf_fail(err, -r, CF_HOST, "cannot set up the event loop: %s", strerror(-r));

	*ret = CF_TAKE(loop);
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;

	while (loop->first) {
		struct post *next = loop->first->next;

		free(loop->first);
		loop->first = next;
	}
	sd_event_source_unref(loop->source);
	sd_event_unref(loop->event);
	if (loop->fd >= 0)
		close(loop->fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

struct sd_event *loop_sd(struct loop *loop)
{
	return loop->event;
}

void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct post *post = malloc(sizeof(*post));
	uint64_t one = 1;

	if (!post)
		abort();

	*post = (struct post){ .fn = fn, .arg = arg };
	pthread_mutex_lock(&loop->lock);
	*loop->last = post;
	loop->last = &post->next;
	(void)!write(loop->fd, &one, sizeof(one));
	pthread_mutex_unlock(&loop->lock);
}
