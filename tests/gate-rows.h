/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rows of test-gate.c, included there once for what each does and once for
 * what it expects:
 *
 *	row(name, sentence, code, severity, how the scene is spoilt)
 *
 * Severity OFF: nothing at all is found.
 */
row(fine, "two good hosts and a good guest", UNKNOWN, OFF, (void)s)

/* a host's clock */
row(unsync, "a host that follows nothing", CLOCK_UNSYNCHRONISED, REFUSE, s->b.state = CF_CLOCK_UNSYNCHRONISED)
row(newer, "a clock state of a newer agent", CLOCK_UNSYNCHRONISED, REFUSE, s->a.state = CF_CLOCK_UNKNOWN)
row(no_report, "a host without a clock report", CLOCK_UNSYNCHRONISED, REFUSE, s->pair.source_report = NULL)
row(stratum, "a host below the other one's stratum limit", CLOCK_UNSYNCHRONISED, REFUSE,
    s->a.tracking.stratum = 5; s->b_limits.max_stratum = 4)
row(stratum_at, "... and one just at it", UNKNOWN, OFF,
    s->a.tracking.stratum = 4; s->b_limits.max_stratum = 4)
row(untrusted, "a host whose evidence contradicts itself", CLOCK_UNTRUSTED, REFUSE,
    s->a.state = CF_CLOCK_UNTRUSTED)
row(holdover, "a host that lost its source lately", CLOCK_HOLDOVER, WARN,
    s->b.state = CF_CLOCK_HOLDOVER; s->b.good_age.ns = 3600 * CF_S)
row(holdover_old, "... too long ago", CLOCK_HOLDOVER, REFUSE,
    s->b.state = CF_CLOCK_HOLDOVER; s->b.good_age.ns = 3600 * CF_S + 1)
row(holdover_strict, "... too long ago for the other host", CLOCK_HOLDOVER, REFUSE,
    s->b.state = CF_CLOCK_HOLDOVER; s->b.good_age.ns = 60 * CF_S; s->a_limits.holdover_max.ns = 59 * CF_S)
row(holdover_when, "... nobody knows when", CLOCK_HOLDOVER, REFUSE,
    s->b.state = CF_CLOCK_HOLDOVER; s->b.has_good_age = false)
row(bound, "an error bound above the limit", ERROR_BOUND, REFUSE, s->a.bound.ns = 100 * CF_MS + 1)
row(bound_at, "... just at it", UNKNOWN, OFF, s->a.bound.ns = 100 * CF_MS)
row(bound_strict, "... above the other host's limit", ERROR_BOUND, REFUSE,
    s->a.bound.ns = 3 * CF_MS; s->b_limits.max_error_bound.ns = 2 * CF_MS)
row(bound_none, "... unknown", ERROR_BOUND, REFUSE, s->b.has_bound = false)
row(bound_old, "... grown above it since the report", ERROR_BOUND, REFUSE,
    s->a.bound.ns = 100 * CF_MS - 100; s->pair.now.ns = NOW + CF_S)
row(bound_silent, "... grown by what the report does not say", ERROR_BOUND, REFUSE,
    s->b.bound.ns = 100 * CF_MS - 49 * CF_US; s->b.has_growth_ppm = false; s->b.at.ns = NOW - CF_S)
row(bound_ahead, "... grown by as much as the destination may be ahead", ERROR_BOUND, REFUSE,
    s->b.bound.ns = 99 * CF_MS; s->b.growth_ppm = 1e5; s->pair.host_offset.high.ns = 20 * CF_MS)
row(stepped, "a clock that was set", CLOCK_STEPPED, REFUSE, s->b.stepped = true)
row(kernel, "a kernel that was never told", KERNEL_UNSYNC, WARN, s->a.kernel_unsync = true)
row(kernel_held, "... of a host in holdover", KERNEL_UNSYNC, WARN,
    s->a.kernel_unsync = true; s->a.state = CF_CLOCK_HOLDOVER;
    set_severity(&s->a_limits, CF_FINDING_CLOCK_HOLDOVER, CF_SEVERITY_OFF);
    set_severity(&s->b_limits, CF_FINDING_CLOCK_HOLDOVER, CF_SEVERITY_OFF))
