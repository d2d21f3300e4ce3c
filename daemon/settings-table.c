/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings-table.h"

/* In the order of enum cf_via. */
static const char *const via_words[CF_N_VIAS] = { "auto", "socket", "ipv4", "ipv6" };

static const char *const switch_words[] = { "no", "yes" };
static const char *const closed_words[] = { "open", "closed" };

#define ROW(name, k, T, m, default_, ...)                                                               \
	{                                                                                               \
		.key = (name), .kind = (k), .offset = offsetof(T, m), .size = sizeof(CF_MEMBER(T, m)),  \
		.otherwise = (default_), __VA_ARGS__                                                    \
	}
#define TEXT(name, k, m, default_, ...)	ROW(name, k, S, m, default_, __VA_ARGS__)
#define INT(name, m, default_, lo, hi, ...) \
	ROW(name, SETTING_INT, S, m, default_, .min = (lo), .max = CF_IS(S, m, int64_t) * (hi), __VA_ARGS__)
#define SPAN(name, m, default_, lo, hi, ...) \
	ROW(name, SETTING_SPAN, S, m, default_, .min = (lo), .max = CF_IS(S, m, cf_span) * (hi), __VA_ARGS__)
#define SWITCH(name, m, default_, ...) EITHER(name, m, default_, switch_words, __VA_ARGS__)
#define EITHER(name, m, default_, w, ...) \
	ROW(name, SETTING_SWITCH, S, m, default_, .words = (w), .max = CF_IS(S, m, bool), __VA_ARGS__)
#define WORD(name, m, default_, w, first, n, ...) \
	ROW(name, SETTING_WORD, S, m, default_, .words = (w), .min = (first), .max = (n) - 1, __VA_ARGS__)
#define LIST(name, k, ...) { .key = (name), .kind = (k), __VA_ARGS__ }
#define FINDINGS(name, severity, ...) \
	{ .key = (name), .kind = SETTING_FINDINGS, .offset = offsetof(S, limits), .what = (severity), __VA_ARGS__ }

#define NOT_EMPTY .what = 1
#define AT_START .at_start = true
#define MEANS(text) .meaning = (text)

#define MIN_	(60 * CF_S)
#define HOUR	(60 * MIN_)

#define S struct settings

static const struct setting top[] = {
	TEXT("host", SETTING_HOST, host, "",
		MEANS("What this host is called among its peers, as in its certificate. \"\" is what "
		      "gethostname(2) says.")),
	LIST("listen", SETTING_LISTEN,
		MEANS("IP addresses on which peers and remote operators are served. None: every address.")),
	INT("port", port, "9437", 1, 65535,
		MEANS("TCP port there.")),
	TEXT("use-policy", SETTING_POLICY, use_policy, "default", NOT_EMPTY,
		MEANS("The policy that applies to domains which choose none by their metadata.")),
	SWITCH("accept-override", accept_override, "yes",
		MEANS("Whether findings refuse nothing on this host either when an administrator at the "
		      "source of a migration has overridden them. The source vouches for the person, and "
		      "the receipts on both hosts say who it was and why.")),
	SPAN("stop-slack", stop_slack, "3 ms", 0, CF_S,
		MEANS("How much earlier than QEMU's STOP event a guest may have stopped. An assumption: it "
		      "widens every blackout, and receipts show it.")),
	SPAN("stop-wait", stop_wait, "30 s", 0, 100 * CF_S,
		MEANS("How long a migration that is copying may go on when the agent is told to stop; then "
		      "it is aborted. The unit's TimeoutStopSec has to be longer.")),
	SPAN("lease", lease, "30 s", 5 * CF_S, 10 * MIN_,
		MEANS("How long this host keeps room for an incoming guest without hearing from its source.")),
	INT("outgoing", outgoing, "2", 0, 50,
		MEANS("How many guests may be on their way from this host at once. More wait for their turn: "
		      "the higher priority first, and of the same the one that was asked for first.")),
	INT("incoming", incoming, "2", 0, 50,
		MEANS("How many may be on their way to it. Whoever asks for more waits for its turn at its source.")),
	INT("queued", queued, "100", 0, 1000,
		MEANS("How many migrations may wait for their turn to leave.")),
	SPAN("queue-wait", queue_wait, "12 h", 0, 7 * CF_DAY,
		MEANS("How long one may wait before it is aborted, unless its request says otherwise.")),
};

