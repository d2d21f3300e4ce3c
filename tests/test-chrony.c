/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asking a chronyd that behaves in every way a datagram service can. */

#include "daemon/clock/chrony.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "tests/tap.h"

/* What a real one answered; the sequence is filled in. */
static const char tracking_hex[] =
	"060200000021000500000000000000000102030400000000000000007f0000017f000001000000000000000000000000"
	"0001000000020000000000006b0043c92ae83d2edd722e77d4a42cced68dcea1fb32f319f4c19399fcdb6115e0c091a2"
	"dab909e6fe82e0d8";
static const char n_sources_hex[] = "06020000000e0002000000000000000001020304000000000000000000000002";
static const char falseticker_hex[] =
	"06020000000f000300000000000000000102030400000000000000007f000001000000000000000000000000"
	"0001000000020001000200000000000f00000001de952ed9de9a0382e0b53736";
static const char selected_hex[] =
	"06020000000f0003000000000000000001020304000000000000000000000000000000000000000000000001"
	"00020000fffd000100000000000000ff00000000daac112fdaa701d6dee42231";

enum manner {
	PROPER,
	STRAY,		/* first a reply to somebody else, and half a reply */
	LATE,		/* only to the second attempt, and then twice */
	MUTE,
	WRONG,		/* another version of the protocol */
	REFUSING,
	ELSEWHERE,	/* the proper answer, from another address */
	N_MANNERS,
};

/* A chronyd of which only the manners are fake. */
struct fake {
	int fd, other_fd;
	enum manner manner;
	pthread_t thread;
	unsigned int requests;
	bool repeated;			/* a sequence number */
	uint32_t last_sequence;
	unsigned int mode;		/* of the file of whoever asks, over the Unix socket */
};

static char folder[] = "/tmp/test-chrony.XXXXXX";
static char path[64];

static size_t bytes_of(const char *hex, unsigned char *ret)
{
	size_t n = 0;
	unsigned int byte;

	while (sscanf(hex + 2 * n, "%2x", &byte) == 1)
		ret[n++] = (unsigned char)byte;
	return n;
}

static const char *answer_to(const unsigned char *request)
{
	if (request[5] == 33)
		return tracking_hex;
	if (request[5] == 14)
		return n_sources_hex;
	return request[23] == 0 ? falseticker_hex : selected_hex;
}

static void answer(struct fake *fake, const unsigned char *request, const struct sockaddr *to, socklen_t to_size)
{
	unsigned char reply[128];
	size_t size = bytes_of(answer_to(request), reply);
	int attempt = request[7];

	memcpy(reply + 16, request + 8, 4);
	if (fake->manner == MUTE || (fake->manner == LATE && attempt == 0))
		return;
	if (fake->manner == STRAY) {
		reply[19] ^= 1;
		sendto(fake->fd, reply, size, 0, to, to_size);
		reply[19] ^= 1;
		sendto(fake->fd, reply, 20, 0, to, to_size);
	}
	if (fake->manner == WRONG)
		reply[0] = 7;
	if (fake->manner == REFUSING) {
		size = 28;
		reply[7] = 1;
		reply[9] = 2;
	}
	sendto(fake->manner == ELSEWHERE ? fake->other_fd : fake->fd, reply, size, 0, to, to_size);
	if (fake->manner == LATE)
		sendto(fake->fd, reply, size, 0, to, to_size);
}

static void *serve(void *userdata)
{
	struct fake *fake = userdata;
	unsigned char request[512];
	uint32_t sequence;

	for (;;) {
		struct sockaddr_storage from = { 0 };
		socklen_t from_size = sizeof(from);
		ssize_t n = recvfrom(fake->fd, request, sizeof(request), 0, (struct sockaddr *)&from, &from_size);
		struct stat st;

		if (n < 20)
			return NULL;
		memcpy(&sequence, request + 8, 4);
		fake->repeated = fake->repeated || (request[7] == 0 && sequence == fake->last_sequence);
		fake->last_sequence = sequence;
		fake->requests++;
		if (from.ss_family == AF_UNIX && stat(((struct sockaddr_un *)&from)->sun_path, &st) == 0)
			fake->mode = st.st_mode;
		answer(fake, request, (struct sockaddr *)&from, from_size);
	}
}

static void start(struct fake *fake, enum manner manner, const struct sockaddr *at, socklen_t size)
{
	*fake = (struct fake){ .manner = manner, .other_fd = socket(at->sa_family, SOCK_DGRAM, 0) };
	fake->fd = socket(at->sa_family, SOCK_DGRAM, 0);
	if (bind(fake->fd, at, size) < 0 || pthread_create(&fake->thread, NULL, serve, fake))
		abort();
}

static void start_socket(struct fake *fake, enum manner manner)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	strcpy(at.sun_path, path);
	start(fake, manner, (struct sockaddr *)&at, sizeof(at));
}

/* On a port of the kernel's choice, which is returned. */
static int start_udp(struct fake *fake, enum manner manner)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	start(fake, manner, (struct sockaddr *)&at, size);
	getsockname(fake->fd, (struct sockaddr *)&at, &size);
	return ntohs(at.sin_port);
}

static void stop(struct fake *fake)
{
	shutdown(fake->fd, SHUT_RDWR);
	pthread_join(fake->thread, NULL);
	close(fake->fd);
	close(fake->other_fd);
	unlink(path);
}

