/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What QEMU does besides migrating: libclockferry-kvm.so lets it pass, and knows its vCPUs all the while. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "kvm/vm.h"
#include "tests/trip-x86.h"

static void test_unmatched(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 200 * CF_MS };

	leave(&trip);
	arrive(&trip);
	ok(passes(qemu.clock + 1) && passes(qemu.clock - 1) && passes(0),
	   "a clock that differs by 1 ns is another one: reset, loadvm, a snapshot");
	tell(CF_KVM_UNARMED);
	ok(passes(qemu.clock), "unarmed, all goes through");
	asked.expires.ns = fake_raw() - 1;
	tell(CF_KVM_DESTINATION);
	ok(passes(qemu.clock), "and so it does when the agent that armed it died long ago");
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_DESTINATION);
	ok(set_clock(qemu.clock) == 0 && carried(2, 0), "armed anew, it is carried");
	fake_now += 50 * CF_MS;
	ok(passes(qemu.clock), "once: the same value again is a loadvm");

	leave(&trip);
	arrive(&trip);
	asked.clock_low -= 10 * CF_MS;
	asked.record.clock -= 7 * CF_MS;
	asked.record.realtime.ns -= 7 * CF_MS;
	asked.record.host -= 7 * CF_MS * 5 / 2;
	tell(CF_KVM_DESTINATION);
	ok(set_clock(qemu.clock) == 0 && carried(2, 0) && hear()->outcome.flags & CF_KVM_OUTCOME_MAPPED,
	   "a record of some time before the stop will do, where the agent lets it");
}

/* vCPUs that come later, that are parked, in another order, and more than there is room for. */
static void test_vcpus(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 100 * CF_MS };
	struct qemu left;
	int r;

	leave(&trip);
	qemu.fds[2] = call(qemu.vm, KVM_CREATE_VCPU, 9);
	qemu.n = 3;
	msr(qemu.fds[2], MSR_IA32_TSC, true, fake_guest_counter(0));
	run();
	stop();
	stayed = fake_vm;
	take_record();
	ok(said.n_vcpus == 3 && said.vcpus[2].id == 9 && said.vcpus[2].offset == fake_guest_offset(2),
	   "a vCPU that was plugged in is there");
	left = qemu;
	arrive(&(struct trip){ &here, &there, 2, .blackout = 100 * CF_MS });
	left.n = 2;
	load(&left);
	ok(set_clock(qemu.clock) == 0 && carried(2, 0), "a parked vCPU that the destination does not have is none of its business");

	leave(&trip);
	asked.vcpus[2] = asked.vcpus[0];
	asked.vcpus[0] = asked.vcpus[1];
	asked.vcpus[1] = asked.vcpus[2];
	arrive(&trip);
	ok(set_clock(qemu.clock) == 0 && carried(2, 0), "vCPUs are found by their ids, in any order");

	start(1100);
	run();
	r = get_clock();
	ok(r == 0 && hear()->n_vcpus == CF_KVM_VCPUS && !(said.vcpus[0].flags & CF_KVM_VCPU_OFFSET),
	   "more than %d vCPUs: nothing is written past the end", CF_KVM_VCPUS);
	asked.clock_low = asked.clock_high = qemu.clock;
	asked.expires.ns = fake_raw() + CF_S;
	tell(CF_KVM_DESTINATION);
	ok(set_clock(qemu.clock) == 0 && hear()->outcome.step == CF_KVM_STEP_DESCRIPTORS, "... and nothing carried");
}

/* arm64's QEMU makes one to look and another to run; x86's may, too. */
static void test_second_vm(void)
{
	uint64_t captures;
	int first;

	fake_on(&here);
	start(2);
	first = qemu.vm;
	captures = hear()->capture.number;
	start(1);
	ok(qemu.vm == first, "another VM under the same number");
	run();
	stop();
	ok(hear()->n_vcpus == 1 && said.capture.number == captures + 1, "is another VM: its vCPUs are known, and no others");
	call(3, KVM_CREATE_VM, 0);
	ok(hear()->n_vcpus == 1, "one without vCPUs changes nothing");
}