static const struct setting tls[] = {
	TEXT("ca", SETTING_PATH, tls.ca, SYSCONFDIR "/clockferry/pki/ca.pem", NOT_EMPTY,
		MEANS("Certificates of those who may vouch for a peer or an operator, PEM.")),
	TEXT("crl", SETTING_PATH, tls.crl, "",
		MEANS("Certificates they have revoked, PEM. \"\": none.")),
	TEXT("cert", SETTING_PATH, tls.cert, SYSCONFDIR "/clockferry/pki/cert.pem", NOT_EMPTY,
		MEANS("This host's certificate, with those between it and the CA, PEM. Until it exists the "
		      "agent does not listen.")),
	TEXT("key", SETTING_PATH, tls.key, SYSCONFDIR "/clockferry/pki/key.pem", NOT_EMPTY,
		MEANS("Its key, PEM. Readable for the agent's user only.")),
};

static const struct setting access_rows[] = {
	LIST("peer", SETTING_RULES, .what = CF_ROLE_PEER,
		MEANS("Other hosts' agents. Each name in a host's certificate that fits here by dns or cn is a name "
		      "of that host, up to eight of them.")),
	LIST("viewer", SETTING_RULES, .what = CF_ROLE_VIEWER,
		MEANS("May look at everything and change nothing.")),
	LIST("operator", SETTING_RULES, .what = CF_ROLE_OPERATOR,
		MEANS("May also migrate and abort.")),
	LIST("admin", SETTING_RULES, .what = CF_ROLE_ADMIN,
		MEANS("May do everything.")),
};

static const struct setting chrony[] = {
	WORD("via", chrony.via, "auto", via_words, 0, CF_N_VIAS,
		MEANS("How chronyd is asked. auto: its socket, then 127.0.0.1, then ::1, each on port 323, "
		      "until one answers.")),
	TEXT("socket", SETTING_PATH, chrony.socket, "/run/chrony/chronyd.sock", NOT_EMPTY,
		MEANS("Its socket.")),
	SPAN("interval", chrony.interval, "1 s", 100 * CF_MS, MIN_,
		MEANS("How often it is asked.")),
	SPAN("timeout", chrony.timeout, "500 ms", 10 * CF_MS, 10 * CF_S,
		MEANS("How long one answer may take.")),
};

static const struct setting libvirt[] = {
	TEXT("uri", SETTING_TEXT, libvirt.uri, "qemu:///system", NOT_EMPTY, AT_START,
		MEANS("This host's libvirt. Taken over when the agent starts.")),
	WORD("driver", libvirt.driver, "auto", cf_driver_words, CF_DRIVER_AUTO, CF_N_DRIVERS,
		MEANS("Who lets a guest run at its destination. auto: the two agents do, each with its own libvirtd, "
		      "where both can; that holds the blackout to its limit. libvirt: libvirt does by itself, "
		      "peer to peer.")),
	TEXT("destination-uri", SETTING_TEMPLATE, libvirt.destination_uri, "qemu+tls://%s/system", NOT_EMPTY,
		MEANS("The destination's libvirt, as this host's reaches it; %s is the destination's "
		      "address.")),
	TEXT("migrate-uri", SETTING_TEMPLATE, libvirt.migrate_uri, "",
		MEANS("Where QEMU sends a guest's memory, as in \"tcp://%s\". \"\": libvirt chooses.")),
	SWITCH("accept-passthrough", libvirt.accept_passthrough, "no",
		MEANS("Whether this host's agent lets in domains whose XML has something for QEMU's command line "
		      "(<qemu:commandline>, <qemu:override>). Who may do that can have any program loaded into a "
		      "QEMU here, and that is every peer. This host's own libclockferry-kvm.so in <qemu:env> is let in "
		      "anyway.")),
	SWITCH("tls", libvirt.options.tls, "no",
		MEANS("Encrypt what QEMU sends. Both hosts' QEMU need certificates for that. This and what "
		      "follows holds unless a request says otherwise.")),
	INT("parallel", libvirt.options.parallel, "0", 0, 255,
		MEANS("Connections by which memory is sent. 0: one, in the old way.")),
	INT("bandwidth", libvirt.options.bandwidth_mib_per_second, "0 MiB/s", 0, 1 << 20, .unit = "MiB/s",
		MEANS("What a migration may take of the network. 0: all it gets.")),
	SWITCH("auto-converge", libvirt.options.auto_converge, "no",
		MEANS("Slow a guest down that writes its memory faster than it can be sent.")),
	INT("auto-converge-initial", libvirt.options.auto_converge_initial_percent, "0 %", 0, 99, .unit = "%",
		MEANS("How much of its time such a guest loses at first. 0: as QEMU has it.")),
	INT("auto-converge-increment", libvirt.options.auto_converge_increment_percent, "0 %", 0, 99, .unit = "%",
		MEANS("How much more it loses each time that was not enough. 0: as QEMU has it.")),
	WORD("compression", libvirt.options.compression, "none", cf_compression_words, CF_COMPRESSION_NONE,
		CF_N_COMPRESSIONS,
		MEANS("How memory is compressed: zlib and zstd on parallel connections, the others on a "
		      "single one.")),
	WORD("storage", libvirt.options.storage, "shared", cf_storage_words, CF_STORAGE_SHARED, CF_N_STORAGES,
		MEANS("Whether both hosts see the same disks, or they are copied too: whole, or what lies "
		      "above a backing file that the destination has.")),
	SWITCH("unsafe", libvirt.options.unsafe, "no",
		MEANS("Migrate even where libvirt does not see that shared disks are safe to share, as on a "
		      "cluster file system it does not know.")),
};

