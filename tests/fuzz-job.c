/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libvirt's job statistics: the input is a list of parameters, each a byte for its
 * name, one for its type, and eight for its value.
 */

#include <string.h>

#include "daemon/virt/private.h"
#include "tests/fuzz.h"

#define PARAMETER 10

static const char *const names[] = {
	VIR_DOMAIN_JOB_OPERATION, VIR_DOMAIN_JOB_SUCCESS, VIR_DOMAIN_JOB_DATA_TOTAL, VIR_DOMAIN_JOB_DATA_PROCESSED,
	VIR_DOMAIN_JOB_DATA_REMAINING, VIR_DOMAIN_JOB_MEMORY_BPS, VIR_DOMAIN_JOB_MEMORY_ITERATION,
	VIR_DOMAIN_JOB_DOWNTIME, VIR_DOMAIN_JOB_DOWNTIME_NET, "of_a_later_version",
};

static void quiet(void *userdata, virErrorPtr error)
{
	(void)userdata; (void)error;
}

static void add(virTypedParameterPtr *params, int *n, int *room, const uint8_t *data)
{
	const char *name = names[data[0] % CF_COUNT(names)];
	uint64_t value;
	double real;

	memcpy(&value, data + 2, sizeof(value));
	memcpy(&real, data + 2, sizeof(real));
	switch (data[1] % 6) {
	case 0: virTypedParamsAddInt(params, n, room, name, (int)value); break;
	case 1: virTypedParamsAddUInt(params, n, room, name, (unsigned)value); break;
	case 2: virTypedParamsAddLLong(params, n, room, name, (long long)value); break;
	case 3: virTypedParamsAddULLong(params, n, room, name, value); break;
	case 4: virTypedParamsAddDouble(params, n, room, name, real); break;
	default: virTypedParamsAddBoolean(params, n, room, name, value & 1); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	virTypedParameterPtr params = NULL;
	struct cf_progress progress = { 0 };
	struct job_result result;
	int n = 0, room = 0;

	must(virInitialize() >= 0);	/* each of its errors needs it, and again it does nothing */
	virSetErrorFunc(NULL, quiet);
	for (; size >= PARAMETER; data += PARAMETER, size -= PARAMETER)
		add(&params, &n, &room, data);
	if (virt_job_result(params, n, &result)) {
		must(!result.has_bytes || result.bytes >= 0);
		must(!result.has_downtime || result.downtime.ns >= 0);
		must(!result.has_downtime_net || result.downtime_net.ns >= 0);
	}
	virt_job_progress(params, n, &progress);
	must(progress.bytes_total >= 0 && progress.bytes_sent >= 0 && progress.bytes_left >= 0);
	must(progress.bytes_per_second >= 0 && progress.iteration >= 0);
	must(!progress.has_predicted_blackout || progress.predicted_blackout.ns >= 0);
	must(progress.throttle_percent >= 0 && progress.throttle_percent <= 100);
	virTypedParamsFree(params, n);
	return 0;
}