row(kernel_right, "... which is right if the host follows nothing", CLOCK_UNSYNCHRONISED, REFUSE,
    s->a.kernel_unsync = true; s->a.state = CF_CLOCK_UNSYNCHRONISED)
row(leap_in, "a leap second just as it may still land", LEAP_SECOND, REFUSE,
    s->a.has_leap = true; s->a.leap.at.ns = NOW + 61 * CF_S + CF_MS)
row(leap_far, "... just after", UNKNOWN, OFF,
    s->a.has_leap = true; s->a.leap.at.ns = NOW + 61 * CF_S + CF_MS + 1)
row(leap_just, "... a second ago, by the destination's clock", LEAP_SECOND, REFUSE,
    s->b.has_leap = true; s->b.growth_ppm = 0; s->b.leap.at.ns = NOW - CF_S)
row(leap_over, "... longer ago than its clock can be wrong", UNKNOWN, OFF,
    s->b.has_leap = true; s->b.growth_ppm = 0; s->b.leap.at.ns = NOW - CF_S - 1)
row(leap_lost, "... for a host that cannot tell how wrong it is", LEAP_SECOND, REFUSE,
    s->b.has_leap = true; s->b.has_bound = false; s->b.leap.at.ns = NOW + CF_DAY;
    set_severity(&s->a_limits, CF_FINDING_ERROR_BOUND, CF_SEVERITY_OFF);
    set_severity(&s->b_limits, CF_FINDING_ERROR_BOUND, CF_SEVERITY_OFF))

/* the pair */
row(skew, "a destination too far ahead", SKEW, REFUSE,
    s->a.bound.ns = s->b.bound.ns = 20 * CF_MS; s->pair.host_offset.high.ns = 25 * CF_MS + 1)
row(skew_at, "... just at the limit", UNKNOWN, OFF, s->pair.host_offset.high.ns = 25 * CF_MS)
row(skew_behind, "a destination too far behind", SKEW, REFUSE, s->pair.host_offset.low.ns = -25 * CF_MS - 1)
row(skew_strict, "... for the destination's own limit", SKEW, REFUSE, s->b_limits.max_skew.ns = CF_MS - 1)
row(no_offset, "an offset that nobody could measure", OFFSET_UNKNOWN, REFUSE, s->pair.has_host_offset = false)
row(lie, "two clocks further apart than both bounds", CLOCK_CONTRADICTION, REFUSE,
    s->pair.host_offset.low.ns = 2 * CF_MS + 100; s->pair.host_offset.high.ns = 3 * CF_MS)
row(lie_at, "... just as far", UNKNOWN, OFF,
    s->a.growth_ppm = s->b.growth_ppm = 0; s->pair.host_offset.low.ns = 2 * CF_MS;
    s->pair.host_offset.high.ns = 3 * CF_MS)
row(lie_unknown, "... where one knows no bound", ERROR_BOUND, REFUSE,
    s->b.has_bound = false; s->pair.host_offset.low.ns = s->pair.host_offset.high.ns = 20 * CF_MS)
row(lie_behind, "... the other way round", CLOCK_CONTRADICTION, REFUSE,
    s->pair.host_offset.high.ns = -2 * CF_MS - 1; s->pair.host_offset.low.ns = -3 * CF_MS)
row(tai, "kernels with two TAI offsets", TAI_DIFFERS, REFUSE, s->b.tai_s = 36)
row(tai_none, "a kernel with none", TAI_UNKNOWN, WARN, s->b.has_tai_s = false)
row(tai_zero, "... with 0, which is the same", TAI_UNKNOWN, WARN, s->a.tai_s = 0)
row(same, "one host and itself", SAME_HOST, REFUSE, s->pair.destination = "hA")