static const struct setting copy[] = {
	SPAN("max-downtime", copy.max_downtime, "0 s", 0, MIN_,
		MEANS("The blackout that QEMU is to aim at first. It is raised when the passes through the memory get no "
		      "shorter, up to what max-blackout leaves for it. 0: 10 ms, and 300 ms for a guest that runs "
		      "without KVM: QEMU can lose what such a one writes while a pass begins, so that there should be few.")),
	SPAN("heartbeat", copy.heartbeat, "0 s", 0, MIN_, .least = 50 * CF_MS,
		MEANS("How often libvirtd has to be heard of while a guest's memory is copied. Else the copy is cut, "
		      "and the guest goes on here: nobody would see it stop. 0: a quarter of max-blackout, and at "
		      "least 100 ms.")),
	SPAN("peer-silence", copy.peer_silence, "2 s", CF_S, MIN_,
		MEANS("How long a source may be silent until its destination drops the guest it was to run; and "
		      "from the moment the guest stands still no longer than max-blackout.")),
	SPAN("no-progress", copy.no_progress, "30 s", CF_S, HOUR,
		MEANS("How long a copy may last in which nothing moves; then it is aborted.")),
	SPAN("converge", copy.converge, "10 min", CF_S, CF_DAY,
		MEANS("How long one may go on of which no pass through the memory has clearly less to send than those "
		      "before it; then it is aborted. With auto-converge the guest is slowed down first, and "
		      "each step of that has this time.")),
};

static const struct setting probe[] = {
	INT("rounds", probe.rounds, "16", 1, 128,
		MEANS("Rounds of four timestamps in one measurement of the offset between two hosts.")),
	SPAN("interval", probe.interval, "10 s", CF_S, HOUR,
		MEANS("How often every known peer is measured.")),
	SPAN("timeout", probe.timeout, "2 s", 10 * CF_MS, MIN_,
		MEANS("How long one round may take.")),
	INT("raw-drift", probe.raw_drift_ppm, "500 ppm", 1, 5000, .unit = "ppm",
		MEANS("How fast the CLOCK_MONOTONIC_RAW of two hosts can drift apart: by so much an offset "
		      "widens as it ages.")),
};

static const struct setting guest[] = {
	INT("rounds", guest.rounds, "8", 1, 64,
		MEANS("Readings of a guest's clock in one measurement.")),
	SPAN("timeout", guest.timeout, "5 s", 100 * CF_MS, MIN_,
		MEANS("How long its guest agent may take for one answer.")),
	SPAN("interval", guest.interval, "10 s", CF_S, 10 * MIN_,
		MEANS("How often it is measured while its memory is copied.")),
	SPAN("correct-within", guest.correct_within, "5 s", 0, 10 * MIN_,
		MEANS("How long after its landing it may still be stepped. Later a step would fight the "
		      "guest's own NTP client: the error is only reported.")),
	TEXT("notice-path", SETTING_PATH, guest.notice_path, "/run/clockferry-notice", NOT_EMPTY,
		MEANS("The file in the guest, or the program, by which it is told of a migration where policy's `notice` "
		      "says so.")),
};

