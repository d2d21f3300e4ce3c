/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libclockferry-kvm.so carries the clocks of a guest that moves, or stays; and leaves to QEMU what it cannot. */

#include <errno.h>

#include "tests/trip-x86.h"

static void test_plain(void)
{
	const struct trip trip = { &here, &there, 4, .blackout = 300 * CF_MS };
	struct cf_kvm_capture first;

	leave(&trip);
	first = hear()->before;
	ok(said.n_vcpus == 4 && said.vcpus[3].id == 6 && said.vcpus[3].offset == fake_guest_offset(3) &&
	   said.vcpus[3].khz == 2500000, "the vCPUs are told by their KVM ids, with offset and frequency");
	ok(first.number + 1 == said.capture.number && said.capture.clock == qemu.clock && first.clock < qemu.clock,
	   "both readings are captured, the second one is what travels");
	ok(said.capture.flags == 14 && said.capture.width.ns == 0 &&
	   (int64_t)(said.capture.host - first.host - (said.capture.clock - first.clock) * 5 / 2) / 2 == 0,
	   "with the instant that KVM gives, to the tick or the next");
	ok(near(said.capture.raw.ns - said.capture.realtime.ns, here.raw - here.realtime, 100) &&
	   said.capture.tai_s == 37, "and that of the other clocks");

	arrive(&trip);
	ok(ahead_tsc(0) < -140 * CF_MS, "stock QEMU has lost time by now");
	ok(set_clock(qemu.clock) == 0 && carried(4, 0), "armed, it carries every clock: none lost anything (%lld, %lld ns)",
	   (long long)ahead_tsc(0), (long long)ahead_clock());
	ok(fake_calls(KVM_SET_CLOCK) == 1, "QEMU's own call was not made");
	ok(fake_master(), "the master clock is on");
	hear();
	ok(said.outcome.result == CF_KVM_CARRIED && said.outcome.direction == CF_KVM_DESTINATION &&
	   said.outcome.clock == qemu.clock && said.outcome.n_vcpus == 4, "the outcome says so");
	ok(near(said.outcome.elapsed.ns, 150 * CF_MS, CF_MS) && said.outcome.flags & CF_KVM_OUTCOME_STABLE &&
	   near(said.outcome.residual.ns, 0, CF_US), "with what elapsed, the master clock and a residual of %lld ns",
	   (long long)said.outcome.residual.ns);
	ok(near(said.outcome.routes.ns, 0, CF_US), "the documented way leads %lld ns further",
	   (long long)said.outcome.routes.ns);
	ok(said.vcpus[2].flags & CF_KVM_VCPU_SET && said.vcpus[2].after == fake_guest_offset(2) &&
	   said.vcpus[2].before != said.vcpus[2].after, "and each vCPU's offset before and after");
	ok(said.outcome.took.ns > said.outcome.bare.ns && said.outcome.bare.ns > 0, "how long it took, and the kernel");
}

static void test_timers(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 2 * CF_S };
	int64_t wanted, stock;

	leave(&trip);
	wanted = stayed.vcpus[1].fires;
	arrive(&trip);
	stock = fake_timer(1);
	set_clock(qemu.clock);
	ok(stock - wanted > CF_S && near(fake_timer(1), wanted, 10),
	   "a timer that would come %lld ms late comes when it should", (long long)((stock - wanted) / CF_MS));
	ok(hear()->vcpus[1].flags & CF_KVM_VCPU_DEADLINE, "which is told");

	leave(&trip);
	qemu.deadline[0] = 0;
	arrive(&trip);
	set_clock(qemu.clock);
	ok(fake_timer(0) == -1 && !(hear()->vcpus[0].flags & CF_KVM_VCPU_DEADLINE), "none that was not armed is");

	leave(&trip);
	arrive(&trip);
	fake_kind.no_deadline = true;
	ok(set_clock(qemu.clock) == 0 && carried(2, 0) && hear()->outcome.result == CF_KVM_CARRIED &&
	   !(said.vcpus[1].flags & CF_KVM_VCPU_DEADLINE), "vCPUs that have no such timer are carried without");
}