/* counters */
row(tsc, "counters 251 ppm apart", COUNTER_DIFFERS, WARN, s->b.counter_hz = 2400602400)
row(tsc_at, "... 250 ppm", UNKNOWN, OFF, s->b.counter_hz = 2400600150)
row(tsc_low, "... 251 ppm the other way", COUNTER_DIFFERS, WARN, s->b.counter_hz = 2399400149)
row(tsc_low_at, "... 250 ppm the other way", UNKNOWN, OFF, s->b.counter_hz = 2399400150)
row(tsc_scaled, "... at a destination that scales", UNKNOWN, OFF,
    s->b.counter_hz = 1000000000; s->b.counter_scaling = true)
row(tsc_maybe, "... at one that does not say", COUNTER_DIFFERS, WARN,
    s->b.counter_hz = 1000000000; s->b.has_counter_scaling = false)
row(tsc_back, "... from a source that scales, which helps nobody", COUNTER_DIFFERS, WARN,
    s->b.counter_hz = 1000000000; s->a.counter_scaling = true)
row(tsc_promised, "... for a guest that was promised its rate", COUNTER_DIFFERS, REFUSE,
    s->b.counter_hz = 1000000000; s->guest.counter_promised = true)
row(tsc_used, "... for a guest that tells time by it", COUNTER_DIFFERS, REFUSE,
    s->b.counter_hz = 1000000000; strcpy(s->guest.clocksource, "tsc"))
row(tsc_kvm, "... where the lever kvm is required", COUNTER_DIFFERS, REFUSE,
    s->b.counter_hz = 1000000000; s->b_limits.require_lever = s->guest.lever = CF_LEVER_KVM)
row(tsc_tcg, "... under TCG, where it is QEMU's own", UNKNOWN, OFF,
    s->b.counter_hz = 1000000000; strcpy(s->guest.type, "qemu"))
row(tsc_guest, "a guest scaled already, at a host of the source's rate", COUNTER_DIFFERS, WARN,
    s->guest.has_counter_hz = true; s->guest.counter_hz = 3000000000)
row(tsc_home, "... at a host of its own", UNKNOWN, OFF,
    s->guest.has_counter_hz = true; s->guest.counter_hz = s->b.counter_hz = 3000000000)
row(tsc_guest_zero, "... that says 0 is one that says nothing", UNKNOWN, OFF, s->guest.has_counter_hz = true)
row(tsc_guest_none, "... whose rate was not measured", UNKNOWN, OFF, s->guest.counter_hz = 3000000000)
row(cntfrq, "CNTFRQ off by one hertz", COUNTER_DIFFERS, REFUSE,
    s->a.counter = s->b.counter = CF_COUNTER_CNTVCT; s->b.counter_hz++; s->b.counter_scaling = true)
row(cntfrq_same, "... equal", UNKNOWN, OFF, s->a.counter = s->b.counter = CF_COUNTER_CNTVCT)
row(kinds, "counters of two kinds", COUNTER_DIFFERS, WARN, s->b.counter = CF_COUNTER_CNTVCT)
row(counter_none, "a host that does not tell its rate", COUNTER_UNKNOWN, WARN, s->a.has_counter_hz = false)
row(counter_zero, "... or says 0", COUNTER_UNKNOWN, WARN, s->b.counter_hz = 0)

/* the domain */
row(who, "a domain nobody knows", DOMAIN_UNKNOWN, REFUSE, s->domain.known = false)
row(paused, "a paused domain", DOMAIN_NOT_RUNNING, REFUSE, s->domain.state = CF_DOMAIN_PAUSED)
row(off, "one that is shut off", DOMAIN_NOT_RUNNING, REFUSE,
    s->domain.state = CF_DOMAIN_SHUTOFF; s->domain.guest = NULL)
