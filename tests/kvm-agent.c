/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Plays the agents' part towards libclockferry-kvm.so inside a QEMU, by hand:
 *
 *	kvm-agent show PID		what the library said, as one line of JSON
 *	kvm-agent watch PID [SECONDS]	the same each time it says something new
 *	kvm-agent sample PID		a sample of a running guest
 *	kvm-agent arm PID --direction source|destination [--record FILE --offset-ns N]
 *	        [--limit-ns N] [--expires-s N] [--window-ns N] [--guest-hz N] [--host-hz N] [--migration HEX]
 *	kvm-agent disarm PID
 *
 * FILE holds lines of `show` or `watch` of the source; the last is taken.  Each
 * vCPU's offset is that of the record; there is no scaling.  Not a test by itself.
 */

#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/kvm-page.h"

static const char *const results[] = { "nothing", "carried", "kept", "left" };
static const char *const steps[] = {
	"none", "descriptors", "running", "record", "limit", "frequency", "protected", "nested", "itself",
	"anchor", "offsets", "deadlines", "clock",
};
_Static_assert(CF_COUNT(results) == CF_N_KVM_RESULTS && CF_COUNT(steps) == CF_N_KVM_STEPS, "a name for each");

static struct cf_kvm_said said;
static struct cf_kvm_asked asked;

static int die(const char *why)
{
	fprintf(stderr, "kvm-agent: %s\n", why);
	exit(1);
}

/* Out */

static void put(struct json_object *to, const char *name, uint64_t value)
{
	json_object_object_add(to, name, json_object_new_uint64(value));
}

static void put_signed(struct json_object *to, const char *name, int64_t value)
{
	json_object_object_add(to, name, json_object_new_int64(value));
}

static struct json_object *capture_json(const struct cf_kvm_capture *c)
{
	struct json_object *to = json_object_new_object();

	put(to, "number", c->number);
	put(to, "clock", c->clock);
	put(to, "host", c->host);
	put_signed(to, "realtime_ns", c->realtime.ns);
	put_signed(to, "raw_ns", c->raw.ns);
	put_signed(to, "width_ns", c->width.ns);
	put(to, "flags", c->flags);
	put_signed(to, "tai_s", c->tai_s);
	return to;
}

static struct json_object *outcome_json(const struct cf_kvm_outcome *o)
{
	struct json_object *to = json_object_new_object();

	put(to, "serial", o->serial);
	json_object_object_add(to, "result", json_object_new_string(results[o->result]));
	json_object_object_add(to, "step", json_object_new_string(steps[o->step]));
	put_signed(to, "error", o->error);
	put(to, "flags", o->flags);
	put(to, "clock", o->clock);
	put_signed(to, "elapsed_ns", o->elapsed.ns);
	json_object_object_add(to, "anchor", capture_json(&o->anchor));
	json_object_object_add(to, "readback", capture_json(&o->readback));
	put_signed(to, "residual_ns", o->residual.ns);
	put_signed(to, "residual_phys_ns", o->residual_phys.ns);
	put_signed(to, "residual_width_ns", o->residual_width.ns);
	put_signed(to, "routes_ns", o->routes.ns);
	put_signed(to, "took_ns", o->took.ns);
	put_signed(to, "bare_ns", o->bare.ns);
	return to;
}

static struct json_object *counter_json(struct cf_kvm_counter c)
{
	struct json_object *to = json_object_new_object();

	put(to, "low", c.low);
	put(to, "high", c.high);
	return to;
}

static struct json_object *vcpu_json(const struct cf_kvm_vcpu *v)
{
	struct json_object *to = json_object_new_object();

	put(to, "id", v->id);
	put(to, "flags", v->flags);
	put_signed(to, "offset", v->offset);
	put(to, "khz", v->khz);
	put(to, "cnt", v->cnt);
	put(to, "cnt_last", v->cnt_last);
	put(to, "pcnt", v->pcnt);
	put_signed(to, "before", v->before);
	put_signed(to, "after", v->after);
	return to;
}

static void print(struct json_object *line)
{
	puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(line);
}

