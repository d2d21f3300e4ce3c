/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A guest's counters from page to receipt: the library between a QEMU and a KVM that are
 * played (tests/fake-kvm.h), and what the two agents make of its page and tell each other.
 * The measure is the guest that stayed: what the receipt says of the residual has to hold
 * how far the guest's clock is from that one's.
 */

#include <errno.h>
#include <unistd.h>

#include "daemon/virt/kvm-guest.h"
#include "policy/carry.h"
#include "proto/codec.h"
#include "proto/receipt.h"
#include "proto/version.h"
#include "tests/fake-qemu-x86.h"
#include "tests/tap.h"

#define ID "3f0d3c1e-5a3f-4c0e-9d42-8f6f3a0d9b11"
#define RAW_OFFSET (90 * CF_S - 4000 * CF_S)	/* of the two hosts of fake-qemu-x86.h */

static struct kvm_page *page;
static struct cf_kvm_said said;
static struct cf_kvm_asked asked;
static struct cf_guest_clock guest;
static struct cf_counters sent, came;
static struct cf_counter_point point;
static struct cf_counter_report report;
static struct cf_interval raw_offset;
static struct cf_error err;
static char why[CF_DETAIL_ROOM];

static void hear(void)
{
	if (!page && kvm_page_open("/proc", getpid(), &page, &err) < 0)
		printf("Bail out! %s\n", err.text);
	if (kvm_page_read(page, &said, &err) < 0)
		printf("# %s\n", err.text);
}

/* What debugfs shows, as daemon/virt/counters.h reads it. */
static void read_vcpus(void)
{
	guest.n_vcpus = (size_t)qemu.n;
	for (int i = 0; i < qemu.n; i++) {
		guest.vcpus[i] = (struct cf_vcpu_counter){ .vcpu = 2 * i, .has_offset = true, .offset = fake_guest_offset(i) };
		guest.vcpus[i].has_scaling = fake_kind.ratio;
		guest.vcpus[i].scaling = (struct cf_scaling){ (int64_t)fake_kind.ratio, 48 };
	}
}

/* Over the network: encoded, and decoded as strictly as a request is. */
static bool travels(void)
{
	CF_AUTO(cf_free) char *text = cf_encode(&cf_counters_shape, &sent, CF_MINOR);

	return text && cf_decode(&cf_counters_shape, CF_STRICT, text, strlen(text), &came, &err) == 0;
}

static bool push(const struct cf_kvm_capture *capture, bool stopped)
{
	point = cf_carry_point(capture, CF_KVM_ARCH_X86, raw_offset);
	cf_carry_tell(&said, &point, stopped, &guest, &sent);
	return travels();
}

struct journey {
	int n;
	bool apart;			/* each vCPU has an offset of its own */
	uint64_t ratio;			/* of the destination's TSC scaling */
	int64_t off;			/* the middle of what is known of the RAW clocks is off by this */
	int64_t half;			/* its half width */
	bool committed;			/* the value that travels is known for certain */
	bool stopped;			/* the counters were sent once more after STOP */
	bool parked;			/* the last vCPU was unplugged: KVM has it still, and the destination never */
	bool off_here, off_there;	/* KVM's master clock never comes on, at the source and at the destination */
	int64_t slewed;			/* the destination's REALTIME, after the library was armed */
	int64_t drifted;		/* its RAW clock, since the source's instant */
};

static const struct journey plain = { .n = 2, .half = 40 * CF_US, .committed = true };

/* On the source: a sample of the running guest is sent; then it stops, and QEMU reads its clock twice. */
static bool leave(const struct journey *journey)
{
	struct cf_kvm_capture sample;
	bool good;

	raw_offset = cf_interval_around((cf_span){ RAW_OFFSET + journey->off }, (cf_span){ journey->half });
	fake_kind = (struct fake_kind){ .no_master = journey->off_here };
	guest = (struct cf_guest_clock){ .kvm_version = 1 };
	fake_on(&here);
	start(journey->n);
	for (int i = 0; journey->apart && i < journey->n; i++)
		fake_vm.vcpus[i].offset -= 1000003 * i;
	hear();
	kvm_page_want(page);
	run();
	hear();
	read_vcpus();
	good = kvm_page_sample(page, &sample, &err) == 0 && push(&sample, false);
	fake_now += 1500 * CF_MS;
	stop();
	fake_now += 30 * CF_MS;
	get_clock();
	hear();
	if (journey->stopped)
		good = good && push(&said.capture, true);
	point = cf_carry_point(&said.capture, CF_KVM_ARCH_X86, raw_offset);
	stayed = fake_vm;
	stayed_on = &here;
	return good;
}

