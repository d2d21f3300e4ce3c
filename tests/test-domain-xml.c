/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is made of a domain's XML; each case is a domain, cut down to what it is about. */

#include <stdlib.h>
#include <string.h>

#include "daemon/virt/domain-xml.h"
#include "proto/base.h"
#include "tests/tap.h"

#define NAMES   "<name>g</name><uuid>9c334061-f95f-4ba0-9edf-0948a22a5eb8</uuid>"
#define X86     "<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>"
#define ARM     "<os><type arch='aarch64' machine='virt-7.2'>hvm</type></os>"
#define KVM(x)  "<domain type='kvm' id='3'>" NAMES X86 x "</domain>"
#define TCG(x)  "<domain type='qemu' id='3'>" NAMES X86 x "</domain>"
#define DEVICES(x) KVM("<devices>" x "</devices>")
#define AGENT(state) "<channel><target type='virtio' name='org.qemu.guest_agent.0'" state "/></channel>"
#define META(uri) KVM("<metadata><m:x xmlns:m='" uri "'><m:a/></m:x></metadata>")
#define POLICY(more) KVM("<metadata><c:policy xmlns:c='urn:clockferry:policy:1'" more "/></metadata>")
#define PRODUCT(text) KVM("<sysinfo type='smbios'><system><entry name='manufacturer'>Apache</entry>" \
			  "<entry name='product'>" text "</entry></system></sysinfo>")
#define PAST(x) "<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>" NAMES X86 x "</domain>"
#define LINE(x) PAST("<q:commandline>" x "</q:commandline>")
#define ARGS(a, b) "<q:arg value='" a "'/><q:arg value='" b "'/>"
#define PRELOAD(value) "<q:env name='LD_PRELOAD' value='" value "'/>"
#define INVTSC  "<cpu mode='host-model'><feature policy='require' name='invtsc'/></cpu>"

#define LIBVIRT 9000000
#define QEMU    7002022

