/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest without a kernel, for the machine "virt": CNTPCT, which Linux keeps from its programs, is
 * read here beside CNTVCT.  Lines like those of tick --each go to the serial port, in which
 * CNTPCT, in ns, stands for CLOCK_REALTIME and CNTVCT for CLOCK_MONOTONIC.
 */
#include <stdint.h>

#define PORT	(*(volatile uint32_t *)0x09000000)
#define TICKS_A_SECOND 25

/* The stack is all it needs, above the program. */
__asm__(".global _start\n_start:\n\tldr x0, =0x40400000\n\tmov sp, x0\n\tbl run\n");

static uint64_t frequency(void)
{
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}

static uint64_t virtual(void)
{
	uint64_t ticks;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
	return ticks;
}

static uint64_t physical(void)
{
	uint64_t ticks;

	__asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(ticks) : : "memory");
	return ticks;
}

static void hex(uint64_t value, int digits, char end)
{
	while (digits-- > 0)
		PORT = (uint32_t)"0123456789abcdef"[value >> 4 * digits & 15];
	PORT = (uint32_t)end;
}

static uint64_t ns(uint64_t ticks, uint64_t hz)
{
	return ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz;
}

void run(void)
{
	uint64_t hz = frequency();

	for (uint32_t n = 1;; n++) {
		uint64_t v = virtual(), p = physical();

		hex(1, 4, ' ');
		hex(n, 8, ' ');
		hex(ns(p, hz), 16, ' ');
		hex(ns(v, hz), 16, ' ');
		hex(v, 16, ' ');
		hex(0, 2, ' ');
		hex(0, 16, ' ');
		hex(0, 16, '\n');
		while (virtual() - v < hz / TICKS_A_SECOND)
			;
	}
}