static bool ask(const struct journey *journey)
{
	const struct cf_carry carry = {
		.counters = &came, .point = journey->committed ? &point : NULL, .arch = CF_KVM_ARCH_X86, .vcpus = guest.vcpus,
		.n_vcpus = guest.n_vcpus, .now = { .raw = { fake_raw() }, .real = { fake_real() } },
		.limit = { 60 * CF_S }, .expires = { 60 * CF_S },
	};

	return cf_carry_ask(&carry, &asked, why);
}

/* At the destination, up to where QEMU lets the guest run. */
static bool arrive(const struct journey *journey)
{
	static struct fake_host slewed;
	struct qemu left = qemu;

	fake_now += 300 * CF_MS;
	fake_kind.ratio = journey->ratio;
	fake_kind.no_master = journey->off_there;
	fake_on(&there);
	left.n -= journey->parked;
	start(left.n);
	load(&left);
	read_vcpus();
	if (!ask(journey))
		return false;
	asked.direction = CF_KVM_DESTINATION;
	kvm_guest_id(ID, asked.migration);
	if (kvm_page_arm(page, &asked, &err) < 0)
		return false;
	slewed = there;
	slewed.realtime += journey->slewed;
	slewed.raw += journey->drifted;
	fake_host = &slewed;
	return true;
}

static void land(void)
{
	hear();
	read_vcpus();
	cf_carry_report(&(struct cf_carried){ .said = &said, .arch = CF_KVM_ARCH_X86, .asked = &asked,
					      .point = asked.clock_low == asked.clock_high ? &point : &came.point,
					      .vcpus = guest.vcpus, .n_vcpus = guest.n_vcpus }, &report);
}

static bool migrates(const struct journey *journey)
{
	bool good = leave(journey) && arrive(journey);

	if (!good) {
		printf("# %s%s\n", why, err.text);
		return false;
	}
	set_clock(qemu.clock);
	land();
	return report.result == CF_COUNTERS_CARRIED;
}

/* What two oscillators may differ by since the source's instant, at most 250 ppm (policy/offset.h): to it, and through the blackout. */
static int64_t drifts(const struct journey *journey)
{
	int64_t passed = 300 * CF_MS + (journey->committed ? 0 : 1530 * CF_MS) + CF_MS;

	return passed / 4000;
}

/* How far the guest's clocks are ahead stands in the receipt, and its bound is no wider than it has to be. */
static bool is_told(const struct journey *journey)
{
	int64_t far = 0;

	for (int i = 0; i < qemu.n; i++) {
		if (!cf_interval_has(report.residual, (cf_span){ ahead_tsc(i) }))
			far = ahead_tsc(i);
	}
	if (far || !cf_interval_has(report.residual, (cf_span){ ahead_clock() }))
		printf("# %lld .. %lld does not hold %lld, %lld\n", (long long)report.residual.low.ns,
		       (long long)report.residual.high.ns, (long long)far, (long long)ahead_clock());
	return report.has_residual && !far && cf_interval_has(report.residual, (cf_span){ ahead_clock() }) &&
	       cf_interval_half(report.residual).ns <= journey->half + 4 * CF_US + drifts(journey);
}

static bool reaches_receipt(void)
{
	static struct cf_landing landing, read;
	CF_AUTO(cf_free) char *text = NULL;

	landing = (struct cf_landing){ .phase = CF_PHASE_DONE, .lever = CF_LEVER_KVM, .has_counters = true, .counters = report };
	text = cf_encode(&cf_landing_shape, &landing, CF_MINOR);
	return text && cf_decode(&cf_landing_shape, CF_STRICT, text, strlen(text), &read, &err) == 0 &&
	       memcmp(&read.counters, &landing.counters, sizeof(landing.counters)) == 0;
}

