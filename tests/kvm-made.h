/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A page in this process as the library makes it in a QEMU, all but its magic number. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/kvm.h"

static inline struct cf_kvm_page *kvm_page_made(void)
{
	int memfd = memfd_create(CF_KVM_MEMFD, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct cf_kvm_page *page;

	if (memfd < 0 || ftruncate(memfd, sizeof(*page)) < 0 ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		printf("Bail out! %s\n", strerror(errno));
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (page == MAP_FAILED)
		printf("Bail out! %s\n", strerror(errno));
	page->version = CF_KVM_VERSION;
	page->size = sizeof(*page);
	page->arch = CF_KVM_ARCH_X86;
	page->memfd = memfd;
	page->event_capture = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	page->event_outcome = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return page;
}
