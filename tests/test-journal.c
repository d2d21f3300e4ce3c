/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What journald gets of a migration that has ended.  In a mount namespace of our own
 * a socket of ours stands where journald's does, and is read by journald's native
 * protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).
 */

#include <endian.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/act/receipt.h"
#include "daemon/log.h"
#include "proto/codec.h"
#include "tests/made-up-receipts.h"
#include "tests/made-up.h"
#include "tests/tap.h"

#define ENTRY_MAX  (4 << 20)
#define FIELDS_MAX 64

struct field {
	char name[64];
	char *value;		/* into `entry`, or its own where the line has one */
	size_t size;
};

static int journal;
static char entry[ENTRY_MAX];
static struct field fields[FIELDS_MAX];
static size_t n_fields;

/* As root or in a user namespace; nothing of it outlives us. */
static bool stand_in_for_journald(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
	char stream[64];
	struct stat st;

	if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("none", "/run", "tmpfs", 0, NULL) < 0 ||
	    mkdir("/run/systemd", 0755) < 0 || mkdir("/run/systemd/journal", 0755) < 0)
		return false;
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (journal < 0 || bind(journal, (struct sockaddr *)&at, sizeof(at)) < 0)
		return false;

	if (fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return setenv("JOURNAL_STREAM", stream, 1) == 0;
}

/* An entry too long for a datagram comes as a sealed file beside an empty one. */
static ssize_t read_entry(void)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { entry, sizeof(entry) - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t size = recvmsg(journal, &message, 0);
	struct cmsghdr *head = size >= 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (head && head->cmsg_type == SCM_RIGHTS) {
		int file;

		memcpy(&file, CMSG_DATA(head), sizeof(file));
		size = pread(file, entry, sizeof(entry) - 1, 0);
		close(file);
	}
	return size;
}

/* "NAME=value\n", or "NAME\n", 64 bits of size, the value, "\n" for one that has lines of its own. */
static bool parse(size_t size)
{
	char *at = entry, *end = entry + size;

	for (n_fields = 0; at < end && n_fields < FIELDS_MAX; n_fields++) {
		struct field *f = &fields[n_fields];
		char *line_end = memchr(at, '\n', end - at), *equals = line_end ? memchr(at, '=', line_end - at) : NULL;
		char *name_end = equals ? equals : line_end;
		uint64_t length;

		if (!line_end || name_end - at >= (ptrdiff_t)sizeof(f->name))
			return false;
		snprintf(f->name, sizeof(f->name), "%.*s", (int)(name_end - at), at);
		if (equals) {
			f->value = equals + 1;
			f->size = line_end - f->value;
		} else {
			memcpy(&length, line_end + 1, sizeof(length));
			f->value = line_end + 1 + sizeof(length);
			f->size = le64toh(length);
			line_end = f->value + f->size;
		}
		if (line_end >= end || *line_end != '\n')
			return false;
		at = line_end + 1;
	}
	for (size_t i = 0; i < n_fields; i++)
		fields[i].value[fields[i].size] = '\0';
	return at == end;
}

static bool logged(void)
{
	ssize_t size = read_entry();

	return size > 0 && parse(size) && recv(journal, entry, 0, MSG_PEEK) < 0;
}

static const struct field *field(const char *name)
{
	for (size_t i = 0; i < n_fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static bool says(const char *name, const char *value)
{
	const struct field *f = field(name);
	bool same = value && *value ? f && strcmp(f->value, value) == 0 : !f;

	if (!same)
		printf("# %s is %s, not %s\n", name, f ? f->value : "absent", value ? value : "absent");
	return same;
}

static bool says_ns(const char *name, bool has, cf_span s)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, s.ns);
	return says(name, has ? text : NULL);
}

static const struct {
	const struct cf_receipt *receipt;
	const char *id, *priority, *message, *peer;
} rows[] = {
	{ &receipt_clean, LOG_ID_MIGRATION_CLEAN, "5",
	  "migration of web1 from hA to hB: clean; blackout +83.00 ms .. +86.00 ms, residual -1.80 ms .. +600 us", "hB" },
	{ &receipt_breached, LOG_ID_MIGRATION_BREACHED, "4",
	  "migration of web1 from hA to hB: breached; blackout +1.30200 s .. +1.30900 s, residual not measured: "
	  "the blackout was +1.302 s .. +1.309 s, the limit is 1 s", "hB" },
	{ &receipt_carried, LOG_ID_MIGRATION_CLEAN, "5",
	  "migration of web1 from hA to hB: clean; blackout +83.00 ms .. +86.00 ms, residual -14.9 us .. +10.1 us", "hB" },
	{ &receipt_unverified, LOG_ID_MIGRATION_UNVERIFIED, "4",
	  "migration of web1 from hA to hB: unverified; blackout not measured, residual not measured: "
	  "blackout and guest clock could not be measured", "hB" },
	{ &receipt_refused, LOG_ID_MIGRATION_REFUSED, "5", NULL, "hB" },
	{ &receipt_aborted, LOG_ID_MIGRATION_ABORTED, "4",
	  "migration of web1 from hA to hB: aborted: aborted by uid 0 (root)", "hB" },
	{ &receipt_stopped, LOG_ID_MIGRATION_ABORTED, "4",
	  "migration of web1 from hA to hB: aborted; it stood still for +31.00 ms .. +33.00 ms, "
	  "residual -900 us .. +100 us: internal error: qemu unexpectedly closed the monitor", "hB" },
	{ &receipt_rolled_back, LOG_ID_MIGRATION_BREACHED, "4",
	  "migration of web1 from hA to hB: aborted, beyond the limit of 1 s; it stood still for +7.33100 s .. +7.33300 s, "
	  "residual not measured: hB does not expect the guest any more; meanwhile libvirtd did not answer for 7.1 s", "hB" },
	{ &receipt_alone_there, LOG_ID_MIGRATION_UNVERIFIED, "4", NULL, "hA" },
	{ &receipt_long, LOG_ID_MIGRATION_ABORTED, "4", NULL, NULL },
	{ &receipt_absent, LOG_ID_MIGRATION_UNVERIFIED, "4", NULL, "hB" },
};

