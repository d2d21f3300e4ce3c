/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Throw-away certificates, as files in a directory. */

/* Until the year 2368, which no time of ours reaches. */
#define CERTS_AGES_H 3000000

struct certificate {
	const char *name;		/* of the files: NAME.pem and NAME.key */
	const char *issuer;		/* the name of a CA made before; NULL: it is a CA itself */
	const char *cn, *dns, *uri;	/* NULL: none */
	const char *also;		/* another DNS name; NULL: none */
	int from_h, to_h;		/* of validity, in hours from now; both 0: a day each way */
	const char *purpose;		/* the one extended key usage; NULL: none is named */
	bool ca;			/* one that another CA issued */
	bool chain;			/* NAME.pem has the issuer's certificate after its own */
};

void certs_make(const char *dir, const struct certificate *c);

/* A CRL of the issuer that lists the certificate of that name, as FILE in dir. */
void certs_revoke(const char *dir, const char *issuer, const char *name, const char *file);