static int entries(void)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static bool is_right(const struct cf_tracking_reading *r)
{
	return strcmp(r->tracking.refid, "7F000001") == 0 && r->tracking.selected && r->tracking.reachability == 0377 &&
	       r->tracking.poll_interval.ns == CF_S / 8 && r->took.ns > 0 && r->at.raw.ns > 0;
}

static void test_manners(void)
{
	static const struct {
		const char *name;
		int result;
		const char *text;
		unsigned int requests;
		int64_t timeout;	/* where an answer comes, longer than a busy machine takes for it */
	} cases[N_MANNERS] = {
		[PROPER]    = { "a proper answer is taken", 0, NULL, 4, 20 * CF_S },
		[STRAY]     = { "strays before it are passed over", 0, NULL, 4, 20 * CF_S },
		[LATE]      = { "a second attempt is made, and an answer's double is passed over", 0, NULL, 8, CF_S },
		[MUTE]      = { "silence", -ETIMEDOUT, "timed out", 2, 100 * CF_MS },
		[WRONG]     = { "a wrong version", -EPROTO, "version is 7", 1, 20 * CF_S },
		[REFUSING]  = { "a refusal", -EREMOTEIO, "not authorised", 1, 20 * CF_S },
		[ELSEWHERE] = { "an answer from elsewhere is none", -ETIMEDOUT, "timed out", 2, 100 * CF_MS },
	};

	for (int udp = 0; udp <= 1; udp++)
		for (enum manner m = 0; m < N_MANNERS; m++) {
			struct chrony_how how = { .only = udp ? CF_VIA_IPV4 : CF_VIA_SOCKET, .socket = path,
						  .timeout = { cases[m].timeout }, .deadline = { 60 * CF_S } };
			struct cf_tracking_reading r = { 0 };
			struct cf_error err = { 0 };
			struct fake fake;
			int result;

			if (udp)
				how.port = start_udp(&fake, m);
			else
				start_socket(&fake, m);
			result = chrony_read(&how, &r, &err);
			stop(&fake);

			ok(result == cases[m].result && (result || (is_right(&r) && r.via == how.only)), "%s: %s",
			   cf_vias[how.only], cases[m].name);
			ok(!cases[m].text || strcasestr(err.text, cases[m].text), "and said so: '%s'", err.text);
			ok(fake.requests == cases[m].requests && !fake.repeated, "%u requests, each with a number of its own",
			   fake.requests);
			ok(udp || fake.mode == (S_IFSOCK | 0666), "the one who is asked can answer");
			ok(entries() == 0, "and nothing is left behind");
		}
}

static void test_deadline(void)
{
	struct chrony_how how = { .only = CF_VIA_SOCKET, .socket = path, .timeout = { 60 * CF_S }, .deadline = { 200 * CF_MS } };
	struct cf_tracking_reading r;
	struct cf_error err;
	struct fake fake;
	cf_mono before = kernel_raw();
	cf_span waited;
	int result;

	start_socket(&fake, MUTE);
	result = chrony_read(&how, &r, &err);
	waited = cf_mono_since(kernel_raw(), before);
	ok(result == -ETIMEDOUT && waited.ns >= 200 * CF_MS && waited.ns < 60 * CF_S, "the deadline ends what a try would wait for");
	stop(&fake);
}

/* A chronyd that hangs reads nothing: its queue fills up, and then even sending would wait. */
static void test_full(void)
{
	struct chrony_how how = { .only = CF_VIA_SOCKET, .socket = path, .timeout = { 20 * CF_MS } };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct cf_tracking_reading r;
	struct cf_error err;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), timeouts = 0;

	strcpy(at.sun_path, path);
	ok(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "a socket that nobody reads");
	for (int i = 0; i < 20; i++)
		timeouts += chrony_read(&how, &r, &err) == -ETIMEDOUT;
	ok(timeouts == 20, "times out twenty times, however full it is");
	close(fd);
	unlink(path);
}

static void test_ways(void)
{
	struct chrony_how how = { .socket = path, .timeout = { CF_S } };
	struct cf_tracking_reading r = { 0 }, untouched;
	struct cf_error err = { 0 };
	struct fake fake, udp;

	memset(&untouched, 0x5a, sizeof(untouched));
	r = untouched;
	how.port = start_udp(&udp, PROPER);
	stop(&udp);
	ok(chrony_read(&how, &r, &err) == -ECONNREFUSED, "nobody there: %s", err.text);
	ok(strstr(err.text, "socket: ") && strstr(err.text, "127.0.0.1: ") && strstr(err.text, "::1: "), "every way was tried");
	ok(memcmp(&r, &untouched, sizeof(r)) == 0, "and the reading is left alone");

	how.port = start_udp(&udp, PROPER);
	ok(chrony_read(&how, &r, &err) == 0 && r.via == CF_VIA_IPV4, "without the socket, UDP answers");
	start_socket(&fake, PROPER);
	ok(chrony_read(&how, &r, &err) == 0 && r.via == CF_VIA_SOCKET, "with it, the socket does");
	stop(&fake);
	start_socket(&fake, WRONG);
	ok(chrony_read(&how, &r, &err) == 0 && r.via == CF_VIA_IPV4, "unless what answers there is no chronyd");
	stop(&fake);
	how.only = CF_VIA_SOCKET;
	ok(chrony_read(&how, &r, &err) < 0 && !strstr(err.text, "127.0.0.1"), "a way that is forced is the only one");
	stop(&udp);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/chronyd.sock", folder);

	test_manners();
	test_deadline();
	test_full();
	test_ways();

	rmdir(folder);
	return done();
}