static void test_carried(void)
{
	struct journey journey = plain;

	ok(migrates(&plain) && !*report.why, "a guest's counters are carried from page to page");
	ok(report.has_elapsed && report.elapsed.ns > 300 * CF_MS && report.elapsed.ns < 301 * CF_MS,
	   "by the time that has passed since QEMU last read its clock: %lld ns", (long long)report.elapsed.ns);
	ok(is_told(&plain), "the residual that is told is the guest's");
	ok(report.master_clock && !report.clamped && report.vcpus == 2, "its vCPUs agree");
	ok(report.n_runs == 2 && report.runs[0].first == 0 && report.runs[1].first == 2 && report.runs[0].after == report.runs[1].after &&
	   report.runs[0].after != report.runs[0].before && report.runs[1].has_agrees && report.runs[1].agrees,
	   "each has its offset, before and after, and the kernel shows the same");
	ok(reaches_receipt(), "all of which stands in the receipt");

	journey.committed = false;
	ok(migrates(&journey) && is_told(&journey), "a sample of the running guest is enough, from which the value follows");
	journey.stopped = true;
	ok(migrates(&journey) && is_told(&journey), "so is what was sent after STOP");
	journey = plain;
	journey.apart = true;
	journey.n = 4;
	ok(migrates(&journey) && is_told(&journey) && report.n_runs == 4, "vCPUs that are apart stay apart");
	journey = plain;
	journey.ratio = UINT64_C(3) << 47;
	ok(migrates(&journey) && is_told(&journey), "a host that scales is reckoned with");
	journey = plain;
	journey.n = 4;
	journey.parked = true;
	ok(migrates(&journey) && is_told(&journey) && report.vcpus == 3 && asked.n_vcpus == 3, "a vCPU that was unplugged on the source is not missed");
}

/* Whether the destination lost it, or the guest never had it, is another matter. */
static void test_master_clock(void)
{
	for (int i = 0; i < 8; i++) {
		struct journey journey = plain;

		journey.off_here = i & 1;
		journey.off_there = i & 2;
		journey.committed = i & 4;
		ok(migrates(&journey) && report.master_clock == !journey.off_there && report.has_master_clock_before &&
		   report.master_clock_before == !journey.off_here && reaches_receipt(),
		   "KVM's master clock was %s, is %s, and both are told%s", journey.off_here ? "off" : "on", journey.off_there ? "off" : "on",
		   journey.committed ? "" : " by a sample");
		ok(report.has_own_instant_before && report.own_instant_before == !journey.off_here && report.has_by_value && !report.by_value &&
		   cf_interval_has(report.residual, (cf_span){ ahead_clock() }),
		   "so is that KVM gave %s of its own there", report.own_instant_before ? "an instant" : "none");
	}
	ok(report.has_own_instant && !report.own_instant, "it gives none before it has a master clock");
	ok(leave(&plain) && arrive(&plain), "a guest is on its way");
	fake_fails(KVM_SET_CLOCK, 1, EINVAL);
	set_clock(qemu.clock);
	land();
	ok(report.result == CF_COUNTERS_CARRIED && report.by_value && reaches_receipt(),
	   "to a KVM that takes no instant, which is told");
	came.point.has_master_clock = false;
	cf_carry_report(&(struct cf_carried){ .said = &said, .arch = CF_KVM_ARCH_X86, .point = &came.point }, &report);
	ok(!report.has_master_clock_before, "of a source whose agent does not tell nothing is said");
	ok(!cf_carry_point(&said.capture, CF_KVM_ARCH_ARM64, raw_offset).has_master_clock, "nor of arm64, which has none");
}

static void test_bounds(void)
{
	struct journey journey = plain;

	for (int64_t off = -40; off <= 40; off += 20) {
		journey.off = off * CF_US;
		ok(migrates(&journey) && is_told(&journey), "an offset that is off by %lld us is within the bound", (long long)off);
	}
	for (int64_t slewed = -500; slewed <= 500; slewed += 250) {
		journey = plain;
		journey.slewed = slewed * CF_US;
		ok(migrates(&journey) && is_told(&journey) && cf_interval_has(report.residual, (cf_span){ journey.slewed }),
		   "a clock that was slewed by %lld us meanwhile shows", (long long)slewed);
	}
	for (int64_t drifted = -70; drifted <= 70; drifted += 140) {
		journey = plain;
		journey.half = 10 * CF_US;
		journey.drifted = drifted * CF_US;
		ok(migrates(&journey) && is_told(&journey), "so is an oscillator that ran off by %lld us meanwhile", (long long)drifted);
	}
	journey = plain;
	journey.off = -2 * CF_S;
	raw_offset = (struct cf_interval){ { 0 }, { 0 } };
	ok(leave(&journey), "a guest leaves");
	point.raw_offset = cf_interval_shift(point.raw_offset, (cf_span){ 3 * CF_S });
	ok(arrive(&journey) && set_clock(qemu.clock) == 0, "... for a host of which it is believed that it is far behind");
	land();
	ok(report.result == CF_COUNTERS_CARRIED && report.clamped && report.elapsed.ns == 0,
	   "then nothing is taken from its clocks, and that is told");
}