static const struct {
	const char *sentence;
	const char *xml;
	const char *meaning;	/* see meaning() */
	unsigned long libvirt, emulator;
} cases[] = {
	{ "a TCG guest has no kvmclock", TCG(""), "qemu x86_64 pc-q35-7.2" },
	{ "a KVM guest has", KVM(""), "kvm x86_64 pc-q35-7.2 kvmclock" },
	{ "not on arm", "<domain type='kvm'>" NAMES ARM "</domain>", "kvm aarch64 virt-7.2" },
	{ "nor when the timer is taken away",
	  KVM("<clock offset='utc'><timer name='kvmclock' present='no'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 clock=utc [kvmclock no]" },
	{ "nor when the feature is", KVM("<cpu><feature policy='disable' name='kvmclock'/></cpu>"),
	  "kvm x86_64 pc-q35-7.2" },
	{ "the timer may be there",
	  KVM("<clock offset='localtime'><timer name='kvmclock' present='yes'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock clock=localtime [kvmclock yes]" },
	{ "what a timer says", KVM("<clock offset='variable' adjustment='5'>"
	  "<timer name='rtc' tickpolicy='catchup' track='guest'/><timer name='pit' tickpolicy='delay'/>"
	  "<timer name='hpet' present='no'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock clock=variable [rtc catchup track=guest] [pit delay] [hpet no]" },
	{ "a clock in another place is none", KVM("<metadata><clock offset='utc'/></metadata>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock" },

	{ "a TSC frequency is a promise",
	  KVM("<clock offset='utc'><timer name='tsc' frequency='2500000000'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock clock=utc [tsc 2500000000Hz] hz=2500000000 promised" },
	{ "so is a TSC timer without", KVM("<clock offset='utc'><timer name='tsc' mode='native'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock clock=utc [tsc mode=native] promised" },
	{ "not one that is taken away", KVM("<clock offset='utc'><timer name='tsc' present='no'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock clock=utc [tsc no]" },
	{ "invtsc without a frequency cannot be migrated", KVM(INVTSC),
	  "kvm x86_64 pc-q35-7.2 kvmclock promised !invtsc" },
	{ "with one it can", KVM(INVTSC "<clock offset='utc'><timer name='tsc' frequency='5'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock clock=utc [tsc 5Hz] hz=5 promised" },
	{ "invtsc that is disabled promises nothing",
	  KVM("<cpu><feature policy='disable' name='invtsc'/></cpu>"), "kvm x86_64 pc-q35-7.2 kvmclock" },
	{ "a frequency that is no number is none", KVM("<clock><timer name='tsc' frequency='12x'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock [tsc] promised" },
	{ "nor a negative one", KVM("<clock><timer name='tsc' frequency='-5'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock [tsc] promised" },
	{ "nor one that is too large",
	  KVM("<clock><timer name='tsc' frequency='99999999999999999999'/></clock>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock [tsc] promised" },

	{ "a library that its XML has loaded", LINE(PRELOAD("/usr/lib/clockferry/libclockferry-kvm.so")),
	  "kvm x86_64 pc-q35-7.2 kvmclock preloads=/usr/lib/clockferry/libclockferry-kvm.so" },
	{ "... by its name alone", LINE(PRELOAD("libclockferry-kvm.so")),
	  "kvm x86_64 pc-q35-7.2 kvmclock preloads=libclockferry-kvm.so" },
	{ "... among others", LINE(PRELOAD("/a.so:/b/libclockferry-kvm.so /c.so")),
	  "kvm x86_64 pc-q35-7.2 kvmclock preloads=/b/libclockferry-kvm.so more" },
	{ "... twice", LINE(PRELOAD("/a/libclockferry-kvm.so:/b/libclockferry-kvm.so")),
	  "kvm x86_64 pc-q35-7.2 kvmclock preloads=/a/libclockferry-kvm.so more" },
	{ "another library keeps it away", LINE(PRELOAD("/usr/lib/notlibclockferry-kvm.so")),
	  "kvm x86_64 pc-q35-7.2 kvmclock preloads more" },
	{ "so does none", LINE("<q:env name='LD_PRELOAD'/>"), "kvm x86_64 pc-q35-7.2 kvmclock preloads more" },
	{ "libvirt takes the last", LINE(PRELOAD("/a/libclockferry-kvm.so") PRELOAD("/b.so")),
	  "kvm x86_64 pc-q35-7.2 kvmclock preloads more" },
	{ "also of two command lines", PAST("<q:commandline>" PRELOAD("/b.so") "</q:commandline><q:commandline>"
	  PRELOAD("libclockferry-kvm.so") "</q:commandline>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock preloads=libclockferry-kvm.so more" },
	{ "another variable", LINE("<q:env name='LD_LIBRARY_PATH' value='/b'/>"), "kvm x86_64 pc-q35-7.2 kvmclock more" },
	{ "an argument", LINE(PRELOAD("libclockferry-kvm.so") "<q:arg value='-no-hpet'/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock preloads=libclockferry-kvm.so more" },
	{ "a device made another", PAST("<q:override/>"), "kvm x86_64 pc-q35-7.2 kvmclock more" },
	{ "what says nothing is nothing", PAST("<q:commandline/>"), "kvm x86_64 pc-q35-7.2 kvmclock" },
	{ "nor is what libvirt does not read",
	  KVM("<commandline xmlns='urn:x'><env name='LD_PRELOAD' value='libclockferry-kvm.so'/><arg/></commandline><override/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock" },

	{ "a vmclock", LINE(ARGS("-device", "vmclock")), "kvm x86_64 pc-q35-7.2 kvmclock vmclock more" },
	{ "... with an id", LINE(ARGS("-device", "vmclock,id=v")), "kvm x86_64 pc-q35-7.2 kvmclock vmclock more" },
	{ "... by its driver", LINE(ARGS("--device", "id=v,driver=vmclock")), "kvm x86_64 pc-q35-7.2 kvmclock vmclock more" },
	{ "... in JSON", LINE(ARGS("-device", "{&quot;driver&quot;:&quot;vmclock&quot;}")),
	  "kvm x86_64 pc-q35-7.2 kvmclock vmclock more" },
	{ "a device of another name", LINE(ARGS("-device", "vmclocks,id=vmclock")), "kvm x86_64 pc-q35-7.2 kvmclock more" },
	{ "what is no device", LINE(ARGS("-name", "vmclock")), "kvm x86_64 pc-q35-7.2 kvmclock more" },

	{ "a policy that the domain chooses", POLICY(" name='strict'"), "kvm x86_64 pc-q35-7.2 kvmclock strict" },
	{ "beside what others have written",
	  KVM("<metadata><o:policy xmlns:o='urn:other' name='x'/>"
	      "<policy xmlns='urn:clockferry:policy:1' name='gold'/></metadata>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock gold" },
	{ "one without a name is a choice too", POLICY(""), "kvm x86_64 pc-q35-7.2 kvmclock policy?" },
	{ "so is one whose name is too long",
	  POLICY(" name='aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg'"),
	  "kvm x86_64 pc-q35-7.2 kvmclock policy?" },
	{ "one of another namespace is none",
	  KVM("<metadata><policy name='strict'/><o:policy xmlns:o='urn:clockferry:policy:2' name='x'/></metadata>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock" },
	{ "nor is one outside of the metadata", KVM("<c:policy xmlns:c='urn:clockferry:policy:1' name='strict'/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock" },

	{ "an agent that is connected", DEVICES(AGENT(" state='connected'")),
	  "kvm x86_64 pc-q35-7.2 kvmclock agent=connected" },
	{ "one that is not", DEVICES(AGENT(" state='disconnected'")),
	  "kvm x86_64 pc-q35-7.2 kvmclock agent=configured" },
	{ "one of which nothing is known", DEVICES(AGENT("")),
	  "kvm x86_64 pc-q35-7.2 kvmclock agent=configured" },
	{ "other channels are none",
	  DEVICES("<channel type='pty'><target type='virtio' name='x' state='connected'/></channel>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock" },
	{ "it is found behind others",
	  DEVICES("<channel><target name='x'/></channel>" AGENT(" state='connected'") "<channel/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock agent=connected" },
	{ "the emulator", DEVICES("<emulator>/usr/bin/qemu &amp; co</emulator>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock binary=/usr/bin/qemu & co" },

	{ "Nova's", META("http://openstack.org/xmlns/libvirt/nova/1.1"),
	  "kvm x86_64 pc-q35-7.2 kvmclock by=nova" },
	{ "Nova's of any version", META("http://openstack.org/xmlns/libvirt/nova/1.0"),
	  "kvm x86_64 pc-q35-7.2 kvmclock by=nova" },
	{ "oVirt's", META("http://ovirt.org/vm/1.0"), "kvm x86_64 pc-q35-7.2 kvmclock by=ovirt" },
	{ "oVirt's tuning", META("http://ovirt.org/vm/tune/1.0"), "kvm x86_64 pc-q35-7.2 kvmclock by=ovirt" },
	{ "OpenNebula's", META("http://opennebula.org/xmlns/libvirt/1.0"),
	  "kvm x86_64 pc-q35-7.2 kvmclock by=opennebula" },
	{ "KubeVirt's", KVM("<metadata><kubevirt xmlns='http://kubevirt.io'><uid/></kubevirt></metadata>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock by=kubevirt" },
	{ "CloudStack's", PRODUCT("CloudStack KVM Hypervisor"),
	  "kvm x86_64 pc-q35-7.2 kvmclock by=cloudstack" },
	{ "nobody's", META("http://libosinfo.org/xmlns/libvirt/domain/1.0"),
	  "kvm x86_64 pc-q35-7.2 kvmclock" },
	{ "a namespace that is only declared is nobody's",
	  KVM("<metadata xmlns:ovirt='http://ovirt.org/vm/1.0'><x/></metadata>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock" },
	{ "another product", PRODUCT("Standard PC"), "kvm x86_64 pc-q35-7.2 kvmclock" },

	{ "a PCI device", DEVICES("<hostdev mode='subsystem' type='pci'/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !type pci", LIBVIRT, QEMU },
	{ "a PCI device, and a QEMU that can migrate some", DEVICES("<hostdev mode='subsystem' type='pci'/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock", LIBVIRT, 8002000 },
	{ "a PCI device, and a QEMU that is not known", DEVICES("<hostdev mode='subsystem' type='pci'/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock" },
	{ "a PCI device that is unplugged meanwhile",
	  DEVICES("<hostdev type='pci'><teaming type='transient' persistent='ua-b'/></hostdev>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock", LIBVIRT, QEMU },
	{ "a mediated device", DEVICES("<hostdev type='mdev'/>"), "kvm x86_64 pc-q35-7.2 kvmclock !type mdev",
	  LIBVIRT, QEMU },
	{ "a USB device", DEVICES("<hostdev type='usb'/>"), "kvm x86_64 pc-q35-7.2 kvmclock", LIBVIRT, QEMU },
	{ "a network device", DEVICES("<interface type='hostdev'/><interface type='network'/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !network device", LIBVIRT, QEMU },
	{ "a virtiofs", DEVICES("<filesystem type='mount'><driver type='virtiofs'/></filesystem>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !virtiofs", LIBVIRT, QEMU },
	{ "a virtiofs, and a libvirt that may migrate it",
	  DEVICES("<filesystem type='mount'><driver type='virtiofs'/></filesystem>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock", 11003000, QEMU },
	{ "shared memory", DEVICES("<shmem name='s'><model type='ivshmem-plain'/></shmem>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !not the master", LIBVIRT, QEMU },
	{ "shared memory of a master",
	  DEVICES("<shmem name='s' role='master'><model type='ivshmem-plain'/></shmem>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock", LIBVIRT, QEMU },
	{ "old shared memory", DEVICES("<shmem name='s' role='master'><model type='ivshmem'/></shmem>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !legacy model", LIBVIRT, QEMU },
	{ "a transient disk", DEVICES("<disk><transient/></disk>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !transient disk", LIBVIRT, QEMU },
	{ "a local disk is libvirt's to judge", DEVICES("<disk type='file'><source file='/x'/></disk>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock", LIBVIRT, QEMU },
	{ "a block job", DEVICES("<disk><mirror job='copy'/></disk>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !block job", LIBVIRT, QEMU },
	{ "encrypted memory", KVM("<launchSecurity type='sev'/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !encrypted",
	  LIBVIRT, QEMU },
	{ "all are listed", DEVICES("<disk><transient/></disk><hostdev type='scsi_host'/>"),
	  "kvm x86_64 pc-q35-7.2 kvmclock !type scsi_host !transient disk", LIBVIRT, QEMU },
};

/* What a blocker's text is recognised by. */
static const char *const marks[] = {
	"invtsc", "type pci", "type mdev", "type scsi_host", "network device", "virtiofs", "not the master",
	"legacy model", "transient disk", "block job", "encrypted",
};

static char text[4096];

/* Both words; nothing when the second is empty. */
static void say(const char *what, const char *value)
{
	size_t used = strlen(text);

	if (*value)
		snprintf(text + used, sizeof(text) - used, "%s%s", what, value);
}

static void say_if(bool when, const char *word)
{
	say("", when ? word : "");
}

static void say_number(const char *what, int64_t value)
{
	char number[32];

	snprintf(number, sizeof(number), "%lld", (long long)value);
	say(what, number);
}

static void say_timer(const struct cf_timer *timer)
{
	say(" [", timer->name);
	if (timer->has_present)
		say(" ", timer->present ? "yes" : "no");
	if (timer->has_frequency) {
		say_number(" ", timer->frequency);
		say("", "Hz");
	}
	say(" ", timer->tickpolicy);
	say(" mode=", timer->mode);
	say(" track=", timer->track);
	say("", "]");
}

static void say_blocker(const char *blocker)
{
	for (size_t i = 0; i < CF_COUNT(marks); i++)
		if (strstr(blocker, marks[i])) {
			say(" !", marks[i]);
			return;
		}
	say(" !?", blocker);
}

static const char *meaning(const struct domain_xml *xml)
{
	const struct cf_guest_clock *guest = &xml->guest;

	text[0] = '\0';
	say("", guest->type);
	say(" ", guest->arch);
	say(" ", guest->machine);
	say_if(guest->kvmclock, " kvmclock");
	say_if(guest->has_vmclock && guest->vmclock, " vmclock");
	say(" clock=", guest->clock_offset);
	for (size_t i = 0; i < guest->n_timers; i++)
		say_timer(&guest->timers[i]);
	if (guest->has_counter_hz)
		say_number(" hz=", guest->counter_hz);
	say_if(guest->counter_promised, " promised");
	say_if(guest->agent_configured, guest->agent_connected ? " agent=connected" : " agent=configured");
	say(" binary=", xml->binary);
	say(" by=", xml->manager);
	if (xml->has_policy)
		say(" ", *xml->policy ? xml->policy : "policy?");
	for (size_t i = 0; i < xml->n_blockers; i++)
		say_blocker(xml->blockers[i]);
	say_if(xml->passthrough.preloads, " preloads");
	say("=", xml->passthrough.library);
	say_if(xml->passthrough.more, " more");
	return text;
}

static const struct {
	const char *sentence;
	const char *xml;
} bad[] = {
	{ "nothing", "" },
	{ "no XML", "hello hunter2" },
	{ "half an XML", "<domain type='kvm'><name>g</name><graphics passwd='hunter2'>" },
	{ "something else", "<capabilities>" NAMES "</capabilities>" },
	{ "no name", "<domain type='kvm'><uuid>9c334061-f95f-4ba0-9edf-0948a22a5eb8</uuid></domain>" },
	{ "no uuid", "<domain type='kvm'><name>g</name></domain>" },
	{ "an entity", "<!DOCTYPE domain [<!ENTITY e 'hunter2'>]><domain type='kvm'>" NAMES "</domain>" },
	{ "a file as an entity",
	  "<!DOCTYPE domain [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain><name>&e;</name></domain>" },
	{ "an entity that is not declared", "<domain><name>&hunter2;</name></domain>" },
	{ "an encoding that is none", "<?xml version='1.0' encoding='hunter2'?><domain/>" },
};

static void refused(const char *sentence, const char *xml)
{
	static struct domain_xml out, before;
	struct cf_error err = { 0 };
	int r;

	memset(&out, 0x5a, sizeof(out));
	memset(&before, 0x5a, sizeof(before));
	r = domain_xml_read(xml, 0, 0, &out, &err);
	ok(r < 0 && err.code == CF_HOST && err.text[0], "%s is refused, with a reason (%s)", sentence,
	   err.text);
	ok(!strstr(err.text, "hunter2"), "... which quotes nothing");
	ok(memcmp(&out, &before, sizeof(out)) == 0, "... and nothing is written");
}

/* n times `what`, between before and after; to be freed. */
static char *many(const char *before, const char *what, size_t n, const char *after)
{
	size_t size = strlen(what);
	char *all = malloc(strlen(before) + n * size + strlen(after) + 1);
	char *at = stpcpy(all, before);

	for (size_t i = 0; i < n; i++, at += size)
		memcpy(at, what, size);
	strcpy(at, after);
	return all;
}

static void test_sizes(void)
{
	static struct domain_xml xml;
	CF_AUTO(cf_free) char *timers = many("<domain type='kvm'>" NAMES "<clock offset='utc'>",
					     "<timer name='hpet' present='no'/>", 1000, "</clock></domain>");
	CF_AUTO(cf_free) char *disks = many("<domain type='kvm'>" NAMES "<devices>",
		"<disk><transient/></disk>", 1000,
					    "</devices></domain>");
	CF_AUTO(cf_free) char *deep = many("<domain type='kvm'>" NAMES, "<a>", 100000, "");
	CF_AUTO(cf_free) char *big = many("<domain type='kvm'>" NAMES "<metadata>",
		"<x y='zzzzzzzzzzzzzzzzzzzz'/>",
					  100000, "</metadata></domain>");
	CF_AUTO(cf_free) char *name = many("<domain type='kvm'><name>", "n", CF_NAME_ROOM,
					   "</name><uuid>9c334061</uuid></domain>");
	CF_AUTO(cf_free) char *track = many("<domain type='kvm'>" NAMES "<clock><timer name='rtc' track='",
		"n", 100,
					    "'/></clock></domain>");

	ok(domain_xml_read(timers, 0, 0, &xml, NULL) == 0 && xml.guest.n_timers == CF_TIMERS_MAX,
	   "of a thousand timers as many as there is room for");
	ok(domain_xml_read(disks, 0, 0, &xml, NULL) == 0 && xml.n_blockers == DOMAIN_BLOCKERS_MAX,
	   "of a thousand blockers as many as there is room for");
	ok(domain_xml_read(big, 0, 0, &xml, NULL) == 0, "megabytes of metadata are no obstacle");
	ok(domain_xml_read(track, 0, 0, &xml, NULL) == 0 && !xml.guest.timers[0].track[0],
	   "a word that is too long is none, not half of one");
	refused("too deep a nesting", deep);
	refused("too long a name", name);
}

#define DISK(type, more) "<disk type='" type "'><driver name='qemu' " more

static void test_disks(void)
{
	static struct domain_xml xml;
	CF_AUTO(cf_free) char *many_disks = many("<domain type='kvm'>" NAMES "<devices>", "<disk><target dev='vda'/></disk>", CF_DISKS_MAX + 1,
						 "</devices></domain>");
	static const char some[] = "<domain type='kvm'>" NAMES "<devices>"
		DISK("block", "cache='none'/><source dev='/dev/a'/><target dev='vda'/></disk>")
		DISK("block", "/><source dev='/dev/b'/><target dev='vdb'/></disk>")
		DISK("block", "cache='writeback'/><source dev='/dev/c'/><target dev='vdc'/><readonly/></disk>")
		DISK("block", "cache='writeback'/><source dev='/dev/d'/><target dev='vdd'/><shareable/></disk>")
		DISK("block", "/><target dev='sda'/></disk>")
		DISK("file", "/><source file='/e'/><target dev='vde'/></disk>")
		DISK("block", "cache='directsync'/><source dev='/dev/f'/><target dev='vdf'/></disk>")
		"</devices></domain>";

	ok(domain_xml_read(some, 0, 0, &xml, NULL) == 0 && xml.has_disks && xml.n_disks == 7 &&
	   strcmp(xml.disks[0].target, "vda") == 0 && strcmp(xml.disks[4].target, "sda") == 0, "all disks, by their targets");
	for (size_t i = 0; i < xml.n_disks; i++)
		ok(xml.disks[i].unsafe == (i == 1), "%s is %s", xml.disks[i].target,
		   i == 1 ? "certainly not to be shared" : "not known to be unsafe");
	ok(domain_xml_read(many_disks, 0, 0, &xml, NULL) == 0 && !xml.has_disks && xml.n_disks == CF_DISKS_MAX,
	   "more than there is room for are not all of them");
}

int main(void)
{
	static struct domain_xml xml;

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		struct cf_error err = { 0 };
		int r = domain_xml_read(cases[i].xml, cases[i].libvirt, cases[i].emulator, &xml, &err);
		bool good = r == 0 && strcmp(meaning(&xml), cases[i].meaning) == 0;

		ok(good, "%s", cases[i].sentence);
		if (!good)
			printf("# \"%s\", not \"%s\" %s\n", text, cases[i].meaning, err.text);
	}
	ok(strcmp(xml.name, "g") == 0 && strcmp(xml.uuid, "9c334061-f95f-4ba0-9edf-0948a22a5eb8") == 0 &&
	   strcmp(xml.guest.domain, "g") == 0 && strcmp(xml.guest.uuid, xml.uuid) == 0,
	   "name and uuid are those of the domain");

	for (size_t i = 0; i < CF_COUNT(bad); i++)
		refused(bad[i].sentence, bad[i].xml);
	test_sizes();
	test_disks();
	return done();
}
