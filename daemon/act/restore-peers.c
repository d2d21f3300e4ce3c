/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/restore-peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/http/certificate.h"
#include "daemon/peer/call.h"
#include "proto/base.h"

#define PATIENCE  ((cf_span){ 10 * CF_S })
#define PAGES_MAX 2000		/* of one peer: twenty times what a ledger keeps by default */

static const char *peer_name(const struct peers_reading *reading)
{
	return reading->settings->peers[reading->peer].name;
}

void peers_reading_end(struct peers_reading *reading)
{
	call_free(CF_TAKE(reading->call));
	free(CF_TAKE(reading->page));
}

static void next_peer(struct peers_reading *reading)
{
	peers_reading_end(reading);
	reading->cursor[0] = '\0';
	reading->next = 0;
	reading->pages = 0;
	reading->peer++;
}

static void give_up(struct peers_reading *reading, const char *why)
{
	snprintf(reading->why, sizeof(reading->why), "%.64s: %.160s", peer_name(reading), why);
	next_peer(reading);
}

static int ask_page(struct peers_reading *reading, struct cf_error *err)
{
	struct cf_migrations_query query = { .has_state = true, .has_cursor = *reading->cursor };
	int r = 0;

	snprintf(query.state, sizeof(query.state), "%s", reading->open ? "open" : "ended");
	memcpy(query.cursor, reading->cursor, sizeof(query.cursor));
	if (!reading->call)
		r = fleet_call(reading->fleet, peer_name(reading), &reading->call, err);
	if (r == 0 && !(reading->page = calloc(1, sizeof(*reading->page))))
		r = cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	if (r == 0)
		r = call_do(reading->call, CF_ROUTE_MIGRATIONS, NULL, &query, NULL, reading->page, PATIENCE, NULL, err);
	reading->next = 0;
	return r;
}

/* The page is through: is there another one? */
static bool turn_page(struct peers_reading *reading)
{
	bool more = reading->page->has_next;

	memcpy(reading->cursor, reading->page->next, sizeof(reading->cursor));
	free(CF_TAKE(reading->page));
	return more && *reading->cursor;
}

/* Its peers know this host by any name of its certificate. */
static bool is_here(struct peers_reading *reading, const char *name)
{
	if (reading->here.n == 0) {
		host_names_add(&reading->here, reading->settings->host);
		certificate_names(reading->settings->tls.cert, &reading->here);
	}
	return host_names_have(&reading->here, name);
}

/* As this host calls it, or as it calls itself. */
static bool is_there(const struct peers_reading *reading, const char *name)
{
	const struct cf_version *version = call_version(reading->call);

	return strcasecmp(name, peer_name(reading)) == 0 || (version && strcasecmp(name, version->host) == 0);
}

/* As that host has it: one of its ends is there, the other is here. */
static bool is_ours(struct peers_reading *reading, const struct cf_migration *m)
{
	const char *there = m->side == CF_SOURCE ? m->source : m->destination;
	const char *here = m->side == CF_SOURCE ? m->destination : m->source;

	return m->side != CF_SIDE_UNKNOWN && is_there(reading, there) && is_here(reading, here);
}

static int ask_receipt(struct peers_reading *reading, const char *id, struct cf_receipt *ret, struct cf_error *err)
{
	const char *segments[] = { id };
	int r = call_do(reading->call, CF_ROUTE_RECEIPT, segments, NULL, NULL, ret, PATIENCE, NULL, err);

	if (r == 0 && (strcmp(ret->migration.id, id) != 0 || !is_ours(reading, &ret->migration)))
		r = cf_fail(err, EPROTO, CF_PEER, "a receipt of another migration than %s", id);
	return r;
}

/* The next migration that has not been looked at, after those that are too old or not ours; NULL at the end of this peer. */
static const struct cf_migration *next_one(struct peers_reading *reading, struct cf_error *err, int *r)
{
	*r = 0;
	for (;;) {
		if (!reading->page && (*r = ask_page(reading, err)) < 0)
			return NULL;
		while (reading->next < reading->page->n_list) {
			const struct cf_migration *m = &reading->page->list[reading->next++];

			if (cf_real_since(m->started, reading->since).ns < 0)
				continue;
			if (is_ours(reading, m))
				return m;
			reading->foreign++;
		}
		if (!turn_page(reading))
			return NULL;
		if (++reading->pages == PAGES_MAX) {
			*r = cf_fail(err, EPROTO, CF_PEER, "its list has no end");
			return NULL;
		}
	}
}

int peers_receipts(struct peers_reading *reading, int n, void (*fn)(void *userdata, const struct cf_receipt *receipt),
		   void *userdata)
{
	CF_AUTO(cf_free) struct cf_receipt *receipt = malloc(sizeof(*receipt));
	int got = 0;

	while (receipt && got < n && reading->peer < reading->settings->n_peers) {
		struct cf_error err = { 0 };
		int r;
		const struct cf_migration *m = next_one(reading, &err, &r);

		if (r == 0 && m)
			r = ask_receipt(reading, m->id, receipt, &err);
		if (r < 0) {
			give_up(reading, err.text);
		} else if (!m) {
			next_peer(reading);
		} else {
			receipt->migration.side = m->side == CF_SOURCE ? CF_DESTINATION : CF_SOURCE;
			fn(userdata, receipt);
			got++;
		}
	}
	return got;
}

void peers_open(struct peers_reading *reading,
		void (*fn)(void *userdata, struct call *call, const char *peer, const struct cf_migration *theirs), void *userdata)
{
	reading->open = true;
	while (reading->peer < reading->settings->n_peers) {
		struct cf_error err = { 0 };
		int r;
		const struct cf_migration *m = next_one(reading, &err, &r);

		if (r < 0)
			give_up(reading, err.text);
		else if (!m)
			next_peer(reading);
		else
			fn(userdata, reading->call, peer_name(reading), m);
	}
}

/* It has none, or not yet, or one between others: an answer. */
static bool has_none(const struct cf_error *err)
{
	return err->code == CF_NOT_FOUND || err->code == CF_CONFLICT || err->code == CF_FORBIDDEN;
}

static int ask_each(struct peers_reading *reading, const char (*ids)[CF_UUID_ROOM], size_t n, struct cf_receipt *receipt,
		    void (*fn)(void *userdata, struct call *call, const char *peer, const struct cf_migration *theirs), void *userdata,
		    struct cf_error *err)
{
	int r = fleet_call(reading->fleet, peer_name(reading), &reading->call, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = ask_receipt(reading, ids[i], receipt, err);
		if (r == 0)
			fn(userdata, reading->call, peer_name(reading), &receipt->migration);
		else if (has_none(err))
			r = 0;
	}
	return r;
}

void peers_ended(struct peers_reading *reading, const char (*ids)[CF_UUID_ROOM], size_t n,
		 void (*fn)(void *userdata, struct call *call, const char *peer, const struct cf_migration *theirs), void *userdata)
{
	CF_AUTO(cf_free) struct cf_receipt *receipt = malloc(sizeof(*receipt));

	while (receipt && n > 0 && reading->peer < reading->settings->n_peers) {
		struct cf_error err = { 0 };

		if (ask_each(reading, ids, n, receipt, fn, userdata, &err) < 0)
			give_up(reading, err.text);
		else
			next_peer(reading);
	}
}
