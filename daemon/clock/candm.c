/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/clock/candm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PROTOCOL		6
#define PACKET_REQUEST	1
#define PACKET_REPLY	2

#define REQUEST_HEADER	20
#define REPLY_HEADER	28

#define MAX_SECONDS	((double)(CF_CLOCK_BOUND_MAX / CF_S))
#define MAX_PPM		1e9

/* Lengths of requests and replies, headers included, and what the reply calls itself. */
static const struct shape {
	enum candm_command command;
	const char *name;
	uint16_t reply;
	size_t reply_size;
} shapes[] = {
	{ CANDM_N_SOURCES,   "n_sources",   2, REPLY_HEADER + 4 },
	{ CANDM_SOURCE_DATA, "source_data", 3, REPLY_HEADER + 48 },
	{ CANDM_TRACKING,    "tracking",    5, REPLY_HEADER + 76 },
};

#define REPLY_NULL 1

/* What chronyd answers to a request that it does not grant. */
static const char *const statuses[] = {
	[1] = "failed", [2] = "not authorised", [3] = "invalid command", [4] = "no such source",
	[5] = "bad timestamp", [6] = "not enabled", [7] = "bad subnet", [8] = "access allowed",
	[9] = "access denied", [10] = "no access from this host", [11] = "source already known",
	[12] = "too many sources", [13] = "no real-time clock", [14] = "bad RTC file", [15] = "inactive",
	[16] = "bad sample", [17] = "invalid address family", [18] = "wrong protocol version",
	[19] = "wrong packet length", [21] = "invalid name",
};

/* Where in a packet we are; lengths are checked before the first byte is taken. */
struct cursor {
	const unsigned char *at;
};

static unsigned int take8(struct cursor *c)
{
	return *c->at++;
}

static unsigned int take16(struct cursor *c)
{
	unsigned int high = take8(c);

	return high << 8 | take8(c);
}

static uint32_t take32(struct cursor *c)
{
	uint32_t high = take16(c);

	return high << 16 | take16(c);
}

static unsigned char *put16(unsigned char *p, unsigned int value)
{
	*p++ = (unsigned char)(value >> 8);
	*p++ = (unsigned char)value;
	return p;
}

static unsigned char *put32(unsigned char *p, uint32_t value)
{
	return put16(put16(p, value >> 16), value & 0xffff);
}

static const struct shape *shape_of(enum candm_command command)
{
	const struct shape *shape = shapes;

	while (shape->command != command)
		shape++;
	return shape;
}

size_t candm_request(const struct candm_request *request, unsigned char ret[static CANDM_ROOM])
{
	unsigned char *p = ret;

	memset(ret, 0, CANDM_ROOM);
	*p++ = PROTOCOL;
	*p++ = PACKET_REQUEST;
	p += 2;
	p = put16(p, request->command);
	p = put16(p, request->attempt);
	put32(p, request->sequence);
	if (request->command == CANDM_SOURCE_DATA)
		put32(ret + REQUEST_HEADER, request->index);

	return shape_of(request->command)->reply_size;
}

static int bad(struct cf_error *err, const char *name, const char *field, long long value)
{
	return cf_fail(err, EPROTO, CF_HOST, "chronyd's %s reply: %s is %lld", name, field, value);
}

bool candm_answers(const struct candm_request *request, const void *packet, size_t size)
{
	struct cursor c = { packet };

	if (size < REPLY_HEADER)
		return false;
	c.at += 16;
	return take32(&c) == request->sequence;
}

static int check_status(const struct shape *shape, unsigned int status, unsigned int reply, size_t size,
			struct cf_error *err)
{
	const char *text = status < CF_COUNT(statuses) ? statuses[status] : NULL;

	if (!text)
		return bad(err, shape->name, "status", status);
	if (reply != REPLY_NULL)
		return bad(err, shape->name, "reply", reply);
	if (size != REPLY_HEADER)
		return bad(err, shape->name, "length", (long long)size);
	return cf_fail(err, EREMOTEIO, CF_HOST, "chronyd refuses %s: %s", shape->name, text);
}

