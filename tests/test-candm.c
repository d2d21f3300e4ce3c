/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/clock/candm.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/tap.h"

/* What chronyd 4.3 answered to sequence 0x01020304. */
#define SYNCED  "060200000021000500000000000000000102030400000000000000007f0000017f000001000000000000000000000000" \
		"0001000000020000000000006b0043c92ae83d2edd722e77d4a42cced68dcea1fb32f319f4c19399fcdb6115e0c091a2" \
		"dab909e6fe82e0d8"
#define IPV6    "06020000002100050000000000000000010203040000000000000000cf404dc800000000000000000000000000000001" \
		"0002000000020000000000006b0043cd23f3f237dd659cc7d0a1ed3ed69f4fc0013a95c7f2e7f2b802c4633ee0e1c9ab" \
		"dcdd2c60fe81c913"
#define NEVER   "060200000021000500000000000000000102030400000000000000000000000000000000000000000000000000000000" \
		"000000000000000300000000000000000000000000000000000000000000000000000000000000000000000004800000" \
		"0480000000000000"
#define LOCAL   "060200000021000500000000000000000102030400000000000000007f7f010100000000000000000000000000000000" \
		"0000000000080000000000006b0043cc2edd9dfe00000000000000000000000000000000000000000000000000000000" \
		"0000000000000000"
#define SOURCES "06020000000e0002000000000000000001020304000000000000000000000002"
#define SOURCE  "06020000000f0003000000000000000001020304000000000000000000000000000000000000000000000001" \
		"00020000fffd000100000000000000ff00000000daac112fdaa701d6dee42231"
#define NOSEL   "06020000000f000300000000000000000102030400000000000000007f000001000000000000000000000000" \
		"00010000000200010001000000000007000000" "01de952ed9de9a0382e0b53736"
#define SHORT   "06020000002100010013000000000000010203040000000000000000"
#define NOINDEX "06020000000f00010004000000000000010203040000000000000000"

#define SEQUENCE 0x01020304

static const struct candm_request tracking  = { .command = CANDM_TRACKING, .sequence = SEQUENCE };
static const struct candm_request n_sources = { .command = CANDM_N_SOURCES, .sequence = SEQUENCE };
static const struct candm_request source    = { .command = CANDM_SOURCE_DATA, .sequence = SEQUENCE };

static size_t bytes_of(const char *hex, unsigned char ret[static CANDM_ROOM])
{
	size_t n = 0;
	unsigned int byte;

	while (sscanf(hex + 2 * n, "%2x", &byte) == 1)
		ret[n++] = (unsigned char)byte;
	return n;
}

/* Whichever decoder the request calls for; its output is of no interest. */
static int decode(const struct candm_request *request, const void *packet, size_t size, struct cf_error *err)
{
	struct cf_tracking t;
	struct candm_source s;
	uint32_t n;

	if (request->command == CANDM_TRACKING)
		return candm_tracking(request, packet, size, &t, err);
	if (request->command == CANDM_N_SOURCES)
		return candm_n_sources(request, packet, size, &n, err);
	return candm_source(request, packet, size, &s, err);
}

static struct cf_tracking tracking_of(const char *hex)
{
	unsigned char packet[CANDM_ROOM];
	struct cf_tracking t = { 0 };
	struct cf_error err = { 0 };

	ok(candm_tracking(&tracking, packet, bytes_of(hex, packet), &t, &err) == 0, "chronyd's tracking is read %s", err.text);
	return t;
}

