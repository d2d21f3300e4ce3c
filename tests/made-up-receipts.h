/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Receipts of every end, for made-up.c. */

#include "proto/receipt.h"

extern const struct cf_receipt receipt_clean, receipt_breached, receipt_unverified, receipt_refused, receipt_aborted,
	receipt_carried, receipt_rolled_back, receipt_stopped, receipt_alone_there, receipt_long, receipt_absent;