static void test_samples(void)
{
	struct cf_kvm_capture sample;
	struct kvm_page *page;
	int bad = kvm_page_open("/proc", getpid(), &page, &err);

	start(2);
	run();
	run();
	ok(bad == 0 && kvm_page_sample(page, &sample, &err) == -EAGAIN, "nobody samples unasked");
	kvm_page_want(page);
	ok(kvm_page_sample(page, &sample, &err) == -EAGAIN, "nor at once");
	errno = 55;
	run();
	ok(kvm_page_sample(page, &sample, &err) == 0 && errno == 55 && sample.flags == 14 &&
	   near((int64_t)sample.clock, (int64_t)fake_guest_clock(), 10 * CF_US), "but with QEMU's next call");
	ok(hear()->capture.number < sample.number, "a sample is no capture, and is numbered with them");
	kvm_page_want(page);
	call(qemu.vm, KVM_CHECK_EXTENSION, 0);
	ok(kvm_page_sample(page, &sample, &err) == 0, "any call will do");
	kvm_page_free(page);
}

/* In a child nothing of it works, and it does not matter. */
static void test_fork(void)
{
	uint64_t captures = hear()->capture.number;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		int r = get_clock() | set_clock(77);

		tell(CF_KVM_SOURCE);
		_exit(r != 0 || set_clock(qemu.clock) != 0);
	}
	waitpid(child, &status, 0);
	ok(child > 0 && status == 0 && hear()->capture.number == captures, "a child of QEMU passes everything on and says nothing");
	get_clock();
	ok(hear()->capture.number > captures, "its parent goes on");
	tell(CF_KVM_UNARMED);
}

/* The agent that was writing has done so. */
static void write_on(void)
{
	cf_kvm_write_end(&vm_known()->page->asked.seq);
}

static void test_torn(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 100 * CF_MS };
	struct cf_kvm_page *page;
	int64_t began;

	leave(&trip);
	arrive(&trip);
	page = vm_known()->page;
	page->asked.seq |= 1;
	began = fake_now;
	ok(passes(qemu.clock), "what an agent died of writing is not acted upon");
	ok(near(fake_now - began, CF_MS, 20 * CF_US), "and waited for for a millisecond, no more");
	began = fake_now;
	ok(passes(qemu.clock) && fake_now - began < 20 * CF_US, "once");
	tell(CF_KVM_DESTINATION);
	ok(set_clock(qemu.clock) == 0 && carried(2, 0), "the next agent writes it anew");

	leave(&trip);
	arrive(&trip);
	cf_kvm_write_begin(&page->asked.seq);
	fake_then(fake_now + 700 * CF_US, write_on);
	ok(set_clock(qemu.clock) == 0 && carried(2, 0), "an agent that lost its processor while it wrote is waited for");
	leave(&trip);
	arrive(&trip);
	cf_kvm_write_begin(&page->asked.seq);
	fake_then(fake_now + 3 * CF_MS, write_on);
	ok(passes(qemu.clock), "but not as long as it takes");
	fake_now += 3 * CF_MS;
	ok(set_clock(qemu.clock) == 0 && carried(2, 0), "and when it has written, it is heard");
}

/* Another thread of QEMU is in there, for ever or until somebody takes it away. */
static void leave_vm(void)
{
	vm_leave(vm_known());
}

static void *leave_soon(void *unused)
{
	usleep(20000);
	leave_vm();
	return unused;
}