/* Many of them, of all kinds. */
static void test_random(void)
{
	static uint64_t state = 88172645463325252u;
	int bad = 0, n = 3000, clamped = 0, unequal = 0;

	for (int i = 0; i < n; i++) {
		struct fake_host a = here, b = there;
		struct trip trip = { &a, &b, 0 };

		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		trip.n = 1 + state % 8;
		trip.apart = state >> 8 & 1;
		a.hz = 1000000000 + state % 4000000000 / 1000 * 1000;
		b.hz = a.hz;
		a.counter = state >> 20;
		b.counter = state >> (state >> 10 & 31);
		if (state >> 9 & 1) {
			trip.ratio = (UINT64_C(1) << 47) + (state >> 16 & 0xffff) * (UINT64_C(1) << 31);
			b.hz = (uint64_t)(((unsigned __int128)a.hz << 48) / trip.ratio);
		} else if (state >> 11 & 1) {
			/* About to wrap. */
			b.counter = -(uint64_t)(state >> 34);
			a.counter = -(uint64_t)(state >> 33);
		}
		b.realtime += (int64_t)(state >> 24) % CF_S - CF_S / 2;
		trip.blackout = (int64_t)(state >> 20) % (4 * CF_S >> (state >> 5 & 11)) + CF_MS;
		trip.error = (int64_t)(state >> 30) % (8 * CF_MS) - 4 * CF_MS;
		leave(&trip);
		arrive(&trip);
		if (set_clock(qemu.clock) != 0 || hear()->outcome.result != CF_KVM_CARRIED) {
			bad++;
			continue;
		}
		if (said.outcome.flags & CF_KVM_OUTCOME_CLAMPED)
			clamped++;
		else if (!carried(trip.n, -trip.error))
			bad++;
		/* KVM has one frequency per kHz, so that what is scaled is not exactly what it was. */
		for (int k = 1; k < trip.n; k++)
			unequal += !trip.apart && fake_guest_offset(k) != fake_guest_offset(0);
	}
	ok(!bad, "%d migrations between any two hosts: each clock is off by the error of the hosts' offset, no more (%d are not)",
	   n, bad);
	ok(clamped > 0 && clamped < n / 4 && !unequal, "equal offsets stay equal to the bit; %d clamped", clamped);
}

static void test_clamped(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 4 * CF_MS, .error = 100 * CF_MS };
	uint64_t tsc, clock;

	leave(&trip);
	tsc = qemu.tsc[0];
	clock = qemu.clock;
	arrive(&trip);
	ok(set_clock(qemu.clock) == 0 && hear()->outcome.flags & CF_KVM_OUTCOME_CLAMPED && said.outcome.elapsed.ns == 0,
	   "where the offset of the hosts says that time went back, none does");
	ok(fake_guest_counter(0) >= tsc && fake_guest_clock() >= clock && fake_guest_clock() - clock < 20 * CF_US,
	   "the guest's clocks stand where they were");
	ok(near((int64_t)fake_guest_clock() - (int64_t)clock,
		((int64_t)(fake_guest_counter(0) - tsc) - 2 * CF_MS * 5 / 2) * 2 / 5, 20 * CF_US), "and agree with each other");
}

/* Each of our own calls may fail; then it is as if we had not been there. */
static void test_failures(void)
{
	static const struct { unsigned long request; int calls; const char *what; } steps[] = {
		{ KVM_GET_CLOCK, 1, "KVM_GET_CLOCK" },
		{ KVM_GET_DEVICE_ATTR, 6, "reading a TSC offset" },
		{ KVM_GET_TSC_KHZ, 3, "reading a frequency" },
		{ KVM_GET_MSRS, 6, "reading a TSC, or whether a timer waits" },
		{ KVM_SET_DEVICE_ATTR, 3, "writing a TSC offset" },
		{ KVM_SET_MSRS, 3, "arming a timer again" },
		{ KVM_SET_CLOCK, 1, "KVM_SET_CLOCK" },
	};
	const struct trip trip = { &here, &there, 3, .blackout = 200 * CF_MS };

	for (size_t s = 0; s < CF_COUNT(steps); s++) {
		int bad = 0;

		for (int nth = 1; nth <= steps[s].calls; nth++) {
			struct fake_vm before;
			int r;

			leave(&trip);
			asked.guest_hz = steps[s].request == KVM_GET_TSC_KHZ ? 0 : asked.guest_hz;
			arrive(&trip);
			before = fake_vm;
			fake_fails(steps[s].request, nth, EIO);
			errno = 77;
			r = set_clock(qemu.clock);
			fake_fails(0, 0, 0);
			bad += r != 0 || errno != 77 || hear()->outcome.result != CF_KVM_LEFT || said.outcome.error != EIO ||
				said.outcome.flags & CF_KVM_OUTCOME_STUCK ||
				!near((int64_t)fake_guest_clock(), (int64_t)qemu.clock, CF_US);
			for (int i = 0; i < 3; i++)
				bad += fake_guest_offset(i) != before.vcpus[i].offset ||
					!near(fake_timer(i), before.vcpus[i].fires, 10);
		}
		ok(!bad, "%s fails, first or last: QEMU's own call is made, and all is as it was (step %u)", steps[s].what,
		   said.outcome.step);
	}

	leave(&trip);
	arrive(&trip);
	fake_fails(KVM_GET_CLOCK, 2, EIO);
	ok(set_clock(qemu.clock) == 0 && carried(3, 0) && hear()->outcome.result == CF_KVM_CARRIED &&
	   !(said.outcome.flags & CF_KVM_OUTCOME_READ), "what was set is not undone because it cannot be read back");

	leave(&trip);
	tell(CF_KVM_UNARMED);
	fake_fails(KVM_SET_CLOCK, 1, EBADF);
	ok(set_clock(5) == -1 && errno == EBADF, "QEMU gets the error of its own call");
	fake_fails(KVM_GET_CLOCK, 1, EPERM);
	ok(get_clock() == -1 && errno == EPERM, "of this one, too");
}