static const struct setting guard[] = {
	WORD("mode", guard.mode, "enforce", cf_guard_mode_words, CF_GUARD_OFF, CF_N_GUARD_MODES,
		MEANS("enforce: a domain that another manager moves comes in only if this host's clock is "
		      "good and the gate to one of its peers is open, or if this host knows no peers. "
		      "observe: it comes in, and the log says why it should not have. off: nothing is judged.")),
	EITHER("without-agent", guard.closed, "open", closed_words,
		MEANS("What the hook does when the agent does not answer; closed counts with mode = enforce alone.")),
	SWITCH("measure", guard.measure, "yes",
		MEANS("Whether a migration that another manager drives is measured, its guest's clock made right as "
		      "policy says, and a receipt written, on this host.")),
	SPAN("deadline", guard.deadline, "1 s", 100 * CF_MS, MIN_,
		MEANS("How long the hook waits for the answer, all in all.")),
};

static const struct setting ledger[] = {
	TEXT("path", SETTING_PATH, ledger.path, LOCALSTATEDIR "/lib/clockferry/ledger.db", NOT_EMPTY, AT_START,
		MEANS("Its file, on a disk that is still there after a power cut. Another one takes a restart.")),
	SPAN("keep-for", ledger.keep_for, "90 d", CF_DAY, 36500 * CF_DAY,
		MEANS("How long a migration that has ended is kept.")),
	INT("keep-count", ledger.keep_count, "10000", 10, 10000000,
		MEANS("How many of them, at most.")),
};

#undef S

#define S struct settings_policy
static const struct setting policy[] = {
	TEXT("description", SETTING_TEXT, description, "",
		MEANS("What the policy is for, in a sentence.")),
	WORD("mode", limits.mode, "enforce", cf_policy_mode_words, CF_ENFORCE, CF_N_POLICY_MODES,
		MEANS("observe: nothing is refused, but for what cannot be done at all; checks and receipts "
		      "say what would have been. Where one of two hosts enforces, both do.")),
	SPAN("max-error-bound", limits.max_error_bound, "100 ms", CF_US, CF_DAY,
		MEANS("How far either host's clock may be from UTC, at worst.")),
	SPAN("max-skew", limits.max_skew, "25 ms", CF_US, CF_DAY,
		MEANS("How much the two hosts' clocks may disagree, at worst.")),
	SPAN("max-blackout", limits.max_blackout, "1 s", CF_US, CF_DAY,
		MEANS("How long the guest may stand still.")),
	SPAN("max-residual", limits.max_residual, "20 ms", CF_US, CF_DAY,
		MEANS("How far its clock may be off after correction.")),
	SPAN("gate-grace", limits.gate_grace, "30 s", 0, CF_DAY,
		MEANS("How long the gate may stay closed during the copy before the migration is aborted.")),
	SPAN("holdover-max", limits.holdover_max, "5 min", 0, 7 * CF_DAY,
		MEANS("How long a host may run on without its time source.")),
	INT("max-stratum", limits.max_stratum, "9", 1, 15,
		MEANS("How far from a reference clock a host may be. A `local` reference of chronyd is 10 "
		      "unless told otherwise.")),
	WORD("require-lever", limits.require_lever, "none", cf_lever_words, CF_LEVER_NONE, CF_N_LEVERS,
		MEANS("The lever without which no guest is migrated.")),
	WORD("correction", limits.correction, "step-forward", cf_correction_words, CF_CORRECTION_STEP_FORWARD,
		CF_N_CORRECTIONS,
		MEANS("What may be done to a guest's clock: step it forward only, either way, or only "
		      "report its error.")),
	SPAN("correction-floor", limits.correction_floor, "2 ms", 0, CF_S,
		MEANS("A lag below it is left alone.")),
	SPAN("verify-until", limits.aftercare.verify_until, "10 s", CF_S, MIN_,
		MEANS("How long after its landing a guest's clock is read: after 1 s, after 10 s and after a minute, as "
		      "far as that. The more time is between them the more exactly they tell by how much its "
		      "frequency has changed. Of two hosts the longer one.")),
	SWITCH("correct-again", limits.aftercare.correct_again, "no",
		MEANS("yes: what is found then is corrected, too, as far as `correction` allows. For guests whose "
		      "clock nobody else keeps, no NTP client and no such service: it would fight that. Both hosts "
		      "have to say so.")),
	WORD("notice", limits.aftercare.notice, "none", cf_notice_words, CF_NOTICE_NONE, CF_N_NOTICES,
		MEANS("How a guest is told that its clock's error bound was void, and what it is now, through its guest "
		      "agent: by a file, or by a program of its own that is run; where that is, `notice-path` of "
		      "guest says. libvirt calls such a domain tainted (custom-ga-command). Of two hosts the one "
		      "that does less.")),
	FINDINGS("refuse", CF_SEVERITY_REFUSE,
		MEANS("Findings that refuse a migration, beyond those that do so anyway.")),
	FINDINGS("warn", CF_SEVERITY_WARN,
		MEANS("Findings that are shown, and refuse nothing.")),
	FINDINGS("off", CF_SEVERITY_OFF,
		MEANS("Findings that are not even shown.")),
};
#undef S