/* Everything up to the data; *c is left there. */
static int take_header(const struct candm_request *request, const void *packet, size_t size, struct cursor *c,
		       struct cf_error *err)
{
	const struct shape *shape = shape_of(request->command);
	struct cursor p = { packet };
	unsigned int reply, status;
	/* In the order of the wire; `reply` and `status` stand between command and pad1. */
	static const char *const names[] = { "version", "packet type", "res1", "res2", "command",
					     "pad1", "pad2", "pad3", "sequence", "pad4", "pad5" };
	uint32_t want[] = { PROTOCOL, PACKET_REPLY, 0, 0, request->command, 0, 0, 0, request->sequence, 0, 0 };
	uint32_t have[CF_COUNT(want)];

	if (size < REPLY_HEADER)
		return bad(err, shape->name, "length", (long long)size);

	for (int i = 0; i < 4; i++)
		have[i] = take8(&p);
	have[4] = take16(&p);
	reply = take16(&p);
	status = take16(&p);
	for (int i = 5; i < 8; i++)
		have[i] = take16(&p);
	for (int i = 8; i < 11; i++)
		have[i] = take32(&p);

	for (size_t i = 0; i < CF_COUNT(want); i++)
		if (have[i] != want[i])
			return bad(err, shape->name, names[i], have[i]);
	if (status != 0)
		return check_status(shape, status, reply, size, err);
	if (reply != shape->reply)
		return bad(err, shape->name, "reply", reply);
	if (size != shape->reply_size)
		return bad(err, shape->name, "length", (long long)size);

	*c = p;
	return 0;
}

double candm_float(uint32_t bits)
{
	int exponent = (int)(bits >> 25), coefficient = (int)(bits & 0x1ffffff);

	if (exponent >= 64)
		exponent -= 128;
	if (coefficient >= 1 << 24)
		coefficient -= 1 << 25;
	return ldexp(coefficient, exponent - 25);
}

/* A Float whose magnitude may not exceed max. */
static int take_float(struct cursor *c, double max, const char *name, const char *field, double *ret,
		      struct cf_error *err)
{
	double value = candm_float(take32(c));

	if (value > max || value < -max)
		return cf_fail(err, EPROTO, CF_HOST, "chronyd's %s reply: %s is %g", name, field, value);
	*ret = value;
	return 0;
}

/* A Float of seconds, to the nearest nanosecond. */
static int take_span(struct cursor *c, const char *name, const char *field, cf_span *ret, struct cf_error *err)
{
	double seconds = 0;
	int r = take_float(c, MAX_SECONDS, name, field, &seconds, err);

	if (r < 0)
		return r;
	ret->ns = (int64_t)(seconds * 1e9 + (seconds < 0 ? -0.5 : 0.5));
	return 0;
}

/* Absent when it is the epoch: chronyd's word for never. */
static int take_time(struct cursor *c, const char *name, struct cf_tracking *t, struct cf_error *err)
{
	uint64_t high = take32(c), low = take32(c), ns = take32(c), seconds;

	/* A chronyd whose time_t has 32 bits fills the upper half with this. */
	if (high == 0x7fffffff)
		high = 0;
	seconds = high << 32 | low;
	if (seconds > INT64_MAX / CF_S - 1)
		return bad(err, name, "ref_time seconds", (long long)seconds);
	if (ns >= CF_S)
		return bad(err, name, "ref_time nanoseconds", (long long)ns);

	t->has_reference_time = seconds != 0 || ns != 0;
	t->reference_time.ns = (int64_t)(seconds * CF_S + ns);
	return 0;
}

static int take_address(struct cursor *c, const char *name, struct cf_tracking *t, struct cf_error *err)
{
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6, AF_UNSPEC };
	const unsigned char *bytes = c->at;
	unsigned int family, pad;

	c->at += 16;
	family = take16(c);
	pad = take16(c);
	/* The fourth is a source whose name is not resolved yet: it has an id, and no address. */
	if (family >= CF_COUNT(families))
		return bad(err, name, "address family", family);
	if (pad != 0)
		return bad(err, name, "address padding", pad);

	t->has_source = families[family] != AF_UNSPEC;
	if (t->has_source)
		inet_ntop(families[family], bytes, t->source, sizeof(t->source));
	return 0;
}

