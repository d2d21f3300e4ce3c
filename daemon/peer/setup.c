/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How libcurl is set up, once for the life of a call, and where it tells us when and what. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/peer/internal.h"
#include "proto/wipe.h"

/*
 * A connection is used for as long as it stands: a guest's memory may be hours on its way, and what is said when it
 * is there waits for no handshake.  Whether the other host is still there TCP finds out.
 */
#define IDLE_S 86400L

static void init_once(void)
{
	curl_global_init(CURL_GLOBAL_ALL);
}

/* libcurl calls this when the connection stands and the request is about to be sent; also to repeat it. */
static int on_ready(void *userdata, char *there, char *here, int port_there, int port_here)
{
	struct call *call = userdata;

	(void)there; (void)here; (void)port_there; (void)port_here;
	call->sent = kernel_raw();
	return CURL_PREREQFUNC_OK;
}

/*
 * A request that was given up goes no further: what the kernel still had of it would arrive when the network is back,
 * and be carried out when nobody counts on it any more.
 */
static int on_close(void *userdata, curl_socket_t fd)
{
	const struct call *call = userdata;
	const struct linger none = { .l_onoff = 1 };

	if (call->asking)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	return close(fd);
}

static size_t on_header(char *line, size_t one, size_t n, void *userdata)
{
	struct call *call = userdata;

	(void)one;
	if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
		call->answered = kernel_raw();
	return n;
}

static size_t on_text(char *data, size_t one, size_t n, void *userdata)
{
	struct call *call = userdata;

	(void)one;
	if (n > CALL_ANSWER_MAX - call->n_text) {
		call->overflowed = true;
		return 0;
	}
	if (call->n_text + n > call->room) {
		size_t room = (call->n_text + n) * 2;
		char *text = cf_wipe_grow(call->text, call->n_text, room);

		if (!text)
			return 0;
		call->text = text;
		call->room = room;
	}

	memcpy(call->text + call->n_text, data, n);
	call->n_text += n;
	return n;
}

static bool given(const char *text)
{
	return text && *text;
}

static int set_headers(struct call *call)
{
	static const char *const headers[] = { "Content-Type: application/json", "Accept: application/json",
					       "Expect:" };

	for (size_t i = 0; i < CF_COUNT(headers); i++) {
		struct curl_slist *longer = curl_slist_append(call->headers, headers[i]);

		if (!longer)
			return -ENOMEM;
		call->headers = longer;
	}
	return curl_easy_setopt(call->curl, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK ? 0 : -ENOMEM;
}

static const char *open_bracket(const char *name) { return strchr(name, ':') ? "[" : ""; }
static const char *close_bracket(const char *name) { return strchr(name, ':') ? "]" : ""; }

/* Where host is, without asking anybody for its name. */
static int set_route(struct call *call, const char *address, int port)
{
	char text[2 * CF_HOST_ROOM + 64];

	if (!given(address) || strcmp(address, call->host) == 0)
		return 0;

	snprintf(text, sizeof(text), "%s%s%s:%d:%s%.255s%s:%d", open_bracket(call->host), call->host,
		 close_bracket(call->host), port, open_bracket(address), address, close_bracket(address),
		 port);
	call->route = curl_slist_append(NULL, text);
	if (!call->route || curl_easy_setopt(call->curl, CURLOPT_CONNECT_TO, call->route) != CURLE_OK)
		return -ENOMEM;
	return 0;
}

/*
 * Our CA alone: libcurl as Debian builds it would add the system's.  No session is
 * resumed, so that every connection verifies the certificate.
 */
static int set_tls(struct call *call, const struct call_tls *tls)
{
	CURL *curl = call->curl;
	CURLcode bad = CURLE_OK;

	bad |= curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	bad |= curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca);
	bad |= curl_easy_setopt(curl, CURLOPT_CRLFILE, given(tls->crl) ? tls->crl : NULL);
	bad |= curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->certificate);
	bad |= curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key);
	bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	bad |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	return bad == CURLE_OK ? 0 : -ENOMEM;
}

static int set_transfer(struct call *call)
{
	CURL *curl = call->curl;
	CURLcode bad = CURLE_OK;

	bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);	/* who looks a name up is left to it once time is over */
	bad |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, 20L);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, 5L);
	bad |= curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, IDLE_S);
	bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "clockferryd/" VERSION_TEXT);
	bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->detail);
	bad |= curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_ready);
	bad |= curl_easy_setopt(curl, CURLOPT_PREREQDATA, call);
	bad |= curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	bad |= curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, call);
	bad |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	bad |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_text);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
	return bad == CURLE_OK ? 0 : -ENOMEM;
}

/* Nothing in it may mean more to a URL than a name does. */
static bool is_host(const char *host)
{
	static const char may[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";

	return *host && strlen(host) < CF_HOST_ROOM && strspn(host, may) == strlen(host);
}

int call_new(struct call **ret, const char *host, const char *address, int port, const struct call_tls *tls,
	     struct cf_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CF_AUTO(call_free) struct call *call = calloc(1, sizeof(*call));

	pthread_once(&once, init_once);
	if (!is_host(host) || (given(address) && !is_host(address)))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%.100s' is no name or address of a host",
			       is_host(host) ? address : host);
	if (!call)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	strcpy(call->host, host);
	snprintf(call->base, sizeof(call->base), "https://%s%s%s:%d", open_bracket(host), host,
		 close_bracket(host), port);
	call->curl = curl_easy_init();
	if (!call->curl || set_transfer(call) < 0 || set_tls(call, tls) < 0 || set_headers(call) < 0 ||
	    set_route(call, address, port) < 0)
		return cf_fail(err, ENOMEM, CF_HOST, "cannot set up libcurl");

	*ret = CF_TAKE(call);
	return 0;
}

void call_free(struct call *call)
{
	if (!call)
		return;

	curl_easy_cleanup(call->curl);
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->route);
	cf_wipe(call->text, call->n_text);
	free(call);
}