static void test_left(void)
{
	struct journey journey = plain;

	ok(leave(&journey) && arrive(&journey), "a guest is on its way");
	set_clock(qemu.clock + 1);
	hear();
	ok(said.outcome.serial != asked.serial, "another value than the one that travels is none of ours");
	set_clock(qemu.clock);
	land();
	ok(report.result == CF_COUNTERS_CARRIED, "... and that one is");

	ok(leave(&journey) && arrive(&journey), "one is on its way");
	asked.n_vcpus = 1;
	kvm_page_arm(page, &asked, &err);
	set_clock(qemu.clock);
	land();
	ok(report.result == CF_COUNTERS_LEFT && strstr(report.why, "lacked a vCPU"), "of which one vCPU is missed: %s", report.why);

	ok(leave(&journey) && arrive(&journey), "another one is on its way");
	fake_fails(KVM_SET_DEVICE_ATTR, 2, EIO);
	set_clock(qemu.clock);
	land();
	ok(report.result == CF_COUNTERS_LEFT && *report.why && !report.has_elapsed && !report.has_residual && report.n_runs == 0,
	   "what fails is left to QEMU, and the receipt says why: %s", report.why);
	fake_fails(0, 0, 0);

	ok(leave(&journey) && arrive(&journey), "so is one");
	fake_kind.ratio = UINT64_C(5) << 46;
	set_clock(qemu.clock);
	land();
	ok(report.result == CF_COUNTERS_LEFT && strstr(report.why, "frequency"),
	   "whose counter QEMU scales only once it has loaded, after debugfs was looked at: %s", report.why);

	ok(migrates(&journey), "a third one lands");
	guest.vcpus[1].offset++;
	cf_carry_report(&(struct cf_carried){ .said = &said, .vcpus = guest.vcpus, .n_vcpus = guest.n_vcpus }, &report);
	ok(report.runs[0].agrees && !report.runs[1].agrees, "where the kernel shows something else, that is said");
	ok(report.result == CF_COUNTERS_CARRIED && !report.has_residual, "without what it was armed with there is no residual");
}

static void test_asked(void)
{
	struct journey journey = plain;

	ok(leave(&journey), "a guest leaves");
	came.vcpus[1].has_offset = false;
	ok(!ask(&journey) && strstr(why, "vCPU 2"), "without a vCPU's offset nothing is asked: %s", why);
	ok(leave(&journey), "a guest leaves");
	guest.n_vcpus = 0;
	ok(!ask(&journey) && strstr(why, "debugfs"), "nor where none shows here: %s", why);
	came.n_vcpus = 0;
	ok(!ask(&journey) && *why, "nor with none at all: %s", why);

	ok(leave(&journey), "a guest leaves");
	ok(ask(&journey) && asked.clock_low == qemu.clock && asked.clock_high == qemu.clock, "one value is asked for once it is known");
	journey.committed = false;
	ok(ask(&journey) && asked.clock_low < qemu.clock && asked.clock_high > qemu.clock, "before that, what may still travel");
	came.point.clock = -1;
	ok(ask(&journey) && asked.clock_low <= asked.clock_high, "which never wraps");
}

static void test_offsets(void)
{
	struct journey journey = plain;

	journey.stopped = true;
	ok(leave(&journey), "a guest leaves");
	guest.vcpus[0].has_guest_mode = guest.vcpus[0].guest_mode = true;
	guest.vcpus[0].offset = 12345;
	cf_carry_tell(&said, &point, true, &guest, &sent);
	ok(sent.vcpus[0].has_offset && sent.vcpus[0].offset == fake_guest_offset(0), "of a guest that stands the library's own offset is told");
	cf_carry_tell(&said, &point, false, &guest, &sent);
	ok(!sent.vcpus[0].has_offset && sent.vcpus[1].has_offset, "of one that runs debugfs', but for a nested guest's");
	guest.vcpus[0].has_scaling = true;
	guest.vcpus[0].scaling = (struct cf_scaling){ INT64_C(1) << 49, 48 };
	for (int stopped = 0; stopped < 2; stopped++) {
		cf_carry_tell(&said, &point, stopped, &guest, &sent);
		ok(!sent.vcpus[0].has_offset && !sent.vcpus[0].has_scaling, "... nor is that one's scaling told, and no offset without its own%s",
		   stopped ? " of a guest that stands" : "");
	}
	ok(sent.has_hz && sent.hz == 2500000000, "with its frequency");
}