static void test_refusals(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 200 * CF_MS };
	static const struct { enum cf_kvm_step step; const char *what; } rows[] = {
		{ CF_KVM_STEP_LIMIT, "more elapsed than can have" },
		{ CF_KVM_STEP_RECORD, "a vCPU is missing in the record" },
		{ CF_KVM_STEP_RECORD, "a ratio of 64 fraction bits" },
		{ CF_KVM_STEP_DESCRIPTORS, "a descriptor is something else by now" },
		{ CF_KVM_STEP_DESCRIPTORS, "a vCPU's descriptor is another vCPU's" },
		{ CF_KVM_STEP_OFFSETS, "the kernel takes offsets and does nothing (TDX)" },
		{ CF_KVM_STEP_OFFSETS, "the kernel has no offsets (before 5.16)" },
		{ CF_KVM_STEP_FREQUENCY, "QEMU has scaled the TSC, by as little as 0.3 per mille, since the agent looked" },
	};

	for (size_t row = 0; row < CF_COUNT(rows); row++) {
		int64_t offset;
		int r;

		leave(&trip);
		if (row == 1)
			asked.n_vcpus = 1;
		if (row == 2)
			asked.vcpus[1].source.frac_bits = 64;
		if (row == 0)
			asked.limit.ns = 50 * CF_MS;
		arrive(&trip);
		if (row == 3)
			fake_is(fake_vm.fd, "/var/lib/libvirt/images/guest.qcow2");
		if (row == 4)
			fake_is(fake_vm.vcpus[1].fd, "anon_inode:kvm-vcpu:0");
		fake_kind.deaf = row == 5;
		fake_kind.old = row == 6;
		fake_kind.ratio = row == 7 ? (UINT64_C(1) << 48) / 10000 * 10003 : 0;
		offset = fake_guest_offset(0);
		r = set_clock(qemu.clock);
		ok(r == 0 && hear()->outcome.result == CF_KVM_LEFT && said.outcome.step == rows[row].step &&
		   fake_guest_offset(0) == offset && near((int64_t)fake_guest_clock(), (int64_t)qemu.clock, CF_US),
		   "%s: left to QEMU", rows[row].what);
	}
}

static int inside_result;

static void set_clock_inside(void)
{
	inside_result = set_clock(qemu.clock);
}

static void stop_inside(void)
{
	get_clock();
}

/* What would wait for a vCPU in the guest is not tried. */
static void test_running(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 200 * CF_MS };
	int64_t offset;
	int calls;

	leave(&trip);
	arrive(&trip);
	offset = fake_guest_offset(1);
	calls = fake_calls(KVM_GET_DEVICE_ATTR);
	fake_in_guest = set_clock_inside;
	call(qemu.fds[0], KVM_RUN, 0);
	ok(inside_result == 0 && hear()->outcome.step == CF_KVM_STEP_RUNNING && fake_guest_offset(1) == offset,
	   "with a vCPU in the guest it is left to QEMU");
	fake_in_guest = stop_inside;
	call(qemu.fds[0], KVM_RUN, 0);
	ok(!(hear()->vcpus[0].flags & CF_KVM_VCPU_OFFSET) && said.capture.clock == qemu.clock,
	   "a clock that is read meanwhile is captured, without offsets");
	ok(fake_calls(KVM_GET_DEVICE_ATTR) == calls, "... which nobody asks KVM for");
	fake_in_guest = NULL;
	stop();
	ok(hear()->vcpus[0].flags & CF_KVM_VCPU_OFFSET, "they are there when it stands");
}