/* The figures on the right are what chronyc printed of the same chronyd. */
static void test_tracking(void)
{
	struct cf_tracking t = tracking_of(SYNCED);

	ok(strcmp(t.refid, "7F000001") == 0 && t.has_source && strcmp(t.source, "127.0.0.1") == 0, "reference and source");
	ok(t.stratum == 2 && t.leap == CF_LEAP_NORMAL, "stratum and leap status");
	ok(t.has_reference_time && t.reference_time.ns == INT64_C(1795179465719863086), "reference time");
	ok(t.correction.ns == -1056 || t.correction.ns == -1057 || t.correction.ns == -1055, "correction: %lld ns",
	   (long long)t.correction.ns);
	ok(t.last_offset.ns == 76 && t.rms_offset.ns == 132, "offsets");
	ok(fabs(t.frequency_ppm - -0.050) < 0.0005 && fabs(t.frequency_error_ppm - 0.107) < 0.0005, "frequency and its error");
	ok(t.root_delay.ns == 5739 && t.root_dispersion.ns > 577 && t.root_dispersion.ns < 698, "root delay and dispersion");
	ok(t.has_update_interval && t.update_interval.ns / (100 * CF_MS) == 1, "update interval");
	ok(!t.selected && !t.has_reachability && !t.has_poll_interval, "of the source it knows nothing");

	t = tracking_of(IPV6);
	ok(strcmp(t.refid, "CF404DC8") == 0 && strcmp(t.source, "::1") == 0, "a source with an IPv6 address");
	t = tracking_of(NEVER);
	ok(strcmp(t.refid, "00000000") == 0 && !t.has_source && t.leap == CF_LEAP_NOT_SYNCHRONISED, "never synchronised");
	ok(!t.has_reference_time && !t.has_update_interval, "without an update there is no time of one");
	ok(t.root_delay.ns == CF_S && t.root_dispersion.ns == CF_S, "and both distances are 1 s");
	t = tracking_of(LOCAL);
	ok(strcmp(t.refid, "7F7F0101") == 0 && t.stratum == 8 && t.leap == CF_LEAP_NORMAL, "`local`");
}

static void test_sources(void)
{
	unsigned char packet[CANDM_ROOM];
	struct candm_source s;
	struct cf_error err;
	uint32_t n;

	ok(candm_n_sources(&n_sources, packet, bytes_of(SOURCES, packet), &n, &err) == 0 && n == 2, "two sources");
	ok(candm_source(&source, packet, bytes_of(SOURCE, packet), &s, &err) == 0, "the first is read");
	ok(s.state == CANDM_SELECTED && s.reachability == 0377 && s.poll_interval.ns == CF_S / 8,
	   "selected, reachable, polled eight times a second");
	ok(candm_source(&source, packet, bytes_of(NOSEL, packet), &s, &err) == 0, "the second is read");
	ok(s.state == CANDM_NOT_SELECTABLE && s.reachability == 07 && s.poll_interval.ns == 4 * CF_S,
	   "not selectable, three answers so far, polled every 4 s");
}

static void test_requests(void)
{
	static const char wanted[] = "0601000000210002010203040000000000000000";
	unsigned char packet[CANDM_ROOM], want[CANDM_ROOM];
	struct candm_request r = tracking;
	size_t n = bytes_of(wanted, want);

	r.attempt = 2;
	ok(candm_request(&r, packet) == 104, "a tracking request is as long as its reply");
	ok(memcmp(packet, want, n) == 0, "with header, attempt and sequence");
	while (n < 104 && packet[n] == 0)
		n++;
	ok(n == 104, "and nothing else");
	ok(candm_request(&n_sources, packet) == 32, "so is one for the number of sources");
	r = source;
	r.index = 0x0a0b0c0d;
	ok(candm_request(&r, packet) == 76 && memcmp(packet + 20, "\x0a\x0b\x0c\x0d", 4) == 0, "and one for a source, which says which");
}

static void test_refusals(void)
{
	unsigned char packet[CANDM_ROOM];
	struct cf_error err;
	size_t size = bytes_of(SHORT, packet);

	ok(decode(&tracking, packet, size, &err) == -EREMOTEIO && strstr(err.text, "wrong packet length"),
	   "a request cut short: %s", err.text);
	ok(decode(&tracking, packet, size - 1, &err) == -EPROTO, "a refusal cut short is none");
	packet[size] = 0;
	ok(decode(&tracking, packet, size + 1, &err) == -EPROTO && strstr(err.text, "length"), "nor one too long: %s", err.text);
	size = bytes_of(NOINDEX, packet);
	ok(decode(&source, packet, size, &err) == -EREMOTEIO && strstr(err.text, "no such source"), "a source that is not there: %s",
	   err.text);
	packet[9] = 20;
	ok(decode(&source, packet, size, &err) == -EPROTO && strstr(err.text, "status is 20"), "a status nobody knows: %s", err.text);
}