static int take_leap(struct cursor *c, const char *name, enum cf_leap *ret, struct cf_error *err)
{
	static const enum cf_leap leaps[] = { CF_LEAP_NORMAL, CF_LEAP_INSERT, CF_LEAP_DELETE, CF_LEAP_NOT_SYNCHRONISED };
	unsigned int leap = take16(c);

	if (leap >= CF_COUNT(leaps))
		return bad(err, name, "leap_status", leap);
	*ret = leaps[leap];
	return 0;
}

/* The nine numbers at the end of a tracking reply. */
static int take_figures(struct cursor *c, const char *name, struct cf_tracking *t, struct cf_error *err)
{
	double residual_ppm;
	int r;

	if ((r = take_span(c, name, "current_correction", &t->correction, err)) < 0 ||
	    (r = take_span(c, name, "last_offset", &t->last_offset, err)) < 0 ||
	    (r = take_span(c, name, "rms_offset", &t->rms_offset, err)) < 0 ||
	    (r = take_float(c, MAX_PPM, name, "freq_ppm", &t->frequency_ppm, err)) < 0 ||
	    (r = take_float(c, MAX_PPM, name, "resid_freq_ppm", &residual_ppm, err)) < 0 ||
	    (r = take_float(c, MAX_PPM, name, "skew_ppm", &t->frequency_error_ppm, err)) < 0 ||
	    (r = take_span(c, name, "root_delay", &t->root_delay, err)) < 0 ||
	    (r = take_span(c, name, "root_dispersion", &t->root_dispersion, err)) < 0 ||
	    (r = take_span(c, name, "last_update_interval", &t->update_interval, err)) < 0)
		return r;

	if (t->update_interval.ns < 0)
		return bad(err, name, "last_update_interval", t->update_interval.ns);
	t->has_update_interval = t->update_interval.ns > 0;
	return 0;
}

int candm_tracking(const struct candm_request *request, const void *packet, size_t size, struct cf_tracking *ret,
		   struct cf_error *err)
{
	static const char name[] = "tracking";
	struct cf_tracking t = { 0 };
	struct cursor c;
	int r;

	r = take_header(request, packet, size, &c, err);
	if (r < 0)
		return r;

	snprintf(t.refid, sizeof(t.refid), "%08X", (unsigned int)take32(&c));
	r = take_address(&c, name, &t, err);
	if (r < 0)
		return r;
	t.stratum = take16(&c);
	if ((r = take_leap(&c, name, &t.leap, err)) < 0 ||
	    (r = take_time(&c, name, &t, err)) < 0 ||
	    (r = take_figures(&c, name, &t, err)) < 0)
		return r;

	*ret = t;
	return 0;
}

int candm_n_sources(const struct candm_request *request, const void *packet, size_t size, uint32_t *ret,
		    struct cf_error *err)
{
	struct cursor c;
	int r = take_header(request, packet, size, &c, err);

	if (r < 0)
		return r;
	*ret = take32(&c);
	return 0;
}

int candm_source(const struct candm_request *request, const void *packet, size_t size, struct candm_source *ret,
		 struct cf_error *err)
{
	static const char name[] = "source_data";
	unsigned int state, mode, reachability;
	struct cf_tracking address = { 0 };
	struct cursor c;
	int poll, r;

	r = take_header(request, packet, size, &c, err);
	if (r < 0)
		return r;
	r = take_address(&c, name, &address, err);
	if (r < 0)
		return r;

	poll = (int16_t)take16(&c);
	take16(&c);		/* stratum */
	state = take16(&c);
	mode = take16(&c);
	take16(&c);		/* flags */
	reachability = take16(&c);

	/* chrony's own range of poll is -7 to 24. */
	if (poll < -20 || poll > 30)
		return bad(err, name, "poll", poll);
	if (state >= CANDM_N_SOURCE_STATES)
		return bad(err, name, "state", state);
	if (mode > 2)
		return bad(err, name, "mode", mode);
	if (reachability > 0xff)
		return bad(err, name, "reachability", reachability);

	ret->state = state;
	ret->poll_interval.ns = (int64_t)ldexp(CF_S, poll);
	ret->reachability = reachability;
	return 0;
}