static void show(struct kvm_page *page)
{
	struct json_object *line = json_object_new_object(), *vcpus = json_object_new_array();
	struct cf_error err;

	if (kvm_page_read(page, &said, &err) < 0)
		die(err.text);
	json_object_object_add(line, "arch",
			       json_object_new_string(kvm_page_arch(page) == CF_KVM_ARCH_ARM64 ? "arm64" : "x86"));
	put(line, "vm_flags", said.vm_flags);
	put(line, "hz", said.hz);
	put(line, "missed", said.n_missed);
	json_object_object_add(line, "virt", counter_json(said.virt));
	json_object_object_add(line, "phys", counter_json(said.phys));
	json_object_object_add(line, "capture", capture_json(&said.capture));
	json_object_object_add(line, "before", capture_json(&said.before));
	json_object_object_add(line, "outcome", outcome_json(&said.outcome));
	for (uint32_t i = 0; i < said.n_vcpus; i++)
		json_object_array_add(vcpus, vcpu_json(&said.vcpus[i]));
	json_object_object_add(line, "vcpus", vcpus);
	print(line);
}

static int watch(struct kvm_page *page, int seconds)
{
	struct pollfd fds[] = { { kvm_page_captured_fd(page), POLLIN, 0 }, { kvm_page_outcome_fd(page), POLLIN, 0 } };
	cf_mono until = cf_mono_add(kernel_raw(), (cf_span){ seconds * CF_S });

	for (;;) {
		cf_span left = cf_mono_since(until, kernel_raw());

		if (left.ns <= 0 || poll(fds, 2, (int)(left.ns / CF_MS) + 1) < 0)
			return 0;
		for (size_t i = 0; i < CF_COUNT(fds); i++)
			if (fds[i].revents)
				kvm_page_heard(fds[i].fd);
		if (fds[0].revents || fds[1].revents)
			show(page);
	}
}

static int sample(struct kvm_page *page)
{
	struct cf_kvm_capture got;
	struct cf_error err;

	kvm_page_want(page);
	for (int i = 0; i < 5000; i++) {
		if (kvm_page_sample(page, &got, &err) == 0) {
			print(capture_json(&got));
			return 0;
		}
		poll(NULL, 0, 1);
	}
	return die(err.text);
}

/* In */

static struct json_object *of(struct json_object *from, const char *name)
{
	struct json_object *member;

	if (!json_object_object_get_ex(from, name, &member))
		die(name);
	return member;
}

static uint64_t get(struct json_object *from, const char *name)
{
	return json_object_get_uint64(of(from, name));
}

static int64_t get_signed(struct json_object *from, const char *name)
{
	return json_object_get_int64(of(from, name));
}

static struct json_object *last_line(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	struct json_object *last = NULL;
	char *line = NULL;
	size_t room = 0;

	if (!file)
		die(strerror(errno));
	while (getline(&line, &room, file) > 0) {
		struct json_object *next = json_tokener_parse(line);

		if (next) {
			json_object_put(last);
			last = next;
		}
	}
	free(line);
	fclose(file);
	if (!last)
		die("there is no record");
	return last;
}

static struct cf_kvm_counter get_counter(struct json_object *from, const char *name)
{
	struct json_object *counter = of(from, name);

	return (struct cf_kvm_counter){ get(counter, "low"), get(counter, "high") };
}