row(job, "one with a job", DOMAIN_MIGRATING, REFUSE, s->domain.job_active = true)
row(nova, "one of another manager", MANAGED_ELSEWHERE, REFUSE, strcpy(s->domain.manager, "nova"))
row(blocked, "one with a passed-through device", DOMAIN_NOT_MIGRATABLE, REFUSE,
    strcpy(s->domain.blockers[s->domain.n_blockers++], "hostdev 0000:01:00.0"))
row(past, "one that QEMU would start with what its destination takes from nobody", DOMAIN_NOT_MIGRATABLE, REFUSE,
    s->pair.passthrough_denied = true)
row(rtc, "an RTC on the guest's clock", RTC_CLOCK, WARN,
    s->guest.n_timers = 2; strcpy(s->guest.timers[1].name, "rtc"); strcpy(s->guest.timers[1].track, "guest"))
row(rtc_wall, "... on the wall clock", UNKNOWN, OFF,
    s->guest.n_timers = 1; strcpy(s->guest.timers[0].name, "rtc"); strcpy(s->guest.timers[0].track, "wall"))
row(lever, "a required lever that is not there", LEVER_MISSING, REFUSE,
    s->b_limits.require_lever = CF_LEVER_KVM)
row(lever_none, "... no lever at all", LEVER_MISSING, REFUSE,
    s->a_limits.require_lever = CF_LEVER_GUEST_AGENT; s->guest.lever = CF_LEVER_NONE)
row(lever_same, "... just that one", UNKNOWN, OFF, s->a_limits.require_lever = CF_LEVER_GUEST_AGENT)
row(lever_newer, "... one of a newer version", LEVER_MISSING, REFUSE,
    s->b_limits.require_lever = CF_LEVER_UNKNOWN; s->guest.lever = CF_LEVER_KVM)
row(lever_there, "the lever kvm, where only the source has it", KVM_UNUSABLE, WARN,
    s->guest.lever = CF_LEVER_KVM; s->pair.destination_kvm.handed_on = false)
row(lever_there_required, "... required", LEVER_MISSING, REFUSE,
    s->b_limits.require_lever = s->guest.lever = CF_LEVER_KVM; s->pair.destination_kvm.handed_on = false;
    set_severity(&s->a_limits, CF_FINDING_KVM_UNUSABLE, CF_SEVERITY_OFF);
    set_severity(&s->b_limits, CF_FINDING_KVM_UNUSABLE, CF_SEVERITY_OFF))
row(lever_old, "... to an agent that says nothing of it", KVM_UNUSABLE, WARN,
    s->guest.lever = CF_LEVER_KVM; s->pair.has_destination_kvm = false)
row(lever_kvm, "the lever kvm on both", UNKNOWN, OFF, s->b_limits.require_lever = s->guest.lever = CF_LEVER_KVM)
row(channel, "a guest agent that is not connected", GUEST_AGENT_SILENT, WARN,
    s->guest.agent_connected = false)
row(unread, "a guest whose clock cannot be read", GUEST_CLOCK_UNKNOWN, WARN,
    s->guest.agent_configured = s->guest.has_guest_offset = false)
row(self, "a QEMU that corrects by itself", SELF_CORRECTING, WARN, s->guest.self_correcting = true)
row(blackout, "a blackout that will be too long", BLACKOUT_PREDICTED, REFUSE,
    s->domain.predicted_blackout.ns = CF_S + 1)
row(blackout_at, "... just as long as allowed", UNKNOWN, OFF, s->domain.predicted_blackout.ns = CF_S)
row(blackout_none, "one that cannot be predicted", UNKNOWN, OFF, s->domain.has_predicted_blackout = false)
row(blackout_asked, "... where policy wants it predicted", BLACKOUT_NOT_PREDICTED, REFUSE,
    s->domain.has_predicted_blackout = false;
    set_severity(&s->b_limits, CF_FINDING_BLACKOUT_NOT_PREDICTED, CF_SEVERITY_REFUSE))
