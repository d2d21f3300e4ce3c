/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The KVM library's page as a guest that broke out might write it: the input is
 * pieces that are laid over a page that is good, each of them its place (3 bytes), its length
 * (1) and what is there.  Or, if it begins with 0xff, the page itself.  What passes goes on as in
 * an agent: to the other host, into what is asked of the library there, and into a receipt.
 */

#include <string.h>

#include "daemon/virt/kvm-page.h"
#include "policy/carry.h"
#include "proto/codec.h"
#include "proto/version.h"
#include "tests/fuzz.h"

static void furnish(struct cf_kvm_page *page)
{
	memset(page, 0, sizeof(*page));
	page->magic = CF_KVM_MAGIC;
	page->version = CF_KVM_VERSION;
	page->size = sizeof(*page);
	page->arch = CF_KVM_ARCH_X86;
	page->said.n_vcpus = 2;
	page->said.vcpus[1].id = 2;
}

static struct cf_kvm_said said, before;
static struct cf_counters counters;
static struct cf_kvm_asked asked;

/* What debugfs shows: of the vCPUs of the page that is good one that runs a guest of its own, and one that is scaled. */
static struct cf_guest_clock guest = {
	.kvm_version = CF_KVM_VERSION,
	.n_vcpus = 2,
	.vcpus = {
		{ .vcpu = 0, .has_offset = true, .offset = -1, .has_guest_mode = true, .guest_mode = true, .has_scaling = true, .scaling = { 1, 0 } },
		{ .vcpu = 2, .has_offset = true, .offset = -7, .has_scaling = true, .scaling = { INT64_C(3) << 47, 48 } },
	},
};

/* What is sent arrives, as strictly as it is read, and is the same. */
static void travels(const struct cf_shape *shape, const void *message, void *back)
{
	char *text = cf_encode(shape, message, CF_MINOR), *again;

	must(text && cf_decode(shape, CF_STRICT, text, strlen(text), back, NULL) == 0);
	again = cf_encode(shape, back, CF_MINOR);
	must(again && strcmp(text, again) == 0);
	free(text);
	free(again);
}

static void send(enum cf_kvm_arch arch, bool stopped, struct cf_counter_point *point)
{
	static struct cf_counters sent;
	char why[CF_DETAIL_ROOM];
	bool whole;

	*point = cf_carry_point(&said.capture, arch, (struct cf_interval){ { -CF_S }, { CF_S } });
	cf_carry_tell(&said, point, stopped, &guest, &sent);
	travels(&cf_counters_shape, &sent, &counters);
	whole = cf_carry_is_whole(&counters, arch, guest.vcpus, guest.n_vcpus, why);
	must(whole == !*why);
}

static bool ask(enum cf_kvm_arch arch, const struct cf_counter_point *point)
{
	const struct cf_carry carry = {
		.counters = &counters, .point = point, .arch = arch, .vcpus = guest.vcpus, .n_vcpus = guest.n_vcpus,
		.now = { .raw = { 5 * CF_S }, .real = { INT64_C(1700000000) * CF_S } }, .limit = { 60 * CF_S }, .expires = { 60 * CF_S },
	};
	char why[CF_DETAIL_ROOM] = "";

	if (!cf_carry_ask(&carry, &asked, why)) {
		must(*why);
		return false;
	}
	must(asked.n_vcpus > 0 && asked.n_vcpus <= CF_KVM_VCPUS && asked.clock_high >= asked.clock_low);
	cf_carry_is_scaled(&asked, guest.vcpus, guest.n_vcpus);
	cf_carry_is_late(&said, &asked, true);
	return true;
}

static void report(enum cf_kvm_arch arch, const struct cf_kvm_asked *with, const struct cf_counter_point *point)
{
	const struct cf_carried carried = {
		.said = &said, .arch = arch, .asked = with, .point = point, .vcpus = guest.vcpus, .n_vcpus = guest.n_vcpus,
	};
	static struct cf_counter_report made, back;

	cf_carry_report(&carried, &made);
	must(made.result < CF_N_COUNTER_RESULTS && made.n_runs <= CF_COUNT(made.runs));
	travels(&cf_counter_report_shape, &made, &back);
}

static void go_on(enum cf_kvm_arch arch)
{
	struct cf_counter_point point;

	for (int stopped = 0; stopped < 2; stopped++) {
		send(arch, stopped, &point);
		report(arch, NULL, NULL);
		if (ask(arch, stopped ? &point : NULL))
			report(arch, &asked, &point);
	}
}

static void parse(const void *bytes, size_t size)
{
	struct cf_error err = { 0 };
	uint32_t arch;
	int r;

	memset(&said, 0x5a, sizeof(said));
	before = said;
	r = kvm_page_parse(bytes, size, &said, &err);
	if (r < 0) {
		must(err.text[0] && memcmp(&said, &before, sizeof(said)) == 0);
		return;
	}
	must(r == 0 && said.n_vcpus <= CF_KVM_VCPUS && said.outcome.result < CF_N_KVM_RESULTS &&
	     said.outcome.step < CF_N_KVM_STEPS && said.outcome.direction <= CF_KVM_DESTINATION);
	must(said.capture.width.ns >= 0 && said.outcome.took.ns >= 0 && said.outcome.elapsed.ns >= 0);
	for (uint32_t i = 1; i < said.n_vcpus; i++)
		must(said.vcpus[i].id != said.vcpus[0].id);
	memcpy(&arch, (const char *)bytes + offsetof(struct cf_kvm_page, arch), sizeof(arch));
	go_on(arch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cf_kvm_page *page;

	if (size > 0 && data[0] == 0xff) {
		parse(data + 1, size - 1);
		return 0;
	}
	page = malloc(sizeof(*page));
	must(page);
	furnish(page);
	while (size >= 4) {
		size_t place = ((size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2]) % sizeof(*page), length = data[3];

		data += 4;
		size -= 4;
		length = length < size ? length : size;
		length = length < sizeof(*page) - place ? length : sizeof(*page) - place;
		memcpy((char *)page + place, data, length);
		data += length;
		size -= length;
	}
	parse(page, sizeof(*page));
	free(page);
	return 0;
}