static void take_record(const char *path)
{
	struct json_object *line = last_line(path), *c = of(line, "capture"), *vcpus = of(line, "vcpus");

	asked.record = (struct cf_kvm_capture){
		.number = get(c, "number"),
		.clock = get(c, "clock"),
		.host = get(c, "host"),
		.realtime = { get_signed(c, "realtime_ns") },
		.raw = { get_signed(c, "raw_ns") },
		.width = { get_signed(c, "width_ns") },
		.flags = (uint32_t)get(c, "flags"),
		.tai_s = (int32_t)get_signed(c, "tai_s"),
	};
	asked.clock_low = asked.clock_high = asked.record.clock;
	asked.guest_hz = get(line, "hz");
	asked.virt = get_counter(line, "virt");
	asked.phys = get_counter(line, "phys");
	if (get(line, "vm_flags") & CF_KVM_VM_COUNTERS)
		asked.flags |= CF_KVM_ASKED_VIRT;
	if (get(line, "vm_flags") & CF_KVM_VM_PHYS)
		asked.flags |= CF_KVM_ASKED_PHYS;
	asked.n_vcpus = (uint32_t)json_object_array_length(vcpus);
	if (asked.n_vcpus > CF_KVM_VCPUS)
		die("too many vCPUs");
	for (uint32_t i = 0; i < asked.n_vcpus; i++) {
		struct json_object *vcpu = json_object_array_get_idx(vcpus, i);

		asked.vcpus[i] = (struct cf_kvm_asked_vcpu){
			.id = (uint32_t)get(vcpu, "id"),
			.offset = get_signed(vcpu, "offset"),
			.cnt = get(vcpu, "cnt"),
			.cnt_last = get(vcpu, "cnt_last"),
			.pcnt = get(vcpu, "pcnt"),
		};
		if (!asked.guest_hz)
			asked.guest_hz = get(vcpu, "khz") * 1000;
	}
	json_object_put(line);
}

static void take_migration(const char *hex)
{
	for (size_t i = 0; i < sizeof(asked.migration); i++)
		if (sscanf(hex + 2 * i, "%2hhx", &asked.migration[i]) != 1)
			die("a migration is 32 hexadecimal digits");
}

static int arm(struct kvm_page *page, int argc, char **argv)
{
	static const struct option options[] = {
		{ "direction", required_argument, NULL, 'd' }, { "record", required_argument, NULL, 'r' },
		{ "offset-ns", required_argument, NULL, 'o' }, { "limit-ns", required_argument, NULL, 'l' },
		{ "expires-s", required_argument, NULL, 'e' }, { "window-ns", required_argument, NULL, 'w' },
		{ "guest-hz", required_argument, NULL, 'g' },  { "host-hz", required_argument, NULL, 'h' },
		{ "migration", required_argument, NULL, 'm' }, { 0 },
	};
	int64_t expires_s = 60, window = 0;
	struct cf_error err;

	asked.limit.ns = 60 * CF_S;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'd': asked.direction = strcmp(optarg, "source") == 0 ? CF_KVM_SOURCE : CF_KVM_DESTINATION; break;
		case 'r': take_record(optarg); break;
		case 'o': asked.offset.ns = strtoll(optarg, NULL, 10); break;
		case 'l': asked.limit.ns = strtoll(optarg, NULL, 10); break;
		case 'e': expires_s = strtoll(optarg, NULL, 10); break;
		case 'w': window = strtoll(optarg, NULL, 10); break;
		case 'g': asked.guest_hz = strtoull(optarg, NULL, 10); break;
		case 'h': asked.host_hz = strtoull(optarg, NULL, 10); break;
		case 'm': take_migration(optarg); break;
		default: die("see the top of tests/kvm-agent.c");
		}
	}
	if (asked.direction == CF_KVM_UNARMED || (asked.direction == CF_KVM_DESTINATION && !asked.n_vcpus))
		die("arm needs --direction, and for a destination --record");
	asked.clock_high += (uint64_t)window;
	asked.expires = cf_mono_add(kernel_raw(), (cf_span){ expires_s * CF_S });
	if (kvm_page_arm(page, &asked, &err) < 0)
		die(err.text);
	return 0;
}

int main(int argc, char **argv)
{
	CF_AUTO(kvm_page_free) struct kvm_page *page = NULL;
	const char *verb = argc > 2 ? argv[1] : "";
	struct cf_error err;

	if (argc < 3)
		die("see the top of tests/kvm-agent.c");
	if (kvm_page_open("/proc", atoi(argv[2]), &page, &err) < 0)
		die(err.text);
	if (strcmp(verb, "show") == 0)
		show(page);
	else if (strcmp(verb, "watch") == 0)
		return watch(page, argc > 3 ? atoi(argv[3]) : 3600);
	else if (strcmp(verb, "sample") == 0)
		return sample(page);
	else if (strcmp(verb, "arm") == 0)
		return arm(page, argc - 2, argv + 2);
	else if (strcmp(verb, "disarm") == 0)
		kvm_page_disarm(page, NULL);
	else
		die("see the top of tests/kvm-agent.c");
	return 0;
}