/* The guest is a hypervisor, and its own guest runs when debugfs is looked at. */
static void test_nested(void)
{
	const struct cf_vcpu_counter own = { .vcpu = 2, .has_offset = true, .offset = -5, .has_scaling = true, .scaling = { 3, 1 },
					     .has_guest_mode = true };
	struct cf_vcpu_counter seen[2] = { own, own };

	seen[0].vcpu = 0;
	for (int i = 0; i < 2; i++) {
		seen[i].guest_mode = true;
		seen[i].offset = 12345;
		seen[i].scaling.ratio = 7;
	}
	cf_carry_keep(seen, 2, &own, 1);
	ok(memcmp(&seen[1], &own, sizeof(own)) == 0, "what was the guest's own before is so still");
	ok(seen[0].guest_mode, "of a vCPU that was never seen without it nothing is known");
	seen[1].offset = 77;
	cf_carry_keep(seen, 2, &own, 1);
	ok(seen[1].offset == 77, "what is seen without it is news");
}

/* One of its vCPUs was in the guest of the guest, and is again once QEMU has loaded it. */
static void test_nested_there(void)
{
	const struct cf_scaling own = { INT64_C(5) << 46, 48 }, combined = { INT64_C(5) << 47, 48 };
	struct journey journey = plain;

	ok(leave(&journey), "a hypervisor leaves");
	for (int i = 0; i < 2; i++) {
		guest.vcpus[i].has_scaling = guest.vcpus[i].has_guest_mode = true;
		guest.vcpus[i].scaling = own;
	}
	guest.vcpus[0].guest_mode = true;
	guest.vcpus[0].scaling = combined;
	ok(ask(&journey) && asked.vcpus[0].destination.ratio == (uint64_t)own.ratio,
	   "the scaling of a vCPU that is in its guest is that of one that is not");
	ok(cf_carry_is_scaled(&asked, guest.vcpus, guest.n_vcpus), "and has not changed for that");
	came.vcpus[1].has_scaling = true;
	came.vcpus[1].scaling = own;
	ok(ask(&journey) && asked.vcpus[0].destination.ratio == (uint64_t)combined.ratio, "but of one that was scaled otherwise on the source it is not");
	came.vcpus[1].has_scaling = false;
	guest.vcpus[1].guest_mode = true;
	guest.vcpus[0].scaling = own;
	ok(ask(&journey) && asked.vcpus[0].destination.ratio == (uint64_t)own.ratio, "where all are in their guests, what is shown has to do");
}

/* The migration failed, and QEMU lets the guest run on where it was. */
static void test_kept(void)
{
	struct journey journey = plain;

	ok(leave(&journey), "a guest was to leave");
	asked = (struct cf_kvm_asked){ .direction = CF_KVM_SOURCE, .host_hz = here.hz, .expires = { fake_raw() + 60 * CF_S } };
	kvm_guest_id(ID, asked.migration);
	ok(kvm_page_arm(page, &asked, &err) == 0, "and the library is armed for that it does not");
	fake_now += 400 * CF_MS;
	set_clock(qemu.clock);
	hear();
	cf_carry_report(&(struct cf_carried){ .said = &said, .arch = CF_KVM_ARCH_X86 }, &report);
	ok(report.has_master_clock_before && report.master_clock_before && report.master_clock, "KVM's master clock stayed on");
	ok(report.own_instant_before && report.own_instant, "with KVM's own instants");
	ok(report.result == CF_COUNTERS_KEPT && report.elapsed.ns > 400 * CF_MS && report.has_residual &&
	   cf_interval_has(report.residual, (cf_span){ ahead_clock() }), "its clocks went on, and that is told with its bound");
}

