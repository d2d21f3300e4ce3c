/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kvm/cnt.h"

#include <errno.h>
#include <linux/kvm.h>

#include "kvm/machine.h"

/* Ticks, which no reading can tell from none. */
#define TOLERANCE 2

static int reg(struct vm *vm, const struct vcpu *vcpu, unsigned long request, uint64_t id, uint64_t *value)
{
	struct kvm_one_reg one = { .id = id, .addr = (uintptr_t)value };

	return vm_ioctl(vm, vcpu->fd, request, &one);
}

void cnt_narrow(struct counter *counter, struct cf_kvm_counter seen)
{
	struct cf_kvm_counter *known = &counter->offset;

	if (counter->known && (int64_t)(seen.low - known->high) <= 0 && (int64_t)(known->low - seen.high) <= 0) {
		if ((int64_t)(seen.low - known->low) > 0)
			known->low = seen.low;
		if ((int64_t)(seen.high - known->high) < 0)
			known->high = seen.high;
		return;
	}
	*counter = (struct counter){ .known = true, .offset = seen };
}

static int read_counter(struct vm *vm, const struct vcpu *vcpu, uint64_t id, struct counter *counter, uint64_t *value)
{
	uint64_t before = machine_counter();
	int r = reg(vm, vcpu, KVM_GET_ONE_REG, id, value);
	uint64_t after = machine_counter();

	if (r == 0)
		cnt_narrow(counter, (struct cf_kvm_counter){ before - *value, after - *value });
	return r;
}

int cnt_settle(struct vm *vm, const struct vcpu *vcpu, uint64_t id, struct counter *counter)
{
	enum { READINGS = 8 };
	uint64_t value;
	int r = 0;

	for (int i = 0; i < READINGS && r == 0 && !counter->settled; i++)
		r = read_counter(vm, vcpu, id, counter, &value);
	counter->settled = r == 0;
	return r;
}

uint64_t cnt_width(const struct counter *counter)
{
	return counter->offset.high - counter->offset.low;
}

uint64_t cnt_middle(struct cf_kvm_counter offset)
{
	return offset.low + (offset.high - offset.low) / 2;
}

/* How far the offset is above the target, in ticks; counters then show less than they should. */
static int64_t off_by(const struct counter *counter, uint64_t target)
{
	return (int64_t)(cnt_middle(counter->offset) - target);
}

static uint64_t size(int64_t ticks)
{
	return ticks < 0 ? -(uint64_t)ticks : (uint64_t)ticks;
}

/* Again while the error shrinks; a worse one that could have been seen (somebody else ran) is none to end with. */
bool cnt_set(struct vm *vm, const struct vcpu *vcpu, uint64_t id, struct counter *counter, uint64_t target)
{
	enum { ATTEMPTS = 8 };
	uint64_t error, best = UINT64_MAX;
	int64_t lead = 0;

	for (int i = 0; i < ATTEMPTS; i++) {
		uint64_t value = machine_counter() + (uint64_t)lead - target;

		if (reg(vm, vcpu, KVM_SET_ONE_REG, id, &value) < 0)
			return false;
		*counter = (struct counter){ 0 };
		if (cnt_settle(vm, vcpu, id, counter) < 0)
			return false;
		error = size(off_by(counter, target));
		if (error <= TOLERANCE || (error >= best && error <= cnt_width(counter) / 2 + TOLERANCE))
			return true;
		best = error < best ? error : best;
		lead += off_by(counter, target);
	}
	/* Near enough for a busy machine; further off, the kernel takes values and does nothing with them. */
	errno = EOPNOTSUPP;
	return error <= cnt_width(counter) + machine_counter_hz() / 1000;
}