/* Nothing is lost on the way: encoded again it is the same text. */
static bool carries(const struct cf_receipt *receipt)
{
	const struct field *f = field("CLOCKFERRY_RECEIPT");
	CF_AUTO(cf_free) struct cf_receipt *got = calloc(1, sizeof(*got));
	CF_AUTO(cf_free) char *sent = cf_encode(&cf_receipt_shape, receipt, CF_MINOR), *again = NULL;
	struct cf_error err = { 0 };

	if (!f || cf_decode(&cf_receipt_shape, CF_STRICT, f->value, f->size, got, &err) < 0) {
		printf("# %s\n", err.text);
		return false;
	}
	again = cf_encode(&cf_receipt_shape, got, CF_MINOR);
	return strcmp(sent, again) == 0;
}

static void test_receipt(size_t i)
{
	const struct cf_receipt *r = rows[i].receipt;
	const struct cf_migration *m = &r->migration;
	const struct cf_landing *l = cf_receipt_ran_on(r);
	const struct cf_interval *left = l ? cf_landing_residual(l) : NULL;

	receipt_log(r);
	ok(logged(), "%s of %.20s is one entry", cf_outcome_words[m->outcome], m->domain);
	ok(says("MESSAGE_ID", rows[i].id) && says("PRIORITY", rows[i].priority), "... by its outcome");
	ok(rows[i].message ? says("MESSAGE", rows[i].message) : !!field("MESSAGE"), "... for a person: %s",
	   field("MESSAGE") ? field("MESSAGE")->value : "nothing");
	ok(says("CLOCKFERRY_MIGRATION", m->id) && says("CLOCKFERRY_DOMAIN", m->domain) &&
	   says("CLOCKFERRY_UUID", m->uuid) && says("CLOCKFERRY_SOURCE", m->source) &&
	   says("CLOCKFERRY_DESTINATION", m->destination) && says("CLOCKFERRY_REASON", m->reason) &&
	   says("CLOCKFERRY_OUTCOME", cf_outcome_words[m->outcome]) &&
	   says("CLOCKFERRY_SIDE", cf_side_words[m->side]) && says("CLOCKFERRY_REQUESTER", m->requester.name) &&
	   (!rows[i].peer || says("CLOCKFERRY_PEER", rows[i].peer)), "... what, where, who and why");
	ok(says_ns("CLOCKFERRY_BLACKOUT_LOW_NS", r->has_blackout, r->blackout.low) &&
	   says_ns("CLOCKFERRY_BLACKOUT_HIGH_NS", r->has_blackout, r->blackout.high) &&
	   says_ns("CLOCKFERRY_SOURCE_LOST_LOW_NS", r->has_source_lost, r->source_lost.low) &&
	   says_ns("CLOCKFERRY_SOURCE_LOST_HIGH_NS", r->has_source_lost, r->source_lost.high) &&
	   says_ns("CLOCKFERRY_RESIDUAL_LOW_NS", left, left ? left->low : (cf_span){ 0 }) &&
	   says_ns("CLOCKFERRY_RESIDUAL_HIGH_NS", left, left ? left->high : (cf_span){ 0 }), "... the figures, or none that was not measured");
	ok(carries(r), "... and the whole receipt");
}

/* What comes from outside forges neither a field nor a line. */
static void test_hostile(void)
{
	const struct log_field more[] = { { "CLOCKFERRY_REASON", "one\nPRIORITY=0\ntwo" }, { "CLOCKFERRY_UUID", NULL } };

	log_write(LOG_INFO, LOG_ABOUT(.domain = "a\nMESSAGE_ID=1", .fields = more, .n_fields = 2), "x\ny");
	ok(logged() && says("MESSAGE", "x?y") && says("PRIORITY", "6") && says("CLOCKFERRY_DOMAIN", "a\nMESSAGE_ID=1") &&
	   says("CLOCKFERRY_REASON", "one\nPRIORITY=0\ntwo") && says("MESSAGE_ID", NULL) &&
	   says("CLOCKFERRY_UUID", NULL), "a line end in a value stays in it");
}

/* As large as a field can be, for what does not fit into a datagram. */
static void test_large(void)
{
	char *large = malloc(2 << 20);
	const struct log_field more[] = { { "CLOCKFERRY_RECEIPT", large } };

	memset(large, 'x', 2 << 20);
	large[(2 << 20) - 1] = '\0';
	log_write(LOG_INFO, LOG_ABOUT(.fields = more, .n_fields = 1), "large");
	ok(logged() && says("MESSAGE", "large") && field("CLOCKFERRY_RECEIPT") &&
	   field("CLOCKFERRY_RECEIPT")->size == (2 << 20) - 1, "a large one arrives whole");
	free(large);
}

int main(void)
{
	if (!stand_in_for_journald()) {
		printf("1..0 # SKIP no mount namespace can be had here\n");
		return 0;
	}
	for (size_t i = 0; i < CF_COUNT(rows); i++)
		test_receipt(i);
	test_hostile();
	test_large();
	return done();
}