/* arm64: what the library says of CNTPCT. */
static void test_physical(void)
{
	struct cf_carried carried = { .said = &said, .arch = CF_KVM_ARCH_ARM64, .asked = &asked, .point = &point };
	struct cf_kvm_outcome *outcome = &said.outcome;

	said = (struct cf_kvm_said){ .hz = 62500000, .phys = { 1000, 1100 }, .n_vcpus = 1 };
	*outcome = (struct cf_kvm_outcome){ .result = CF_KVM_CARRIED, .elapsed = { 200 * CF_MS }, .residual = { -100 },
		.flags = CF_KVM_OUTCOME_READ | CF_KVM_OUTCOME_PHYS, .residual_phys = { 700 }, .residual_width = { 200 },
		.anchor = { .raw = { 5 * CF_S + 200 * CF_MS }, .flags = CF_KVM_CLOCK_BRACKETED } };
	asked = (struct cf_kvm_asked){ .flags = CF_KVM_ASKED_VIRT | CF_KVM_ASKED_PHYS, .record = { .raw = { 5 * CF_S } } };
	point = (struct cf_counter_point){ .raw_offset = cf_interval_around((cf_span){ 0 }, (cf_span){ 10 * CF_US }) };
	cf_carry_report(&carried, &report);
	ok(report.has_physical_set && report.physical_set && report.has_vm_wide && !report.vm_wide && report.has_physical &&
	   cf_interval_middle(report.physical).ns == 700 && cf_interval_middle(report.residual).ns == -100,
	   "arm64: each counter's residual is told");
	ok(cf_interval_half(report.physical).ns - cf_interval_half(report.residual).ns == 700, "each as closely as it is known");
	ok(reaches_receipt() && !report.has_own_instant && !report.has_master_clock_before, "and nothing that is x86's");
	outcome->flags |= CF_KVM_OUTCOME_VM_WIDE;
	cf_carry_report(&carried, &report);
	ok(report.vm_wide, "that both have one offset is, too");
	said.hz = 0;
	cf_carry_report(&carried, &report);
	ok(report.physical_set && !report.has_physical, "of a page that has no frequency no residual is reckoned");
	outcome->flags = CF_KVM_OUTCOME_READ;
	cf_carry_report(&carried, &report);
	ok(report.has_physical_set && !report.physical_set && !report.has_physical && reaches_receipt(),
	   "where CNTPCT could not be set, that is said");
	asked.flags = CF_KVM_ASKED_VIRT;
	cf_carry_report(&carried, &report);
	ok(!report.has_physical_set, "and nothing where nobody asked for it");
}

/* arm64: the destination's QEMU had loaded the guest when the library was armed. */
static void test_late(void)
{
	static const struct {
		uint64_t first, last, written[2];
		bool loaded, late;
		const char *what;
	} rows[] = {
		{ 500, 900, { 0, 0 }, false, false, "QEMU has written nothing past the library: it is not late" },
		{ 500, 900, { 0, 0 }, true, false, "... when all is loaded, neither: the library was there" },
		{ 500, 900, { 7, 7 }, false, false, "what QEMU writes as it begins is no guest's" },
		{ 500, 900, { 900, 901 }, false, true, "what it read last is loaded, and will not be written again" },
		{ 500, 900, { 900, 0 }, false, false, "of one vCPU alone: the next one's will do for both" },
		{ 500, 900, { 500, 501 }, false, false, "what it read as the guest stopped is written once more when that is to run" },
		{ 500, 900, { 500, 501 }, true, false, "... also when all is loaded" },
		{ 500, 500, { 500, 501 }, false, true, "what was read but once was not read as the guest stopped" },
		{ 500, 900, { 950, 951 }, false, false, "what nobody heard of may be anything" },
		{ 500, 900, { 950, 951 }, true, true, "... but when all is loaded, and will never be what is asked for" },
		{ 500, 900, { 950, 901 }, false, true, "one of them is enough" },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		said = (struct cf_kvm_said){ .n_vcpus = 3 };
		asked = (struct cf_kvm_asked){ .n_vcpus = 2 };
		for (uint32_t k = 0; k < 3; k++)
			said.vcpus[k].id = k;
		for (uint32_t k = 0; k < 2; k++) {
			asked.vcpus[k] = (struct cf_kvm_asked_vcpu){ .id = k, .cnt = rows[i].first + k, .cnt_last = rows[i].last + k };
			said.vcpus[k].offset = (int64_t)rows[i].written[k];
			said.vcpus[k].flags = CF_KVM_VCPU_CNT | (rows[i].written[k] ? CF_KVM_VCPU_WRITTEN : 0);
		}
		ok(cf_carry_is_late(&said, &asked, rows[i].loaded) == rows[i].late, "%s", rows[i].what);
	}
}

int main(void)
{
	test_carried();
	test_master_clock();
	test_bounds();
	test_left();
	test_asked();
	test_offsets();
	test_nested();
	test_nested_there();
	test_kept();
	test_physical();
	test_late();
	kvm_page_free(page);
	return done();
}
