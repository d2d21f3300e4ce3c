/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The KVM library's page as a guest that broke out might write it: the input is
 * pieces that are laid over a page that is good, each of them its place (3 bytes), its length
 * (1) and what is there.  Or, if it begins with 0xff, the page itself.
 */

#include <string.h>

#include "daemon/virt/kvm-page.h"
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

static void parse(const void *bytes, size_t size)
{
	static struct cf_kvm_said said, before;
	struct cf_error err = { 0 };
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
