/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The agent's side of what it shares with libclockferry-kvm.so inside a QEMU
 * (proto/kvm.h says how it is used).
 *
 * Whatever is in there may have been written by a guest that broke out into its
 * QEMU.  So it is copied first and the copy is looked at, the memory cannot be
 * taken away from under us (its seals say so), and no descriptor taken from there
 * is waited for before it is known what it is.  What passes all that is still no
 * more than that domain's own word.
 *
 * Needs CAP_SYS_PTRACE where QEMU runs as another user.  One thread at a time per page.
 */

#include <sys/types.h>

#include "proto/base.h"
#include "proto/error.h"
#include "proto/kvm.h"

struct kvm_page;

/*
 * The page of a process, below `proc` ("/proc").  -ENOENT: the library is not in
 * it, or has not seen a vCPU yet; -EPROTO: it is not what it should be;
 * -EPROTONOSUPPORT: of a younger library than this agent knows.
 */
int kvm_page_open(const char *proc, pid_t pid, struct kvm_page **ret, struct cf_error *err);
void kvm_page_free(struct kvm_page *page);
CF_DEFINE_AUTO(struct kvm_page *, kvm_page_free)

/* Is there one in this process?  Nothing is taken. */
int kvm_page_present(const char *proc, pid_t pid, bool *ret, struct cf_error *err);

/* As it was when the page was opened; what stands there later nobody asks. */
uint32_t kvm_page_version(const struct kvm_page *page);
enum cf_kvm_arch kvm_page_arch(const struct kvm_page *page);

/*
 * Become readable with a capture or sample, and with an outcome; the page's own.
 * kvm_page_heard() makes one wait again, and never blocks.  Who breaks out can
 * ring them all day, so look at them no more often than you can afford.
 */
int kvm_page_captured_fd(const struct kvm_page *page);
int kvm_page_outcome_fd(const struct kvm_page *page);
void kvm_page_heard(int fd);

/* What the library said last.  -EAGAIN: it is being written; -EPROTO: it cannot be true. */
int kvm_page_read(const struct kvm_page *page, struct cf_kvm_said *ret, struct cf_error *err);

/*
 * A sample of a guest that runs: asked for, and later there.  It comes with
 * the next call of the QEMU into KVM, which is soon, and sooner while it migrates.
 * -EAGAIN: not yet.
 */
void kvm_page_want(struct kvm_page *page);
int kvm_page_sample(const struct kvm_page *page, struct cf_kvm_capture *ret, struct cf_error *err);

/*
 * Arms the library with *asked; its seq is ours, its serial is made here and returned
 * in it.  Armed again with the same direction it is another arming.  A failing one leaves the page as it was.
 * What the library did before it could see the arming is in the page when that is read after it.
 */
int kvm_page_arm(struct kvm_page *page, struct cf_kvm_asked *asked, struct cf_error *err);

/* Is it armed on the source for that migration, whose 16 bytes they are, expired or not? */
bool kvm_page_is_armed(const struct kvm_page *page, const unsigned char *migration);

/*
 * Takes back what is armed, if it is for that migration, whose 16 bytes they are; NULL: whichever.  The
 * guest's next one may have armed it meanwhile.
 */
void kvm_page_disarm(struct kvm_page *page, const unsigned char *migration);

/* What is armed expires then, and is the same arming; the library may look at any moment, and never finds it being written. */
void kvm_page_prolong(struct kvm_page *page, cf_mono expires);

/* The bytes of a whole page, as anybody may have written them; what kvm_page_read() rests on.  Pure. */
int kvm_page_parse(const void *bytes, size_t size, struct cf_kvm_said *ret, struct cf_error *err);