row(rolled_back, "a guest whose last attempt was rolled back", ROLLED_BACK_RECENTLY, WARN,
    strcpy(s->domain.rolled_back, "the blackout would have become too long"))

/* how it is to be carried */
row(options, "options that go together", UNKNOWN, OFF,
    s->options = ((struct cf_options){ .tls = true, .tls_name = "hB", .parallel = 4, .bandwidth_mib_per_second = 100,
	.auto_converge = true, .auto_converge_initial_percent = 20, .auto_converge_increment_percent = 10,
	.compression = CF_COMPRESSION_ZSTD, .storage = CF_STORAGE_COPY, .n_disks = 1, .disks = { "vda" }, .unsafe = true }))
row(options_none, "no word of options", UNKNOWN, OFF,
    s->options.post_copy = true; s->domain.options = NULL)
row(post_copy, "post-copy", POST_COPY, REFUSE, s->options.post_copy = true)
row(post_copy_warned, "... where both policies only warn", POST_COPY, WARN, s->options.post_copy = true;
    set_severity(&s->a_limits, CF_FINDING_POST_COPY, CF_SEVERITY_WARN);
    set_severity(&s->b_limits, CF_FINDING_POST_COPY, CF_SEVERITY_WARN))
row(post_copy_parallel, "... over parallel connections", OPTIONS_UNUSABLE, REFUSE,
    s->options.post_copy = true; s->options.parallel = 1;
    set_severity(&s->a_limits, CF_FINDING_POST_COPY, CF_SEVERITY_OFF);
    set_severity(&s->b_limits, CF_FINDING_POST_COPY, CF_SEVERITY_OFF))
row(newer_compression, "a compression of a newer version", OPTIONS_UNUSABLE, REFUSE,
    s->options.compression = CF_COMPRESSION_UNKNOWN)
row(newer_storage, "storage of a newer version", OPTIONS_UNUSABLE, REFUSE, s->options.storage = CF_STORAGE_UNKNOWN)
row(xbzrle, "xbzrle", UNKNOWN, OFF, s->options.compression = CF_COMPRESSION_XBZRLE)
row(xbzrle_parallel, "... on parallel connections", OPTIONS_UNUSABLE, REFUSE,
    s->options.compression = CF_COMPRESSION_XBZRLE; s->options.parallel = 2)
row(mt_parallel, "mt on parallel connections", OPTIONS_UNUSABLE, REFUSE,
    s->options.compression = CF_COMPRESSION_MT; s->options.parallel = 2)
row(zlib, "zlib on a single connection", OPTIONS_UNUSABLE, REFUSE, s->options.compression = CF_COMPRESSION_ZLIB)
row(zlib_libvirt, "zlib where libvirt knows it", UNKNOWN, OFF,
    s->options.compression = CF_COMPRESSION_ZLIB; s->options.parallel = 2;
    strcpy(s->pair.source_software.libvirt, "9.4.0"); strcpy(s->pair.destination_software.libvirt, "11.3.0"))
row(zlib_old, "... where one does not", OPTIONS_UNUSABLE, REFUSE,
    s->options.compression = CF_COMPRESSION_ZLIB; s->options.parallel = 2;
    strcpy(s->pair.source_software.libvirt, "9.4.0"); strcpy(s->pair.destination_software.libvirt, "9.3.9"))
row(mt, "mt where QEMU knows it", UNKNOWN, OFF, s->options.compression = CF_COMPRESSION_MT;
    strcpy(s->pair.source_software.emulator, "QEMU 9.0.4"))
row(mt_gone, "... where one does not any more", OPTIONS_UNUSABLE, REFUSE,
    s->options.compression = CF_COMPRESSION_MT; strcpy(s->pair.source_software.emulator, "QEMU 9.1.0"))