static void test_strays(void)
{
	unsigned char packet[CANDM_ROOM];
	size_t size = bytes_of(SYNCED, packet);
	struct candm_request other = tracking;

	ok(candm_answers(&tracking, packet, size), "a reply answers the request whose sequence it repeats");
	other.sequence++;
	ok(!candm_answers(&other, packet, size), "and no other");
	ok(!candm_answers(&tracking, packet, 27) && !candm_answers(&tracking, packet, 0), "less than a header answers nothing");
}

static void test_lengths(const struct candm_request *request, const char *hex, const char *what)
{
	unsigned char packet[CANDM_ROOM] = { 0 };
	size_t size = bytes_of(hex, packet), wrong = 0, named = 0;
	struct cf_error err;

	for (size_t n = 0; n <= size + 1; n++) {
		char want[32];

		if (n == size)
			continue;
		snprintf(want, sizeof(want), "length is %zu", n);
		wrong += decode(request, packet, n, &err) == -EPROTO;
		named += strstr(err.text, want) && strstr(err.text, what);
	}
	ok(wrong == size + 1, "%s: none of %zu other lengths is taken", what, size + 1);
	ok(named == wrong, "and each is named");
}

static void test_header(void)
{
	static const struct { size_t at, end; const char *name, *or; } fields[] = {
		{ 0, 1, "version", NULL }, { 1, 2, "packet type", NULL }, { 2, 3, "res1", NULL }, { 3, 4, "res2", NULL },
		{ 4, 6, "command", NULL }, { 6, 8, "reply is", NULL }, { 8, 10, "status", "reply is" },
		{ 10, 12, "pad1", NULL }, { 12, 14, "pad2", NULL }, { 14, 16, "pad3", NULL }, { 16, 20, "sequence", NULL },
		{ 20, 24, "pad4", NULL }, { 24, 28, "pad5", NULL },
	};
	unsigned char packet[CANDM_ROOM];
	size_t size = bytes_of(SYNCED, packet);
	struct cf_error err;

	for (size_t i = 0; i < CF_COUNT(fields); i++) {
		int wrong = 0, named = 0, flips = 0;

		for (size_t bit = 8 * fields[i].at; bit < 8 * fields[i].end; bit++, flips++) {
			packet[bit / 8] ^= 1 << bit % 8;
			wrong += decode(&tracking, packet, size, &err) == -EPROTO;
			named += strstr(err.text, fields[i].name) || (fields[i].or && strstr(err.text, fields[i].or));
			packet[bit / 8] ^= 1 << bit % 8;
		}
		ok(wrong == flips && named == flips, "%s: each of its %d bits matters, and the error names it", fields[i].name, flips);
	}
}

