/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvirt's XML: a domain's, and the host's capabilities. */

#include <string.h>

#include "daemon/virt/domain-xml.h"
#include "daemon/virt/private.h"
#include "proto/codec.h"
#include "tests/fuzz.h"

/* Nothing of the text may stand in an error: it holds secrets. */
static void check_error(int r, const struct cf_error *err)
{
	must(r < 0 && err->code == CF_HOST && err->text[0] && !strstr(err->text, "hunter2"));
}

/* What was read can be told to a peer. */
static void check_domain(const struct domain_xml *xml)
{
	char *text = cf_encode(&cf_guest_clock_shape, &xml->guest, CF_MINOR);
	struct cf_guest_clock *back = malloc(sizeof(*back));

	must(xml->n_blockers <= DOMAIN_BLOCKERS_MAX && strnlen(xml->name, sizeof(xml->name)) < sizeof(xml->name));
	must(text && back && cf_decode(&cf_guest_clock_shape, CF_STRICT, text, strlen(text), back, NULL) == 0);
	free(back);
	free(text);
}

static void take_domain(const char *text)
{
	struct domain_xml *xml = malloc(sizeof(*xml));
	struct cf_error err = { 0 };
	int r;

	must(xml);
	r = domain_xml_read(text, 9000000, 7002000, xml, &err);
	if (r == 0)
		check_domain(xml);
	else
		check_error(r, &err);
	free(xml);
}

static void take_capabilities(const char *text)
{
	struct virt_host host = { 0 };
	struct cf_error err = { 0 };
	int r = virt_host_capabilities(text, &host, &err);

	if (r < 0)
		check_error(r, &err);
	must(!host.has_counter_hz || host.counter_hz >= 0);
	must(strnlen(host.arch, sizeof(host.arch)) < sizeof(host.arch));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text);
	memcpy(text, data, size);
	text[size] = '\0';
	take_domain(text);
	take_capabilities(text);
	free(text);
	return 0;
}