static void test_busy(void)
{
	const struct trip trip = { &here, &there, 2, .blackout = 100 * CF_MS };
	struct cf_kvm_capture sample;
	struct kvm_page *page = NULL;
	pthread_t thread;
	uint32_t missed;
	uint64_t number;
	int64_t began;

	leave(&trip);
	number = hear()->capture.number;
	missed = said.n_missed;
	vm_enter(vm_known());
	began = fake_now;
	ok(get_clock() == 0 && near((int64_t)qemu.clock, (int64_t)fake_guest_clock(), CF_US) && near(fake_now - began, CF_MS, 20 * CF_US),
	   "while somebody else is in there a reading of QEMU's waits for a millisecond, and is QEMU's alone");
	ok(hear()->capture.number == number && said.n_missed == missed + 1, "that it was missed is told");
	fake_then(fake_now + 700 * CF_US, leave_vm);
	ok(get_clock() == 0 && hear()->capture.number == number + 1 && said.n_missed == missed + 1, "who is out by then does not keep it");

	ok(kvm_page_open("/proc", getpid(), &page, &err) == 0, "the page is opened");
	vm_enter(vm_known());
	kvm_page_want(page);
	began = fake_now;
	run();
	ok(kvm_page_sample(page, &sample, &err) == -EAGAIN && fake_now - began < 20 * CF_US, "a sample does not wait at all");
	leave_vm();
	run();
	ok(kvm_page_sample(page, &sample, &err) == 0, "it comes with the next call");
	kvm_page_free(page);

	leave(&trip);
	arrive(&trip);
	vm_enter(vm_known());
	began = fake_now;
	ok(passes(qemu.clock) && near(fake_now - began, CF_MS, 20 * CF_US), "what is armed waits for a millisecond, and is left to QEMU");
	fake_then(fake_now + 700 * CF_US, leave_vm);
	ok(set_clock(qemu.clock) == 0 && carried(2, 0), "or is carried where it need not wait so long");
	tell(CF_KVM_UNARMED);
	vm_enter(vm_known());
	began = fake_now;
	ok(passes(qemu.clock) && fake_now - began < 20 * CF_US, "where nothing is armed nobody waits");

	pthread_create(&thread, NULL, leave_soon, NULL);
	qemu.fds[2] = call(qemu.vm, KVM_CREATE_VCPU, 9);
	pthread_join(thread, NULL);
	get_clock();
	ok(hear()->n_vcpus == 3 && said.vcpus[2].id == 9, "a new vCPU is waited with for as long as it takes");
}

/* The page of a process like this one, on such a kernel: its seals as the agent finds them; -1: it has none. */
static int seals_on(struct fake_kind kind)
{
	struct kvm_page *page = NULL;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		fake_kind = kind;
		start(1);
		_exit(kvm_page_open("/proc", getpid(), &page, &err) < 0 ? 0xff : fcntl(vm_known()->page->memfd, F_GET_SEALS));
	}
	waitpid(child, &status, 0);
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 0xff ? WEXITSTATUS(status) : -1;
}

static void test_memory(void)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int seals = seals_on((struct fake_kind){ .no_noexec = true });

	ok(seals == needed, "the agent takes a page of a kernel before 6.3 (seals %#x)", seals);
	seals = seals_on((struct fake_kind){ .noexec_only = true });
	ok((seals & needed) == needed, "and one of a kernel where no memory is given that could be executed (seals %#x)", seals);
}

int main(void)
{
	fake_on(&here);
	ok(ioctl(-1, 0) == -1 && errno == ENOTTY, "a call that is not KVM's is not touched");
	ok(call(3, KVM_GET_API_VERSION, 0) == -1 && errno == ENOTTY, "nor is one before there is a VM");
	ok(kvm_page_open("/proc", getpid(), &(struct kvm_page *){ NULL }, &err) == -ENOENT, "before a vCPU there is no page");
	probe();
	probe();
	ok(kvm_page_open("/proc", getpid(), &(struct kvm_page *){ NULL }, &err) == -ENOENT && !vm_known(),
	   "nor is there one in libvirtd, which makes a VM with a vCPU to ask it for its TSC");
	test_memory();
	test_unmatched();
	test_vcpus();
	test_second_vm();
	test_samples();
	test_fork();
	test_torn();
	test_busy();
	return done();
}