row(initial, "an initial throttle of what is not throttled", OPTIONS_UNUSABLE, REFUSE,
    s->options.auto_converge_initial_percent = 20)
row(increment, "... and an increment", OPTIONS_UNUSABLE, REFUSE, s->options.auto_converge_increment_percent = 20)
row(tls_name, "a name for TLS without TLS", OPTIONS_UNUSABLE, REFUSE, strcpy(s->options.tls_name, "hB"))
row(disks, "disks of storage that is shared", OPTIONS_UNUSABLE, REFUSE, s->options.n_disks = 1)
row(disk, "a disk that is to be copied", UNKNOWN, OFF, two_disks(s);
    s->options.storage = CF_STORAGE_COPY; s->options.n_disks = 1; strcpy(s->options.disks[0], "vdb"))
row(disk_missing, "... that there is none of", OPTIONS_UNUSABLE, REFUSE, two_disks(s);
    s->options.storage = CF_STORAGE_COPY; s->options.n_disks = 1; strcpy(s->options.disks[0], "vdc"))
row(disk_unknown, "... of a domain whose disks are not known", UNKNOWN, OFF,
    s->options.storage = CF_STORAGE_COPY; s->options.n_disks = 1; strcpy(s->options.disks[0], "vdc"))
row(disk_shared, "a disk that is not safe to share", OPTIONS_UNUSABLE, REFUSE,
    two_disks(s); s->domain.disks[1].unsafe = true)
row(disk_all, "... and is copied with all the others", UNKNOWN, OFF,
    two_disks(s); s->domain.disks[1].unsafe = true; s->options.storage = CF_STORAGE_COPY)
row(disk_not, "... and is not the one that is copied", OPTIONS_UNUSABLE, REFUSE,
    two_disks(s); s->domain.disks[1].unsafe = true; s->options.storage = CF_STORAGE_COPY; s->options.n_disks = 1;
    strcpy(s->options.disks[0], "vda"))
row(disk_anyway, "... and somebody takes that upon himself", UNKNOWN, OFF,
    two_disks(s); s->domain.disks[1].unsafe = s->options.unsafe = true)
row(xml, "XML that is none", OPTIONS_UNUSABLE, REFUSE, strcpy(s->domain.xml_fault, "not well-formed"))

/* what policies make of it */
row(warned, "a skew that both policies only warn of", SKEW, WARN,
    s->pair.host_offset.low.ns = -CF_S; set_severity(&s->a_limits, CF_FINDING_SKEW, CF_SEVERITY_WARN);
    set_severity(&s->b_limits, CF_FINDING_SKEW, CF_SEVERITY_OFF))
row(half_off, "... that one policy does not care for", SKEW, REFUSE,
    s->pair.host_offset.low.ns = -CF_S; set_severity(&s->a_limits, CF_FINDING_SKEW, CF_SEVERITY_OFF))
row(ignored, "... that neither cares for", UNKNOWN, OFF,
    s->pair.host_offset.low.ns = -CF_S; set_severity(&s->a_limits, CF_FINDING_SKEW, CF_SEVERITY_OFF);
    set_severity(&s->b_limits, CF_FINDING_SKEW, CF_SEVERITY_OFF))
row(dropped, "an old holdover that neither cares for", UNKNOWN, OFF,
    s->b.state = CF_CLOCK_HOLDOVER; s->b.has_good_age = false;
    set_severity(&s->a_limits, CF_FINDING_CLOCK_HOLDOVER, CF_SEVERITY_OFF);
    set_severity(&s->b_limits, CF_FINDING_CLOCK_HOLDOVER, CF_SEVERITY_OFF))
row(tomorrow, "a severity of a newer version is the usual one", SKEW, REFUSE,
    s->pair.host_offset.low.ns = -CF_S; set_severity(&s->b_limits, CF_FINDING_SKEW, CF_SEVERITY_UNKNOWN))