static void test_itself(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 200 * CF_MS };
	struct kvm_clock_data data = { .flags = 4 };
	int64_t offset;
	struct kvm_device_attr attr = { .addr = (uintptr_t)&offset };

	leave(&trip);
	arrive(&trip);
	data.clock = qemu.clock;
	data.realtime = (uint64_t)fake_real() - 1000;
	ok(call(qemu.vm, KVM_SET_CLOCK, &data) == 0 && hear()->outcome.result == CF_KVM_LEFT &&
	   said.outcome.step == CF_KVM_STEP_ITSELF && said.vm_flags & CF_KVM_VM_ITSELF,
	   "a QEMU that gives the clock's REALTIME corrects by itself: nothing is corrected twice");

	leave(&trip);
	arrive(&trip);
	offset = fake_guest_offset(0) + 5;
	call(qemu.fds[0], KVM_SET_DEVICE_ATTR, &attr);
	ok(set_clock(qemu.clock) == 0 && hear()->outcome.step == CF_KVM_STEP_ITSELF,
	   "neither where it has set a TSC offset");
}

/* The migration fails, and QEMU goes on with the guest it has. */
static void test_kept(void)
{
	const struct trip trip = { &here, &there, 3, .blackout = 400 * CF_MS, .apart = true };
	CF_AUTO(kvm_page_free) struct kvm_page *page = NULL;
	struct fake_vm before;
	int calls;

	leave(&trip);
	fake_now += 100 * CF_MS;
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_SOURCE);
	before = fake_vm;
	calls = fake_calls(KVM_SET_CLOCK);
	ok(set_clock(qemu.clock) == 0 && carried(3, 0), "an aborted migration: the guest has lost nothing");
	ok(fake_calls(KVM_SET_CLOCK) == calls && fake_vm.kvmclock_offset == before.kvmclock_offset &&
	   fake_calls(KVM_SET_DEVICE_ATTR) == 0, "its clocks are the same lines, to the bit");
	ok(hear()->outcome.result == CF_KVM_KEPT && near(said.outcome.elapsed.ns, 100 * CF_MS, 20 * CF_US) &&
	   near(said.outcome.residual.ns, 0, CF_US), "which is told, with %lld ns that QEMU would have set back",
	   (long long)said.outcome.elapsed.ns);

	/* Somebody had set it before we could look. */
	leave(&trip);
	fake_now += 100 * CF_MS;
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_SOURCE);
	fake_vm.kvmclock_offset -= 80 * CF_MS;
	ok(set_clock(qemu.clock) == 0 && carried(3, 0) && hear()->outcome.result == CF_KVM_KEPT,
	   "a kvmclock that is not where the host's TSC says is set by it");

	leave(&trip);
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_SOURCE);
	fake_now += 100 * CF_S;
	if (kvm_page_open("/proc", getpid(), &page, &err) == 0)
		kvm_page_prolong(page, (cf_mono){ fake_raw() + CF_S });
	ok(set_clock(qemu.clock) == 0 && carried(3, 0) && hear()->outcome.result == CF_KVM_KEPT,
	   "so it is after a long standstill, where the agent puts off the end of the arming");

	leave(&trip);
	ok(passes(qemu.clock), "a plain stop and cont loses what QEMU lets it lose");
	leave(&trip);
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_SOURCE);
	ok(passes(hear()->before.clock), "armed, too, with a clock that is not the newest");
	ok(passes(5 * CF_S), "or with any other");
	tell(CF_KVM_UNARMED);
}

/* A guest that came, and is to go on: what was set when it came is over. */
static void test_kept_after(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 200 * CF_MS };
	int64_t offset;

	leave(&trip);
	arrive(&trip);
	ok(set_clock(qemu.clock) == 0 && hear()->outcome.result == CF_KVM_CARRIED, "a guest arrives");
	offset = fake_guest_offset(1);
	fake_now += CF_S;
	stop();
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_SOURCE);
	fake_vm.kvmclock_offset -= 80 * CF_MS;
	fake_fails(KVM_SET_CLOCK, 1, EIO);
	ok(set_clock(qemu.clock) == 0 && hear()->outcome.result == CF_KVM_LEFT && said.outcome.step == CF_KVM_STEP_CLOCK &&
	   !(said.outcome.flags & CF_KVM_OUTCOME_UNDONE) && fake_guest_offset(1) == offset,
	   "and was to leave: when its clock cannot be kept, its TSCs are not touched");
}

