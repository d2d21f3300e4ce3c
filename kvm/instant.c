/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kvm/instant.h"

#include "kvm/machine.h"

void instant_read(struct cf_kvm_capture *at)
{
	enum { ATTEMPTS = 5 };
	uint64_t closest = UINT64_MAX;

	for (int i = 0; i < ATTEMPTS; i++) {
		cf_mono raw_before = machine_raw(), raw_after;
		uint64_t before = machine_counter(), after;
		cf_real realtime = machine_realtime();

		after = machine_counter();
		raw_after = machine_raw();
		if (after - before >= closest)
			continue;
		closest = after - before;
		at->host = before + closest / 2;
		at->realtime = realtime;
		at->width = cf_mono_since(raw_after, raw_before);
		at->raw = cf_mono_add(raw_before, (cf_span){ at->width.ns / 2 });
	}
	at->tai_s = machine_tai_s();
	at->flags |= CF_KVM_CLOCK_BRACKETED;
}

void instant_complete(struct cf_kvm_capture *at)
{
	enum { ATTEMPTS = 5 };
	int64_t closest = INT64_MAX;

	for (int i = 0; i < ATTEMPTS; i++) {
		cf_mono before = machine_raw();
		cf_real now = machine_realtime();
		cf_span apart = cf_mono_since(machine_raw(), before);

		if (apart.ns >= closest)
			continue;
		closest = apart.ns;
		at->raw = cf_mono_add(before, cf_span_add((cf_span){ apart.ns / 2 }, cf_real_since(at->realtime, now)));
	}
	at->width = (cf_span){ 0 };
	at->tai_s = machine_tai_s();
}