#define S struct settings_peer
static const struct setting peer[] = {
	TEXT("address", SETTING_ADDRESS, address, "",
		MEANS("IP address or DNS name. \"\": the peer's name itself.")),
	INT("port", port, "9437", 1, 65535,
		MEANS("TCP port.")),
};
#undef S

#define ROWS(table) .rows = (table), .n_rows = CF_COUNT(table)

const struct setting_group setting_groups[SETTING_GROUPS] = {
	{ NULL, NULL, GROUP_ONE, ROWS(top), "The agent." },
	{ "tls", NULL, GROUP_ONE, ROWS(tls), "Certificates." },
	{ "access", NULL, GROUP_ONE, ROWS(access_rows),
		"Which certificates may do what: patterns \"dns:...\", \"uri:...\" (of the subject "
		"alternative names) or \"cn:...\". A dns pattern may begin with \"*.\", which stands for "
		"one label. Who fits none gets nothing. There may be 1088 patterns in all." },
	{ "peer", "hB", GROUP_PEERS, ROWS(peer),
		"A known peer, by the name in its certificate: it is measured in the background, and what "
		"`clockferry check` looks at when no destination is named." },
	{ "chrony", NULL, GROUP_ONE, ROWS(chrony), "This host's chronyd." },
	{ "libvirt", NULL, GROUP_ONE, ROWS(libvirt), "This host's libvirt, and how it reaches another's." },
	{ "copy", NULL, GROUP_ONE, ROWS(copy),
		"While a guest's memory is copied." },
	{ "probe", NULL, GROUP_ONE, ROWS(probe), "Measuring the offset between two hosts." },
	{ "guest", NULL, GROUP_ONE, ROWS(guest), "Measuring and correcting a guest's clock." },
	{ "guard", NULL, GROUP_ONE, ROWS(guard),
		"Migrations that others drive. What comes to this host is judged where `clockferry hook "
		"install` was called, by the limits of use-policy." },
	{ "ledger", NULL, GROUP_ONE, ROWS(ledger),
		"What this host's agent remembers of its migrations, and how long." },
	{ "policy", "default", GROUP_POLICIES, ROWS(policy),
		"What this host allows, under a name. A domain chooses by its metadata, else use-policy "
		"does; a request may name another one besides, and of the limits of all of them, on both "
		"hosts, the strictest applies. `clockferry policy` shows those that ship: what a policy of "
		"the same name does not say stays as it ships, any other begins as default does that "
		"ships. Findings are named as `clockferry explain` and clockferryd.conf(5) list them." },
};

const struct shipped_policy shipped_policies[SHIPPED_POLICIES] = {
	{ "default", {
		{ "description", "Hosts that follow NTP servers of their own site." } } },
	{ "strict", {
		{ "description", "Guests that cannot stand a clock which is off by a millisecond." },
		{ "max-error-bound", "1 ms" },
		{ "max-skew", "500 us" },
		{ "max-blackout", "100 ms" },
		{ "max-residual", "1 ms" },
		{ "gate-grace", "5 s" },
		{ "require-lever", "kvm" } } },
	{ "relaxed", {
		{ "description", "Guests that set their clocks right by themselves." },
		{ "max-error-bound", "500 ms" },
		{ "max-skew", "250 ms" },
		{ "max-blackout", "5 s" },
		{ "max-residual", "100 ms" },
		{ "gate-grace", "5 min" },
		{ "correction", "report" } } },
	{ "emergency", {
		{ "description", "The night in which NTP is dead: guests have to move all the same." },
		{ "holdover-max", "7 d" },
		{ "warn", "clock-unsynchronised" },
		{ "warn", "error-bound" },
		{ "warn", "skew" } } },
};