static void test_values(void)
{
	static const struct {
		const struct candm_request *request;
		const char *hex;
		size_t at;
		const char *bytes;
		const char *text;
	} cases[] = {
		{ &tracking, SYNCED, 48, "0004", "address family is 4" },
		{ &tracking, SYNCED, 50, "0001", "address padding is 1" },
		{ &tracking, SYNCED, 54, "0004", "leap_status is 4" },
		{ &tracking, SYNCED, 54, "ffff", "leap_status is 65535" },
		{ &tracking, SYNCED, 56, "80000000", "ref_time seconds is -" },
		{ &tracking, SYNCED, 56, "00000003", "ref_time seconds is 14" },
		{ &tracking, SYNCED, 64, "3b9aca00", "ref_time nanoseconds is 1000000000" },
		{ &tracking, SYNCED, 68, "7effffff", "current_correction is 4.6" },
		{ &tracking, SYNCED, 68, "7f000000", "current_correction is -4.6" },
		{ &tracking, SYNCED, 72, "7effffff", "last_offset is" },
		{ &tracking, SYNCED, 76, "7effffff", "rms_offset is" },
		{ &tracking, SYNCED, 80, "7effffff", "freq_ppm is" },
		{ &tracking, SYNCED, 84, "7effffff", "resid_freq_ppm is" },
		{ &tracking, SYNCED, 88, "7effffff", "skew_ppm is" },
		{ &tracking, SYNCED, 92, "7effffff", "root_delay is" },
		{ &tracking, SYNCED, 96, "7effffff", "root_dispersion is" },
		{ &tracking, SYNCED, 100, "7effffff", "last_update_interval is" },
		{ &tracking, SYNCED, 100, "05800000", "last_update_interval is -1000000000" },
		{ &source, SOURCE, 48 - 4, "0005", "address family is 5" },
		{ &source, SOURCE, 48, "7fff", "poll is 32767" },
		{ &source, SOURCE, 48, "8000", "poll is -32768" },
		{ &source, SOURCE, 52, "0006", "state is 6" },
		{ &source, SOURCE, 54, "0003", "mode is 3" },
		{ &source, SOURCE, 58, "0100", "reachability is 256" },
	};
	unsigned char packet[CANDM_ROOM], value[CANDM_ROOM];
	struct cf_error err;
	size_t size;

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		size = bytes_of(cases[i].hex, packet);
		memcpy(packet + cases[i].at, value, bytes_of(cases[i].bytes, value));
		err.text[0] = '\0';
		ok(decode(cases[i].request, packet, size, &err) == -EPROTO && strstr(err.text, cases[i].text), "%s", err.text);
	}
}

static void test_untouched(void)
{
	unsigned char packet[CANDM_ROOM];
	struct cf_tracking t, before;
	size_t size = bytes_of(SYNCED, packet);

	memset(&t, 0x5a, sizeof(t));
	before = t;
	packet[100] = 0x7e;
	ok(candm_tracking(&tracking, packet, size, &t, NULL) < 0 && memcmp(&t, &before, sizeof(t)) == 0,
	   "what fails at the last field leaves its output alone");
	packet[100] = 0xfe;
	memcpy(packet + 56, "\x7f\xff\xff\xff", 4);
	ok(candm_tracking(&tracking, packet, size, &t, NULL) == 0 && t.reference_time.ns / CF_S == 1795179465,
	   "a chronyd with a 32-bit time_t says so in the upper half");
}

/* The other way round, as chrony does it, for numbers that a Float can hold. */
static uint32_t float_of(double value)
{
	int exponent;
	double fraction = frexp(value, &exponent);

	return (uint32_t)(exponent + 1) << 25 | ((uint32_t)(int32_t)ldexp(fraction, 24) & 0x1ffffff);
}

static void test_float(void)
{
	static const struct { uint32_t bits; double value; } cases[] = {
		{ 0x00000000, 0 }, { 0x04800000, 1 }, { 0x05800000, -1 }, { 0x01000000, -0.5 },
		{ 0x7effffff, 16777215.0 * (1ULL << 38) }, { 0x7f000000, -16777216.0 * (1ULL << 38) },
		{ 0x80000001, 0x1p-89 }, { 0x81ffffff, -0x1p-89 }, { 0x80ffffff, 16777215 * 0x1p-89 },
		{ 0x81000000, -0x1p-65 }, { 0x40000000, 0 }, { 0x32000001, 1 }, { 0xfe000001, 0x1p-26 },
	};
	uint32_t state = 1;
	int same = 0;

	for (size_t i = 0; i < CF_COUNT(cases); i++)
		ok(candm_float(cases[i].bits) == cases[i].value, "Float %08x is %g", cases[i].bits, cases[i].value);

	for (int i = 0; i < 100000; i++) {
		double value;

		state = state * 1664525 + 1013904223;
		value = ldexp((int)(state >> 8) - (1 << 23), (int)(state & 63) - 60);
		same += candm_float(float_of(value)) == value;
	}
	ok(same == 100000, "100,000 numbers come back as they went");
}

int main(void)
{
	test_tracking();
	test_sources();
	test_requests();
	test_refusals();
	test_strays();
	test_lengths(&tracking, SYNCED, "tracking");
	test_lengths(&n_sources, SOURCES, "n_sources");
	test_lengths(&source, SOURCE, "source_data");
	test_header();
	test_values();
	test_untouched();
	test_float();
	return done();
}
