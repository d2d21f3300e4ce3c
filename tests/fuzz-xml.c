/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvirt's XML: a domain's, one that a peer offers, the host's capabilities, and a migration's cookie. */

#include <string.h>

#include "daemon/virt/domain-xml.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/incoming-check.h"
#include "daemon/virt/passthrough.h"
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

/* As a peer's that calls it by that name: what is let in is that domain, and has nothing for QEMU past libvirt. */
static void take_offer(const char *text, const char *name, const char *uuid)
{
	struct incoming_claim claim = { .allow_passthrough = true };
	char emulator[INCOMING_EMULATOR_ROOM], again[INCOMING_EMULATOR_ROOM];
	struct cf_passthrough passthrough;
	struct cf_error err = { 0 };
	bool is_it;

	snprintf(claim.name, sizeof(claim.name), "%s", name);
	snprintf(claim.uuid, sizeof(claim.uuid), "%s", uuid);
	is_it = domain_xml_is(text, name, uuid, &passthrough, &err) == 0;
	must(is_it || (err.text[0] && !strstr(err.text, "hunter2")));
	if (incoming_check_xml(text, &claim, emulator, sizeof(emulator), &err) < 0) {
		must(err.code == CF_PEER && err.text[0] && !strstr(err.text, "hunter2"));
		return;
	}
	must(is_it && strnlen(emulator, sizeof(emulator)) < sizeof(emulator));
	claim.allow_passthrough = false;
	if (incoming_check_xml(text, &claim, again, sizeof(again), &err) == 0)
		must(passthrough_is_harmless(&passthrough) && strcmp(emulator, again) == 0);
	else
		must(!passthrough_is_harmless(&passthrough));
}

static void take_cookie(const char *text, size_t size)
{
	const struct drive_answer answer = { .cookie = (void *)(uintptr_t)text, .cookie_size = size };
	const struct incoming_claim claim = { .uuid = "9c334061-f95f-4ba0-9edf-0948a22a5eb8", .name = "g" };
	char emulator[INCOMING_EMULATOR_ROOM];
	struct cf_error err = { 0 };
	int64_t port = -7;

	must(drive_answer_storage_port(&answer, &port) ? port > 0 && port <= 65535 : port == -7);
	if (incoming_check_cookie(text, size, &claim, emulator, sizeof(emulator), &err) < 0)
		must(err.code == CF_PEER && err.text[0] && !strstr(err.text, "hunter2"));
	else
		must(strnlen(emulator, sizeof(emulator)) < sizeof(emulator));
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
	take_offer(text, r == 0 ? xml->name : "g", r == 0 ? xml->uuid : "");
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
	r = incoming_check_emulator(text, "/usr/bin/qemu-system-x86_64", &err);
	must(r == 0 || (err.text[0] && !strstr(err.text, "hunter2")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	take_domain(text);
	take_capabilities(text);
	take_cookie((const char *)data, size);
	free(text);
	return 0;
}
