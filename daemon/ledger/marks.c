/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/ledger/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/fault.h"
#include "proto/base.h"

/* A place is a disk's sector: it is written whole or not at all. */
#define PLACE  512
#define PLACES 128
#define MAGIC  0x6b6d666cU	/* "lfmk" */

struct place {
	uint32_t magic;		/* 0: free */
	mark_word word;
	char id[CF_UUID_ROOM];
	char rest[PLACE - 3 * sizeof(uint32_t) - CF_UUID_ROOM];
	uint32_t sum;		/* of all before it */
};
_Static_assert(sizeof(struct place) == PLACE, "a place has its size");

struct marks {
	char path[MARKS_PATH_ROOM];
	bool durable;
	int fd;
	struct place *places;	/* mapped, PLACES of them */
	pthread_mutex_t lock;	/* of who takes a place */
};

/* FNV-1a: against torn and stray writes, not against anybody's will. */
static uint32_t sum_of(const struct place *place)
{
	const unsigned char *at = (const unsigned char *)place;
	uint32_t sum = 2166136261U;

	for (size_t i = 0; i < offsetof(struct place, sum); i++)
		sum = (sum ^ at[i]) * 16777619U;
	return sum;
}

static bool is_free(const struct place *place)
{
	return place->magic == 0;
}

static bool is_whole(const struct place *place)
{
	return place->magic == MAGIC && place->sum == sum_of(place) && memchr(place->id, '\0', sizeof(place->id));
}

/* A file from elsewhere has something in it that no place of ours begins with. */
static int check(const struct marks *marks, struct cf_error *err)
{
	for (size_t i = 0; i < PLACES; i++)
		if (is_free(&marks->places[i]) || is_whole(&marks->places[i]))
			return 0;

	return cf_fail(err, EBADMSG, CF_HOST, "%s: it is none of ours, or damaged throughout", marks->path);
}

static int map(struct marks *marks, struct cf_error *err)
{
	struct stat st;
	int r;

	marks->fd = open(marks->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (marks->fd < 0 || fstat(marks->fd, &st) < 0)
		return cf_fail(err, errno, CF_HOST, "%s: %s", marks->path, strerror(errno));
	if (st.st_size > 0 && st.st_size != PLACES * PLACE)
		return cf_fail(err, EBADMSG, CF_HOST, "%s: it has %lld bytes and not %d: none of ours", marks->path,
			       (long long)st.st_size, PLACES * PLACE);
	r = posix_fallocate(marks->fd, 0, PLACES * PLACE);
	if (r == 0 && marks->durable && fsync(marks->fd) < 0)
		r = errno;
	if (r != 0)
		return cf_fail(err, r, CF_HOST, "%s: %s", marks->path, strerror(r));

	marks->places = mmap(NULL, PLACES * PLACE, PROT_READ | PROT_WRITE, MAP_SHARED, marks->fd, 0);
	if (marks->places == MAP_FAILED) {
		marks->places = NULL;
		return cf_fail(err, errno, CF_HOST, "%s: %s", marks->path, strerror(errno));
	}
	return check(marks, err);
}

int marks_new(struct marks **ret, const struct marks_options *options, struct cf_error *err)
{
	struct marks *marks = calloc(1, sizeof(*marks));
	int r;

	if (!marks)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	memcpy(marks->path, options->path, sizeof(marks->path));
	marks->durable = options->durable;
	marks->fd = -1;
	pthread_mutex_init(&marks->lock, NULL);

	r = map(marks, err);
	if (r < 0) {
		marks_free(marks);
		return r;
	}
	*ret = marks;
	return 0;
}

struct marks *marks_free(struct marks *marks)
{
	if (!marks)
		return NULL;

	if (marks->places)
		munmap(marks->places, PLACES * PLACE);
	if (marks->fd >= 0)
		close(marks->fd);
	pthread_mutex_destroy(&marks->lock);
	free(marks);
	return NULL;
}

static struct place *find(const struct marks *marks, const char *id)
{
	for (size_t i = 0; i < PLACES; i++)
		if (is_whole(&marks->places[i]) && strcmp(marks->places[i].id, id) == 0)
			return &marks->places[i];

	return NULL;
}

static struct place *find_room(const struct marks *marks)
{
	for (size_t i = 0; i < PLACES; i++)
		if (is_free(&marks->places[i]))
			return &marks->places[i];

	return NULL;
}

/*
 * The new word is whole when its sum is: readers are this agent, and one that takes up what
 * this one left.  Should it die between the two stores the place is damaged, which
 * mark_get() says, and nothing is concluded from it.
 */
static void put(struct place *at, const char *id, mark_word word)
{
	struct place fresh = { .magic = MAGIC, .word = word };

	strncpy(fresh.id, id, sizeof(fresh.id) - 1);
	fresh.sum = sum_of(&fresh);
	memcpy(at, &fresh, sizeof(fresh));
}

int mark_set(struct marks *marks, const char *id, mark_word word, struct cf_error *err)
{
	struct place *place;
	int r;

	if (strlen(id) >= CF_UUID_ROOM)
		return cf_fail(err, EINVAL, CF_HOST, "'%.64s' is no id", id);
	FAULT(MARK_BEFORE);
	pthread_mutex_lock(&marks->lock);
	place = find(marks, id);
	if (!place)
		place = find_room(marks);
	if (place)
		put(place, id, word);
	pthread_mutex_unlock(&marks->lock);

	if (!place)
		return cf_fail(err, ENOSPC, CF_HOST, "%s: all %d places are taken", marks->path, PLACES);
	r = FAULT_FAILS(MARK_STORED);
	if (r == 0 && marks->durable && fdatasync(marks->fd) < 0)
		r = errno;
	if (r != 0)
		return cf_fail(err, r, CF_HOST, "%s: %s", marks->path, strerror(r));
	FAULT(MARK_DURABLE);
	return 0;
}

int mark_get(struct marks *marks, const char *id, mark_word *ret, struct cf_error *err)
{
	bool damaged = false;
	struct place *place;

	pthread_mutex_lock(&marks->lock);
	place = find(marks, id);
	for (size_t i = 0; !place && i < PLACES; i++)
		damaged = damaged || (!is_free(&marks->places[i]) && !is_whole(&marks->places[i]));
	if (!damaged)
		*ret = place ? place->word : MARK_NONE;
	pthread_mutex_unlock(&marks->lock);

	return damaged ? cf_fail(err, EBADMSG, CF_HOST, "%s: a place in it is damaged", marks->path) : 0;
}

void mark_forget(struct marks *marks, const char *id)
{
	struct place *place;

	pthread_mutex_lock(&marks->lock);
	place = find(marks, id);
	if (place)
		memset(place, 0, sizeof(*place));
	pthread_mutex_unlock(&marks->lock);
}

void marks_mend(struct marks *marks)
{
	pthread_mutex_lock(&marks->lock);
	for (size_t i = 0; i < PLACES; i++)
		if (!is_whole(&marks->places[i]))
			memset(&marks->places[i], 0, sizeof(marks->places[i]));
	pthread_mutex_unlock(&marks->lock);
}

void marks_each(struct marks *marks, void (*fn)(void *userdata, const char *id), void *userdata)
{
	for (size_t i = 0; i < PLACES; i++) {
		char id[CF_UUID_ROOM] = "";

		pthread_mutex_lock(&marks->lock);
		if (is_whole(&marks->places[i]))
			memcpy(id, marks->places[i].id, sizeof(id));
		pthread_mutex_unlock(&marks->lock);
		if (*id)
			fn(userdata, id);
	}
}