/* What keeps a guest from ever being carried is what the kernel cannot do, and nothing that went wrong once. */
static void test_no_offsets(void)
{
	const struct trip trip = { &here, &there, 3, .blackout = 200 * CF_MS };

	leave(&trip);
	fake_fails(KVM_GET_DEVICE_ATTR, 2, EINTR);
	stop();
	ok(!(hear()->vm_flags & CF_KVM_VM_NO_OFFSETS) && !(said.vcpus[1].flags & CF_KVM_VCPU_OFFSET) &&
	   said.vcpus[2].flags & CF_KVM_VCPU_OFFSET, "an offset that cannot be read is not there, and no more is said of it");
	fake_kind.old = true;
	stop();
	ok(hear()->vm_flags & CF_KVM_VM_NO_OFFSETS, "of a kernel that has none it is said");
	fake_kind.old = false;
	fake_fails(KVM_GET_DEVICE_ATTR, 3, EINTR);
	stop();
	ok(hear()->vm_flags & CF_KVM_VM_NO_OFFSETS, "until all are read");
	stop();
	ok(!(hear()->vm_flags & CF_KVM_VM_NO_OFFSETS), "and then no more");
}

/* One whose TSC the host scales, and of whose host nobody knows how fast it counts. */
static void test_kept_scaled(void)
{
	struct fake_host slow = there;
	const struct trip trip = { &here, &slow, 2, .ratio = UINT64_C(5) << 46, .blackout = 200 * CF_MS };

	slow.hz = here.hz / 5 * 4;
	for (int known = 0; known < 2; known++) {
		struct fake_vm before;
		bool same;

		leave(&trip);
		arrive(&trip);
		set_clock(qemu.clock);
		run();
		fake_now += 20 * CF_S;
		stop();
		before = fake_vm;
		asked.host_hz = known ? slow.hz : 0;
		asked.expires.ns = fake_raw() + CF_S;
		tell(CF_KVM_SOURCE);
		fake_now += 400 * CF_MS;
		same = set_clock(qemu.clock) == 0 && hear()->outcome.result == CF_KVM_KEPT &&
			fake_vm.kvmclock_offset == before.kvmclock_offset;
		ok(same && near(said.outcome.elapsed.ns, 400 * CF_MS, 50 * CF_US) && near(said.outcome.residual.ns, 0, CF_US),
		   "a guest whose TSC is scaled keeps its clock to the bit, its host's rate %sknown (%lld ns)", known ? "" : "un",
		   (long long)said.outcome.residual.ns);
		ok((said.outcome.residual_width.ns > 0) == !known, "by the other clock as closely as that can be told");
	}
}

static void test_no_master(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 300 * CF_MS };

	leave(&trip);
	fake_kind.no_master = true;
	run();
	stop();
	stayed = fake_vm;
	take_record();
	ok(said.capture.flags == CF_KVM_CLOCK_BRACKETED && said.capture.width.ns > 0 && said.capture.width.ns < 10 * CF_US,
	   "without a master clock the instant is read around KVM's call, %lld ns wide", (long long)said.capture.width.ns);
	arrive(&trip);
	ok(set_clock(qemu.clock) == 0 && near(ahead_tsc(0), 0, said.capture.width.ns) && near(ahead_clock(), 0, 2 * CF_US) &&
	   ahead_tsc(0) == ahead_tsc(1), "and the clocks are carried as well as that allows (%lld ns)", (long long)ahead_tsc(0));
	ok(hear()->outcome.residual_width.ns > 0 && !(said.outcome.flags & CF_KVM_OUTCOME_STABLE) &&
	   said.outcome.anchor.flags & CF_KVM_CLOCK_BRACKETED, "which the outcome admits");
	fake_kind.no_master = false;

	leave(&trip);
	arrive(&trip);
	fake_fails(KVM_SET_CLOCK, 1, EINVAL);
	ok(set_clock(qemu.clock) == 0 && hear()->outcome.flags & CF_KVM_OUTCOME_BY_VALUE && near(ahead_clock(), 0, 2 * CF_US) &&
	   near(ahead_tsc(0), 0, 5), "a KVM that takes no REALTIME is told the clock by value");
}

static void test_leap(void)
{
	struct fake_host after = there;
	const struct trip trip = { &here, &after, 1, .blackout = 300 * CF_MS };

	leave(&trip);
	/* A leap second between the readings: both REALTIMEs went back by one, the offset is what it was. */
	after.tai_s = 38;
	after.realtime -= CF_S;
	arrive(&trip);
	asked.offset.ns += CF_S;
	tell(CF_KVM_DESTINATION);
	ok(set_clock(qemu.clock) == 0 && carried(1, 0), "a leap second in the blackout is not lost");
}

int main(void)
{
	fake_on(&here);
	test_plain();
	test_timers();
	test_random();
	test_clamped();
	test_failures();
	test_refusals();
	test_running();
	test_itself();
	test_kept();
	test_kept_after();
	test_kept_scaled();
	test_no_offsets();
	test_no_master();
	test_leap();
	return done();
}
